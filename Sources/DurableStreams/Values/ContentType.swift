/// The type of a stream's content, fixed when the stream is created (RFC 9110 section 8.3.1).
///
/// Two content types are equal if their texts are; whether they mean the same kind of stream is asked with
/// ``matches(_:)``.
public struct ContentType: Sendable, Hashable {
    /// As it was given, parameters and letter case included, without white space around it.
    public let text: String

    /// `type/subtype` in lower case.
    public let mediaType: String

    /// The longest accepted text, in bytes: more than a request's header fields have together.
    public static let byteCountLimit = 64 << 10

    /// What a stream has that was created without a type: `application/octet-stream`.
    public static let octetStream = ContentType(wellKnown: "application/octet-stream")

    /// Nil unless the text has the form `type/subtype`, both tokens (RFC 9110 section 5.6.2), then nothing or `;` and
    /// parameters, and at most ``byteCountLimit`` bytes. Parameters are not taken apart, but hold no control
    /// characters.
    public init?(_ text: String) {
        for known in Self.wellKnown where known.text == text {
            // A million streams share these texts.
            self = known
            return
        }
        var text = text
        guard let form = text.withUTF8({ bytes in ContentTypeForm(bytes) }) else { return nil }
        let utf8 = text.utf8
        let start = utf8.index(utf8.startIndex, offsetBy: form.start)
        let mediaType = text[start..<utf8.index(start, offsetBy: form.mediaTypeByteCount)]
        let trimmed = text[start..<utf8.index(start, offsetBy: form.byteCount)]
        self.text = trimmed.utf8.count == utf8.count ? text : String(trimmed)
        self.mediaType =
            !form.hasUpperCase && trimmed.utf8.count == mediaType.utf8.count ? self.text : mediaType.lowercased()
    }

    private init(wellKnown text: String) {
        self.text = text
        mediaType = text
    }

    private static let json = ContentType(wellKnown: "application/json")
    private static let wellKnown = [json, octetStream, ContentType(wellKnown: "text/plain")]

    /// Whether the stream holds JSON messages: `application/json`, whatever the parameters.
    public var isJSON: Bool { mediaType == Self.json.mediaType }

    /// Whether the content is text: `text/*`.
    public var isText: Bool { mediaType.utf8.starts(with: "text/".utf8) }

    /// Whether both have the same media type; parameters and letter case do not matter.
    public func matches(_ other: ContentType) -> Bool { mediaType == other.mediaType }
}

/// Where the parts of a content type are, in bytes.
private struct ContentTypeForm {
    var start = 0
    var byteCount = 0
    var mediaTypeByteCount = 0
    var hasUpperCase = false

    init?(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard bytes.count <= ContentType.byteCountLimit else { return nil }
        var end = bytes.count
        while start < end, Self.isWhiteSpace(bytes[start]) { start += 1 }
        while end > start, Self.isWhiteSpace(bytes[end - 1]) { end -= 1 }
        byteCount = end - start

        var offset = start
        guard skipToken(bytes, &offset, end), offset < end, bytes[offset] == UInt8(ascii: "/") else { return nil }
        offset += 1
        guard skipToken(bytes, &offset, end) else { return nil }
        mediaTypeByteCount = offset - start

        while offset < end, Self.isWhiteSpace(bytes[offset]) { offset += 1 }
        guard offset == end || bytes[offset] == UInt8(ascii: ";") else { return nil }
        // The text is sent back in a header field, so it must not be able to end one.
        guard bytes[offset..<end].allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else { return nil }
    }

    private mutating func skipToken(_ bytes: UnsafeBufferPointer<UInt8>, _ offset: inout Int, _ end: Int) -> Bool {
        let tokenStart = offset
        while offset < end {
            switch bytes[offset] {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): hasUpperCase = true
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): break
            // ! # $ % & ' * + - . ^ _ ` | ~
            case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E...0x60, 0x7C, 0x7E: break
            default: return offset > tokenStart
            }
            offset += 1
        }
        return offset > tokenStart
    }

    private static func isWhiteSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}
