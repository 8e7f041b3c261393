/// The first part of a response, all of it as the server wrote it.
struct ResponseHead: Sendable {
    var version: String
    var status: Int
    var reason: String
    var headers: HeaderList

    /// Parses the lines before the empty one. Strict: a server under test gets no leniency.
    init(parsing bytes: ArraySlice<UInt8>) throws {
        let text = String(decoding: bytes, as: UTF8.self)
        var lines = text.split(separator: "\r\n", omittingEmptySubsequences: false).map(String.init)
        let statusLine = lines.removeFirst()
        let parts = statusLine.split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 2, parts[0] == "HTTP/1.1" || parts[0] == "HTTP/1.0", parts[1].utf8.count == 3,
            let status = Int(parts[1]), status >= 100
        else { throw ClientError.malformed("status line \(statusLine.debugDescription)") }
        version = parts[0]
        self.status = status
        reason = parts.count == 3 ? parts[2] : ""
        headers = HeaderList()
        for line in lines {
            guard let colon = line.firstIndex(of: ":"), Self.isToken(line[..<colon]),
                !line.unicodeScalars.contains("\n")
            else { throw ClientError.malformed("header line \(line.debugDescription)") }
            headers.append(String(line[..<colon]), line[line.index(after: colon)...].trimmingSpaces())
        }
    }

    private static func isToken(_ name: Substring) -> Bool {
        !name.isEmpty
            && name.utf8.allSatisfy { byte in
                byte > 0x20 && byte < 0x7f && !"\"(),/:;<=>?@[\\]{}".utf8.contains(byte)
            }
    }
}

struct Response: Sendable, CustomStringConvertible {
    var head: ResponseHead
    var body: [UInt8]
    /// Fields after the last chunk.
    var trailers = HeaderList()

    var status: Int { head.status }
    var headers: HeaderList { head.headers }
    var text: String { String(decoding: body, as: UTF8.self) }

    var nextOffset: String? { headers["Stream-Next-Offset"] }
    var isUpToDate: Bool { headers["Stream-Up-To-Date"] == "true" }
    var isClosed: Bool { headers["Stream-Closed"] == "true" }
    var entityTag: String? { headers["ETag"] }

    var description: String {
        let shown = body.count > 400 ? String(decoding: body.prefix(400), as: UTF8.self) + "…" : text
        return "\(head.version) \(head.status) \(head.reason)\n\(headers)\n\n\(shown)"
    }
}
