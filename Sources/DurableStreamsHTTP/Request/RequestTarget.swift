import DurableStreams

/// What a request target names, seen from a base path.
enum RequestTarget {
    /// A stream; the query is what follows the `?`.
    case stream(StreamPath, query: Substring?)
    /// Something under `{base}/__ds`, where no stream can be.
    case reserved
    /// Nothing under the base path.
    case outside
    /// Under the base path, but no stream can have this name.
    case invalid(StreamPathError)

    /// The first path segment that is kept for other things than streams.
    private static let reservedSegment: StaticString = "__ds"

    init(_ target: String, base: BasePath) {
        var target = target
        let (range, path) = target.withUTF8 { bytes in
            let pathEnd = bytes.firstIndex(of: UInt8(ascii: "?")) ?? bytes.count
            guard let start = base.end(in: bytes, pathEnd: pathEnd) else { return (0..<0, String?.none) }
            let path = UnsafeBufferPointer(rebasing: bytes[start..<pathEnd])
            return (start..<pathEnd, String(decoding: path, as: UTF8.self))
        }
        guard let path else {
            self = .outside
            return
        }
        do throws(StreamPathError) {
            let path = try StreamPath(path)
            let query = Self.query(of: target, after: range.upperBound)
            self = Self.isReserved(path) ? .reserved : .stream(path, query: query)
        } catch {
            self = .invalid(error)
        }
    }

    private static func query(of target: String, after pathEnd: Int) -> Substring? {
        let utf8 = target.utf8
        guard pathEnd < utf8.count else { return nil }
        return target[utf8.index(utf8.startIndex, offsetBy: pathEnd + 1)...]
    }

    private static func isReserved(_ path: StreamPath) -> Bool {
        var text = path.text
        return text.withUTF8 { bytes in
            let byteCount = reservedSegment.utf8CodeUnitCount
            guard bytes.count >= byteCount, bytes[0] == UInt8(ascii: "_") else { return false }
            for index in 0..<byteCount where bytes[index] != reservedSegment.utf8Start[index] { return false }
            return bytes.count == byteCount || bytes[byteCount] == UInt8(ascii: "/")
        }
    }
}

/// The path that all stream URLs begin with.
struct BasePath: Sendable {
    /// With a slash at either end.
    let text: String
    private let bytes: [UInt8]

    init(_ text: String) {
        var text = text
        if !text.hasPrefix("/") { text = "/" + text }
        if !text.hasSuffix("/") { text += "/" }
        self.text = text
        bytes = Array(text.utf8)
    }

    /// Where the stream path begins in a target; the end of the path if the target is the base path without its last
    /// slash. Nil if the target is not under the base path.
    func end(in target: UnsafeBufferPointer<UInt8>, pathEnd: Int) -> Int? {
        for index in bytes.indices {
            if index == pathEnd { return index > 0 && index == bytes.count - 1 ? index : nil }
            if target[index] != bytes[index] { return nil }
        }
        return bytes.count
    }

    func owns(_ target: String) -> Bool {
        var target = target
        return target.withUTF8 { bytes in
            end(in: bytes, pathEnd: bytes.firstIndex(of: UInt8(ascii: "?")) ?? bytes.count) != nil
        }
    }
}
