/// The character classes of RFC 3986 that matter in a path.
enum PathCharacter {
    /// A character that stands for itself in a normalized path: `pchar` without escapes (section 3.3), or the
    /// separator.
    @inline(__always)
    static func isPlain(_ byte: UInt8) -> Bool {
        contains(byte, low: lowUnreserved | lowReservedInPath, high: highUnreserved | highReservedInPath)
    }

    /// Section 2.3: letters, digits, `-`, `.`, `_`, `~`.
    @inline(__always)
    static func isUnreserved(_ byte: UInt8) -> Bool {
        contains(byte, low: lowUnreserved, high: highUnreserved)
    }

    @inline(__always)
    static func hexadecimalValue(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    @inline(__always)
    static func hexadecimalDigit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
    }

    // Sets of ASCII characters as bits: `low` for 0 to 63, `high` for 64 to 127.
    // A shift by the character itself counts modulo 64.
    // digits, - .
    private static let lowUnreserved: UInt64 = 0x03FF_6000_0000_0000
    // A to Z, a to z, _ ~
    private static let highUnreserved: UInt64 = 0x47FF_FFFE_87FF_FFFE
    // ! $ & ' ( ) * + , ; = and : /
    private static let lowReservedInPath: UInt64 = 0x2C00_9FD2_0000_0000
    // @
    private static let highReservedInPath: UInt64 = 0x0000_0000_0000_0001

    @inline(__always)
    private static func contains(_ byte: UInt8, low: UInt64, high: UInt64) -> Bool {
        let set = byte < 64 ? low : high
        return byte < 128 && (set &>> UInt64(byte)) & 1 != 0
    }
}
