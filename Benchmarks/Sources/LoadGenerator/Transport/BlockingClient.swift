internal import Glibc

/// A response with its whole body.
struct WholeResponse {
    var head: ResponseHead
    var body: [UInt8]
}

/// Does one request after the other and waits for each: for what comes before and after a measurement.
final class BlockingClient {
    let address: ServerAddress
    private var descriptor: CInt = -1
    private var parser = ResponseParser()
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 64)

    init(to address: ServerAddress) { self.address = address }

    deinit {
        disconnect()
        buffer.deallocate()
    }

    func disconnect() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }

    /// Throws if there is no answer within 60 seconds, or none that can be read.
    func exchange(_ request: RequestBytes, isHead: Bool = false) throws(LoadError) -> WholeResponse {
        if wasClosedMeanwhile { disconnect() }
        if descriptor < 0 {
            descriptor = try address.connect(isNonBlocking: false)
            parser = ResponseParser()
            var limit = timeval(tv_sec: 60, tv_usec: 0)
            setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        do throws(LoadError) {
            try send(request)
            return try receive(isHead)
        } catch {
            disconnect()
            throw error
        }
    }

    /// Between two requests, which may be an hour apart, a server may close the connection.
    private var wasClosedMeanwhile: Bool {
        guard descriptor >= 0 else { return false }
        let count = recv(descriptor, buffer.baseAddress!, 1, CInt(MSG_PEEK) | CInt(MSG_DONTWAIT))
        return count >= 0 || errno != EAGAIN
    }

    func exchange(
        _ method: String, _ path: String, _ fields: [(String, String)] = [], body: [UInt8]? = nil
    ) throws(LoadError) -> WholeResponse {
        let request = RequestBytes(method, path, authority: address.authority, fields, body: body)
        return try exchange(request, isHead: method == "HEAD")
    }

    private func send(_ request: RequestBytes) throws(LoadError) {
        defer { withExtendedLifetime(request) {} }
        let bytes = request.bytes
        var sent = 0
        while sent < bytes.count {
            let count = Glibc.send(
                descriptor, bytes.baseAddress! + sent, bytes.count - sent, CInt(MSG_NOSIGNAL))
            guard count > 0 else { throw .system("send") }
            sent += count
        }
    }

    private func receive(_ isHead: Bool) throws(LoadError) -> WholeResponse {
        parser.answersHead = isHead
        parser.expectsResponse = true
        var body: [UInt8] = []
        while true {
            let count = recv(descriptor, buffer.baseAddress!, buffer.count, 0)
            guard count >= 0 else { throw .system("recv") }
            do throws(ResponseError) {
                if count == 0 {
                    guard try parser.finish() else { throw .cut }
                    disconnect()
                    return WholeResponse(head: parser.head, body: body)
                }
                var rest = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                while let event = try parser.next(&rest) {
                    switch event {
                    case .head: break
                    case .body(let piece): body.append(contentsOf: piece)
                    case .end:
                        if parser.head.closes { disconnect() }
                        return WholeResponse(head: parser.head, body: body)
                    }
                }
            } catch {
                throw LoadError("\(error)")
            }
        }
    }
}
