/// The bytes of one request, made once and sent many times; what differs between requests is written in place.
final class RequestBytes {
    private let memory: UnsafeMutableRawBufferPointer
    /// Where the body begins.
    let bodyStart: Int

    init(
        _ method: String, _ path: String, authority: String, _ fields: [(String, String)] = [], body: [UInt8]? = nil
    ) {
        var text = "\(method) \(path) HTTP/1.1\r\nHost: \(authority)\r\n"
        for (name, value) in fields { text += "\(name): \(value)\r\n" }
        if let body { text += "Content-Length: \(body.count)\r\n" }
        let head = Array((text + "\r\n").utf8)
        memory = .allocate(byteCount: head.count + (body?.count ?? 0), alignment: 1)
        memory.copyBytes(from: head)
        bodyStart = head.count
        if let body { UnsafeMutableRawBufferPointer(rebasing: memory[head.count...]).copyBytes(from: body) }
    }

    deinit { memory.deallocate() }

    /// Valid as long as this object is.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(memory) }
    var body: UnsafeMutableRawPointer { memory.baseAddress! + bodyStart }

    /// The place of a header field's value, to be written over.
    func place(ofField name: String) -> UnsafeMutableRawBufferPointer {
        let pattern = Array("\r\n\(name): ".utf8)
        for start in 0..<(bodyStart - pattern.count) where memory[start] == pattern[0] {
            guard memory[start..<(start + pattern.count)].elementsEqual(pattern) else { continue }
            let first = start + pattern.count
            let end = memory[first...].firstIndex(of: UInt8(ascii: "\r"))!
            return UnsafeMutableRawBufferPointer(rebasing: memory[first..<end])
        }
        preconditionFailure("the request has no field \(name)")
    }

    /// The last bytes of the path, which is that of the request, to be written over.
    func place(ofPathSuffix count: Int, path: String) -> UnsafeMutableRawBufferPointer {
        let methodEnd = memory.firstIndex(of: UInt8(ascii: " "))!
        let end = methodEnd + 1 + path.utf8.count
        return UnsafeMutableRawBufferPointer(rebasing: memory[(end - count)..<end])
    }

    /// Writes a decimal number with spaces in front, which a field's value may have (RFC 9110, section 5.5).
    static func writeDecimal(_ number: Int, to place: UnsafeMutableRawBufferPointer) {
        var rest = number
        var index = place.count - 1
        repeat {
            place[index] = UInt8(ascii: "0") + UInt8(rest % 10)
            rest /= 10
            index -= 1
        } while rest > 0 && index >= 0
        while index >= 0 {
            place[index] = UInt8(ascii: " ")
            index -= 1
        }
    }
}
