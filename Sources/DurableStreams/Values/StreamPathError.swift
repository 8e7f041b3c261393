/// Why a text is no stream path.
///
/// The descriptions never repeat the text, so they can be sent to whoever sent it.
public enum StreamPathError: Error, Equatable, Sendable, CustomStringConvertible {
    /// There is nothing after the base path.
    case empty
    /// The normalized path is longer than ``StreamPath/byteCountLimit``.
    case tooLong
    /// A `%` is not followed by two hexadecimal digits.
    case malformedEscape
    /// A segment is `.` or `..`, written plainly or with `%2E`.
    case dotSegment
    /// A character below U+0020 or U+007F, written plainly or percent-encoded.
    case controlCharacter
    /// The decoded bytes are not UTF-8, or the text holds U+FFFD, which stands for bytes that were not.
    case invalidUTF8
    /// A `#`: a fragment is never sent to a server.
    case fragment
    /// A `?`: the query is no part of the path.
    case queryMark

    public var description: String {
        switch self {
        case .empty: "the stream path is empty"
        case .tooLong: "the stream path is longer than \(StreamPath.byteCountLimit) bytes"
        case .malformedEscape: "the stream path has a '%' without two hexadecimal digits"
        case .dotSegment: "the stream path has a '.' or '..' segment"
        case .controlCharacter: "the stream path has a control character"
        case .invalidUTF8: "the stream path is not valid UTF-8"
        case .fragment: "the stream path has a '#'"
        case .queryMark: "the stream path has a '?'"
        }
    }
}
