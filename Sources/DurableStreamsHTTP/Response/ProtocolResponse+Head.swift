import DurableStreams
import DurableStreamsWire
public import NIOCore

extension ProtocolResponse {
    /// Appends the ready bytes of an HTTP/1.1 head, the empty line included.
    ///
    /// `keepAlive` false adds `Connection: close`. With ``ResponseFraming/contentLength`` the length of ``body`` is
    /// stated (0 without one), but never where no body may follow.
    public func writeHead(
        into buffer: inout ByteBuffer, keepAlive: Bool, framing: ResponseFraming, constants: ResponseConstants
    ) {
        let (second, _) = constants.now().millisecondsSince1970.quotientAndRemainder(dividingBy: 1_000)
        let date = constants.dates.text(secondsSince1970: second)
        let byteCountLimit = Self.fixedByteCountLimit + constants.block.count + variableByteCount
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: byteCountLimit) { memory in
            var writer = RawByteWriter(memory)
            writeStatusLine(into: &writer)
            addFields(to: &writer)
            writeFraming(framing, into: &writer)
            writer.write(constants.block)
            writer.write("Date: ")
            writer.write(date)
            writer.write(keepAlive ? "\r\n\r\n" : "\r\nConnection: close\r\n\r\n")
            return writer.count
        }
    }

    /// More than the status line and all fields take together whose length does not depend on text.
    private static let fixedByteCountLimit = 1_280

    private var variableByteCount: Int {
        var count = (contentType?.utf8.count ?? 0) + (location?.utf8.count ?? 0)
        if case .until(_, let text)? = lifetime { count += text.utf8.count }
        return count
    }

    private func writeFraming(_ framing: ResponseFraming, into writer: inout RawByteWriter) {
        if bodyIsOmitted { return }
        switch framing {
        case .contentLength:
            writer.write("Content-Length: ")
            writer.write(decimal: UInt64(body?.readableBytes ?? 0))
            writer.write("\r\n")
        case .chunked:
            writer.write("Transfer-Encoding: chunked\r\n")
        case .closeDelimited:
            break
        }
    }

    private func writeStatusLine(into writer: inout RawByteWriter) {
        if let line = Self.statusLine(status) { return writer.write(line) }
        writer.write("HTTP/1.1 ")
        writer.write(decimal: UInt64(max(0, status)))
        // The reason may be empty, the space before it may not be missing (RFC 9112 section 4).
        writer.write(" \r\n")
    }

    private static func statusLine(_ status: Int) -> StaticString? {
        switch status {
        case 200: "HTTP/1.1 200 OK\r\n"
        case 201: "HTTP/1.1 201 Created\r\n"
        case 204: "HTTP/1.1 204 No Content\r\n"
        case 304: "HTTP/1.1 304 Not Modified\r\n"
        case 400: "HTTP/1.1 400 Bad Request\r\n"
        case 403: "HTTP/1.1 403 Forbidden\r\n"
        case 404: "HTTP/1.1 404 Not Found\r\n"
        case 405: "HTTP/1.1 405 Method Not Allowed\r\n"
        case 408: "HTTP/1.1 408 Request Timeout\r\n"
        case 409: "HTTP/1.1 409 Conflict\r\n"
        case 410: "HTTP/1.1 410 Gone\r\n"
        case 413: "HTTP/1.1 413 Content Too Large\r\n"
        case 414: "HTTP/1.1 414 URI Too Long\r\n"
        case 415: "HTTP/1.1 415 Unsupported Media Type\r\n"
        case 429: "HTTP/1.1 429 Too Many Requests\r\n"
        case 431: "HTTP/1.1 431 Request Header Fields Too Large\r\n"
        case 500: "HTTP/1.1 500 Internal Server Error\r\n"
        case 501: "HTTP/1.1 501 Not Implemented\r\n"
        case 503: "HTTP/1.1 503 Service Unavailable\r\n"
        case 505: "HTTP/1.1 505 HTTP Version Not Supported\r\n"
        case 507: "HTTP/1.1 507 Insufficient Storage\r\n"
        default: nil
        }
    }
}
