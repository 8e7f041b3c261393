import DurableStreams
import DurableStreamsWire
import HTTPTypes

/// What the heads of all responses share: the fields that never change, as ready bytes, and the date.
public final class ResponseConstants: Sendable {
    /// Field lines, each with its line end.
    let block: [UInt8]
    let fields: HTTPFields
    let dates = HTTPDateCache()
    let now: @Sendable () -> WallClockTime

    public convenience init(allowedOrigin: String) {
        self.init(allowedOrigin: allowedOrigin, now: { WallClockTime.now() })
    }

    init(allowedOrigin: String, now: @escaping @Sendable () -> WallClockTime) {
        self.now = now
        let constants: [(HTTPField.Name, String)] = [
            (.xContentTypeOptions, "nosniff"),
            (.crossOriginResourcePolicy, "cross-origin"),
            (.accessControlAllowOrigin, allowedOrigin),
            (.accessControlAllowMethods, Self.methods),
            (.accessControlAllowHeaders, Self.requestHeaders),
            (.accessControlExposeHeaders, Self.responseHeaders),
            (.accessControlMaxAge, "86400"),
        ]
        var fields = HTTPFields()
        var block: [UInt8] = []
        for (name, value) in constants {
            // The field drops what a value may not hold, such as a line end in a configured origin.
            let field = HTTPField(name: name, value: value)
            fields.append(field)
            block += "\(name.rawName): \(field.value)\r\n".utf8
        }
        self.fields = fields
        self.block = block
    }

    /// With a date of its own: for each thread that writes many heads, so that they don't share what changes.
    public func copy() -> ResponseConstants { ResponseConstants(copying: self) }

    private init(copying other: ResponseConstants) {
        block = other.block
        fields = other.fields
        now = other.now
    }

    private static let methods = "GET, POST, PUT, DELETE, HEAD, OPTIONS"

    private static let requestHeaders = """
        content-type, authorization, if-none-match, accept-encoding, content-encoding, \
        Stream-Seq, Stream-TTL, Stream-Expires-At, Stream-Closed, \
        Stream-Forked-From, Stream-Fork-Offset, Stream-Fork-Sub-Offset, \
        Producer-Id, Producer-Epoch, Producer-Seq
        """

    private static let responseHeaders = """
        Stream-Next-Offset, Stream-Up-To-Date, Stream-Closed, Stream-Cursor, \
        Stream-SSE-Data-Encoding, Stream-TTL, Stream-Expires-At, \
        Producer-Epoch, Producer-Seq, Producer-Expected-Seq, Producer-Received-Seq, \
        Retry-After, Allow, Cache-Control, etag, location, content-type, content-encoding, vary
        """
}
