/// The name of a stream: the part of its URL's path after the base path, normalized.
///
/// Two spellings name the same stream exactly if RFC 3986 section 6.2.2 makes them equal: percent-encoded unreserved
/// characters are decoded, hexadecimal digits are written in upper case, and characters that a path may not hold
/// are percent-encoded. Nothing else changes: `%2F` is no separator, `!` and `%21` differ, and
/// `a//b`, `a/b` and `a/b/` are three streams.
public struct StreamPath: Hashable, Sendable {
    /// The normalized path: 1 to ``byteCountLimit`` bytes, all of them ASCII.
    public let text: String

    /// The longest normalized path, in bytes. A text of more than three times this length is refused unread.
    public static let byteCountLimit = 1_024

    /// Normalizes a path as it stands in a request line, without the base path and the query.
    ///
    /// Characters outside ASCII may be given plainly. Takes one pass over the UTF-8 bytes; a path that is normal
    /// already is kept without a copy.
    public init(_ text: String) throws(StreamPathError) {
        var text = text
        let outcome = text.withUTF8 { bytes in PathNormalizer.normalize(bytes) }
        switch outcome {
        case .unchanged: self.text = text
        case .changed(let normalized): self.text = normalized
        case .invalid(let error): throw error
        }
    }

    /// - Parameter bytes: The text of a path that was normalized before.
    init(normalized bytes: UnsafeRawBufferPointer) { text = String(decoding: bytes, as: UTF8.self) }

    /// Lends the bytes of ``text`` for the time of the call.
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        var text = text
        return text.withUTF8 { body(UnsafeRawBufferPointer($0)) }
    }
}

extension StreamPath: Comparable {
    /// Byte-wise order of the normalized texts.
    public static func < (left: StreamPath, right: StreamPath) -> Bool {
        // Swift compares texts that are ASCII by their bytes.
        left.text < right.text
    }
}

extension StreamPath: CustomStringConvertible {
    public var description: String { text }
}
