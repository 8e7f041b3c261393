/// Follows a UTF-8 text byte by byte (RFC 3629 section 4: no overlong forms, no surrogates, nothing above U+10FFFF).
struct UTF8Checker {
    private var expectedCount = 0
    private var nextLowest: UInt8 = 0x80
    private var nextHighest: UInt8 = 0xBF

    /// Whether the text may end here.
    var isComplete: Bool { expectedCount == 0 }

    /// Takes the next byte. False: the text is invalid, and nothing more is to be asked.
    mutating func accept(_ byte: UInt8) -> Bool {
        if expectedCount > 0 {
            guard byte >= nextLowest, byte <= nextHighest else { return false }
            expectedCount -= 1
            nextLowest = 0x80
            nextHighest = 0xBF
            return true
        }
        switch byte {
        case 0x00...0x7F: return true
        case 0xC2...0xDF: expectedCount = 1
        case 0xE0...0xEF: expectedCount = 2
        case 0xF0...0xF4: expectedCount = 3
        default: return false
        }
        switch byte {
        case 0xE0: nextLowest = 0xA0
        case 0xED: nextHighest = 0x9F
        case 0xF0: nextLowest = 0x90
        case 0xF4: nextHighest = 0x8F
        default: break
        }
        return true
    }
}
