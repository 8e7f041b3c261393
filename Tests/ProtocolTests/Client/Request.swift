/// A request body and the way in which its length is announced.
enum RequestBody: ExpressibleByStringLiteral, Sendable {
    /// No body and no length.
    case none
    /// With `Content-Length`.
    case bytes([UInt8])
    /// With `Transfer-Encoding: chunked`, one chunk for each element.
    case chunked([[UInt8]])

    init(stringLiteral value: String) {
        self = .bytes(Array(value.utf8))
    }

    static func text(_ text: some StringProtocol) -> RequestBody {
        .bytes(Array(text.utf8))
    }
}

/// One request, in whatever spelling the test asks for: nothing is checked or escaped.
struct Request: Sendable {
    var method: String
    /// As it goes into the request line.
    var target: String
    var headers: HeaderList
    var body: RequestBody

    init(_ method: String, _ target: String, _ headers: HeaderList = [:], body: RequestBody = .none) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
    }

    /// The request as bytes. `Host` and the length of the body are added unless the test gives its own.
    func bytes(host: String) -> [UInt8] {
        var head = "\(method) \(target) HTTP/1.1\r\n"
        if headers["Host"] == nil {
            head += "Host: \(host)\r\n"
        }
        for field in headers.fields {
            head += "\(field.name): \(field.value)\r\n"
        }
        switch body {
        case .none:
            return Array((head + "\r\n").utf8)
        case .bytes(let bytes):
            if headers["Content-Length"] == nil {
                head += "Content-Length: \(bytes.count)\r\n"
            }
            return Array((head + "\r\n").utf8) + bytes
        case .chunked(let chunks):
            head += "Transfer-Encoding: chunked\r\n\r\n"
            var bytes = Array(head.utf8)
            for chunk in chunks where !chunk.isEmpty {
                bytes += Array((String(chunk.count, radix: 16) + "\r\n").utf8) + chunk + Array("\r\n".utf8)
            }
            return bytes + Array("0\r\n\r\n".utf8)
        }
    }
}
