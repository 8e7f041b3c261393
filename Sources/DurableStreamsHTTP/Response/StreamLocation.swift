import DurableStreams

/// The absolute URL of a stream, for `Location`.
struct StreamLocation {
    var publicURL: String?
    var fallbackHost: String?
    var trustsForwardedHeaders: Bool
    var basePath: String

    /// From the configured URL, else from what the client, or a trusted proxy, says it called the server. Where a
    /// request names no host, which HTTP/1.0 allows, from the configured one; without that the path alone, which is relative
    /// to the URL that the request was sent to.
    /// - Throws: If `Host` is malformed (RFC 9112 section 3.2).
    func text(of path: StreamPath, request: ProtocolRequest) throws(Refusal) -> String {
        if let publicURL { return withoutLastSlash(publicURL) + basePath + path.text }
        let forwardedHost = trustsForwardedHeaders ? request.forwardedHost.flatMap(Self.firstMember) : nil
        let named = request.host.flatMap { $0.isEmpty ? nil : $0 }
        if let named, Self.host(named) == nil { throw .badRequest("the Host header is malformed") }
        guard let host = forwardedHost.flatMap(Self.host) ?? named ?? fallbackHost else { return basePath + path.text }
        let isSecure = trustsForwardedHeaders
            && request.forwardedProtocol.flatMap(Self.firstMember)?.lowercased() == "https"
        return (isSecure ? "https://" : "http://") + host + basePath + path.text
    }

    private func withoutLastSlash(_ url: String) -> String {
        url.hasSuffix("/") ? String(url.dropLast()) : url
    }

    private static func firstMember(_ list: String) -> String? {
        let first = list.prefix { $0 != "," }
        return HeaderValue.trimmed(String(first))
    }

    /// Nil if it is not made of what host names, addresses and port numbers are made of.
    private static func host(_ text: String) -> String? {
        guard !text.isEmpty, text.utf8.count <= 255 + 6 else { return nil }
        let isHost = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: ":"),
                UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "%"):
                true
            default: false
            }
        }
        return isHost ? text : nil
    }
}
