/// Why, and where, a text is not JSON as RFC 8259 has it.
///
/// The description never repeats the text, so it can be sent to whoever sent it.
public struct JSONSyntaxError: Error, Equatable, Sendable, CustomStringConvertible {
    /// Where the first byte is that cannot be there; the length of the text if it ends too early.
    public var byteOffset: Int
    public var reason: Reason

    public init(byteOffset: Int, reason: Reason) {
        self.byteOffset = byteOffset
        self.reason = reason
    }

    public enum Reason: Equatable, Sendable, CustomStringConvertible {
        /// The text ends before its value does, or has no value at all.
        case unexpectedEnd
        /// A U+FEFF before the value (section 8.1).
        case byteOrderMark
        /// A value must begin here.
        case valueExpected
        /// `true`, `false` or `null` is misspelled.
        case invalidLiteral
        /// A leading zero, or no digit where there must be one.
        case invalidNumber
        /// A backslash is not followed by an escape of section 7.
        case invalidEscape
        /// A character below U+0020 in a string must be escaped.
        case controlCharacter
        /// The bytes of a string are not UTF-8 (RFC 3629).
        case invalidUTF8
        /// A name in double quotes must begin here.
        case nameExpected
        /// A colon must follow the name of an object's member.
        case colonExpected
        /// A comma or a closing bracket must follow an array's element.
        case commaOrClosingBracketExpected
        /// A comma or a closing brace must follow an object's member.
        case commaOrClosingBraceExpected
        /// Arrays and objects are nested deeper than 10,000 levels.
        case nestedTooDeep
        /// Something other than white space follows the value.
        case trailingBytes

        public var description: String {
            switch self {
            case .unexpectedEnd: "the text ends too early"
            case .byteOrderMark: "a byte order mark is not allowed"
            case .valueExpected: "a value is expected"
            case .invalidLiteral: "a literal is misspelled"
            case .invalidNumber: "a number is malformed"
            case .invalidEscape: "a string has a malformed escape"
            case .controlCharacter: "a string has an unescaped control character"
            case .invalidUTF8: "a string is not valid UTF-8"
            case .nameExpected: "a name in quotes is expected"
            case .colonExpected: "a colon is expected"
            case .commaOrClosingBracketExpected: "',' or ']' is expected"
            case .commaOrClosingBraceExpected: "',' or '}' is expected"
            case .nestedTooDeep: "arrays and objects are nested deeper than \(JSONValidator.depthLimit) levels"
            case .trailingBytes: "something follows the value"
            }
        }
    }

    public var description: String {
        "invalid JSON at byte \(byteOffset): \(reason)"
    }
}
