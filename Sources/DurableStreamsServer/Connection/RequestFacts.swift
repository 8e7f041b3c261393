internal import DurableStreamsHTTP
internal import NIOHTTP1

/// What a connection has to know of a request's head, apart from what the protocol makes of it.
struct RequestFacts: Equatable, Sendable {
    /// `Content-Length`, if there is one. What cannot be counted is as much as can be: more than any limit.
    var announcedByteCount: Int?
    var isChunked = false
    /// The body's framing is not that of RFC 9112 section 6.1 as far as it is understood here: `chunked`, once, in
    /// HTTP/1.1.
    var hasUnknownCoding = false
    /// Whether the client would like to send another request afterwards (RFC 9112 section 9.3).
    var keepsAlive = true
    /// HTTP/1.0: no chunks, no interim answers, and keeping alive must be said.
    var isVersion10 = false
    /// `Expect: 100-continue`: the client waits for leave before it sends the body.
    var expectsContinue = false
    /// An upgrade or CONNECT was asked for. We never switch, but the decoder reads nothing after such a request.
    var endsDecoding = false
    /// RFC 9112 section 3.2 wants exactly one `Host` in HTTP/1.1.
    var hostCount = 1

    var hasBody: Bool { isChunked || (announcedByteCount ?? 0) > 0 }
    var lacksHost: Bool { isVersion10 ? hostCount > 1 : hostCount != 1 }
}

extension RequestFacts {
    /// Reads a head in one pass: what the protocol knows goes into the request, what the connection needs into the
    /// facts.
    static func read(_ head: HTTPRequestHead) -> (ProtocolRequest, RequestFacts) {
        var request = ProtocolRequest(method: method(of: head), target: head.uri)
        var facts = RequestFacts()
        facts.isVersion10 = head.version.minor == 0
        facts.keepsAlive = head.isKeepAlive
        facts.endsDecoding = head.method == .CONNECT
        facts.hostCount = 0
        for (name, value) in head.headers {
            request.addHeader(name: name, value: value)
            facts.note(name, value)
        }
        if facts.isChunked, facts.isVersion10 { facts.hasUnknownCoding = true }
        return (request, facts)
    }

    /// The decoder has checked lengths and codings: a second or malformed `Content-Length`, one beside a
    /// `Transfer-Encoding`, or a coding that doesn't end in `chunked` never gets here.
    private mutating func note(_ name: String, _ value: String) {
        switch name.utf8.count {
        case 4 where name.equals("host"): hostCount += 1
        case 6 where name.equals("expect"): expectsContinue = value.equals("100-continue") && !isVersion10
        case 7 where name.equals("upgrade"): endsDecoding = true
        case 14 where name.equals("content-length"): announcedByteCount = Int(value) ?? .max
        case 17 where name.equals("transfer-encoding"):
            // The decoder takes an empty value for none, and what stands before `chunked` for the body's own business.
            if isChunked || !value.equals("chunked") { hasUnknownCoding = true }
            isChunked = true
        default: break
        }
    }

    private static func method(of head: HTTPRequestHead) -> ProtocolRequest.Method {
        switch head.method {
        case .GET: .get
        case .POST: .post
        case .PUT: .put
        case .DELETE: .delete
        case .HEAD: .head
        case .OPTIONS: .options
        default: .other(head.method.rawValue)
        }
    }
}

extension String {
    /// Compares with a text in lower case, letter case of ASCII aside, without making another string.
    func equals(_ lowercase: StaticString) -> Bool {
        guard utf8.count == lowercase.utf8CodeUnitCount else { return false }
        var expected = lowercase.utf8Start
        for byte in utf8 {
            let lower = byte &- 0x41 < 26 ? byte | 0x20 : byte
            guard lower == expected.pointee else { return false }
            expected += 1
        }
        return true
    }
}
