/// Looks at single characters of UTF-8 text that may be anything.
enum UTF8Sequence {
    enum Outcome: Equatable {
        /// A character of so many bytes.
        case valid(byteCount: Int)
        /// So many bytes that belong together but can never become a character: the maximal subpart of an ill-formed
        /// sequence, which one U+FFFD stands for (Unicode 16.0, section 3.9).
        case invalid(byteCount: Int)
        /// The text ends within a character.
        case incomplete
    }

    /// The sequence that begins at `start`, which is before the end.
    static func look(at start: Int, in bytes: UnsafeRawBufferPointer) -> Outcome {
        let lead = bytes[start]
        if lead < 0x80 { return .valid(byteCount: 1) }
        let byteCount: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0xC2...0xDF: byteCount = 2
        case 0xE0: (byteCount, second) = (3, 0xA0...0xBF)
        case 0xED: (byteCount, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: byteCount = 3
        case 0xF0: (byteCount, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: byteCount = 4
        case 0xF4: (byteCount, second) = (4, 0x80...0x8F)
        default: return .invalid(byteCount: 1)
        }
        for index in 1..<byteCount {
            guard start + index < bytes.count else { return .incomplete }
            let allowed = index == 1 ? second : 0x80...0xBF
            if !allowed.contains(bytes[start + index]) { return .invalid(byteCount: index) }
        }
        return .valid(byteCount: byteCount)
    }

    /// Bytes at the end that may become a character when more bytes follow: 0 to 3.
    static func incompleteByteCount(atEndOf bytes: UnsafeRawBufferPointer) -> Int {
        // A byte that can begin a character is never within one, so nothing before the last of them matters.
        for distance in 1...3 where distance <= bytes.count {
            let start = bytes.count - distance
            if bytes[start] & 0xC0 == 0x80 { continue }
            return look(at: start, in: bytes) == .incomplete ? distance : 0
        }
        return 0
    }
}
