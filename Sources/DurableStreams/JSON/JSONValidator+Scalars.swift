// Strings, numbers and literals: RFC 8259 sections 3, 6 and 7.
extension JSONValidator {
    /// The rest of a string, from behind its opening quote on.
    @inline(__always)
    func skipString(from start: Int) throws(JSONSyntaxError) -> Int {
        var offset = start
        while true {
            offset = skipPlainCharacters(from: offset)
            guard offset < bytes.count else { throw endError }
            let byte = byte(at: offset)
            if byte == UInt8(ascii: "\"") { return offset + 1 }
            if byte >= 0x80 {
                offset = try skipNonASCII(from: offset)
            } else if byte == UInt8(ascii: "\\") {
                offset = try skipEscape(from: offset)
            } else if byte < 0x20 {
                throw JSONSyntaxError(byteOffset: offset, reason: .controlCharacter)
            } else {
                // One of the last seven bytes of the text, which are looked at one by one.
                offset += 1
            }
        }
    }

    /// Skips words of ASCII characters that mean themselves, and stops at the first other character or near the end.
    @inline(__always)
    private func skipPlainCharacters(from start: Int) -> Int {
        var offset = start
        while offset + 8 <= bytes.count {
            let word = word(at: offset)
            // A byte's high bit becomes set if it is below 0x20, a quote, a backslash or not ASCII. A borrow can set
            // it wrongly, but only above a byte where it is set rightly.
            let marks =
                ((word &- ByteWord.repeating(0x20))
                    | ((word ^ ByteWord.repeating(UInt8(ascii: "\""))) &- ByteWord.ones)
                    | ((word ^ ByteWord.repeating(UInt8(ascii: "\\"))) &- ByteWord.ones)
                    | word) & ByteWord.highBits
            if marks != 0 { return offset + marks.trailingZeroBitCount / 8 }
            offset += 8
        }
        return offset
    }

    /// Characters outside ASCII, as long as they follow each other (RFC 3629 section 4).
    private func skipNonASCII(from start: Int) throws(JSONSyntaxError) -> Int {
        var offset = start
        repeat {
            let count = nonASCIICharacterByteCount(at: offset)
            if count == 0 { throw JSONSyntaxError(byteOffset: offset, reason: .invalidUTF8) }
            offset += count
        } while offset < bytes.count && byte(at: offset) >= 0x80
        return offset
    }

    /// The length of the character that begins here, 0 if it is invalid or cut off.
    @inline(__always)
    private func nonASCIICharacterByteCount(at offset: Int) -> Int {
        let remaining = bytes.count - offset
        let first = byte(at: offset)
        switch first {
        case 0xC2...0xDF:
            return remaining >= 2 && isContinuation(offset + 1) ? 2 : 0
        case 0xE0...0xEF:
            guard remaining >= 3, isContinuation(offset + 1), isContinuation(offset + 2) else { return 0 }
            let second = byte(at: offset + 1)
            // Overlong forms and surrogates.
            if first == 0xE0 && second < 0xA0 || first == 0xED && second > 0x9F { return 0 }
            return 3
        case 0xF0...0xF4:
            guard remaining >= 4, isContinuation(offset + 1), isContinuation(offset + 2), isContinuation(offset + 3)
            else { return 0 }
            let second = byte(at: offset + 1)
            // Overlong forms and what is above U+10FFFF.
            if first == 0xF0 && second < 0x90 || first == 0xF4 && second > 0x8F { return 0 }
            return 4
        default:
            return 0
        }
    }

    @inline(__always)
    private func isContinuation(_ offset: Int) -> Bool {
        byte(at: offset) & 0xC0 == 0x80
    }

    /// Four hexadecimal digits or one of eight characters after a backslash.
    private func skipEscape(from backslash: Int) throws(JSONSyntaxError) -> Int {
        guard backslash + 1 < bytes.count else { throw endError }
        switch byte(at: backslash + 1) {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return backslash + 2
        case UInt8(ascii: "u"):
            // Halves of surrogate pairs may stand alone: RFC 8259 section 8.2 leaves them to the reader.
            let end = backslash + 6
            for offset in backslash + 2..<end {
                guard offset < bytes.count else { throw endError }
                guard isHexadecimalDigit(byte(at: offset)) else {
                    throw JSONSyntaxError(byteOffset: backslash, reason: .invalidEscape)
                }
            }
            return end
        default:
            throw JSONSyntaxError(byteOffset: backslash, reason: .invalidEscape)
        }
    }

    @inline(__always)
    private func isHexadecimalDigit(_ byte: UInt8) -> Bool {
        // Letters in lower case have bit 0x20 set, and so have digits.
        isDigit(byte) || (byte | 0x20) &- UInt8(ascii: "a") < 6
    }

    @inline(__always)
    private func isDigit(_ byte: UInt8) -> Bool {
        byte &- UInt8(ascii: "0") < 10
    }

    /// A number, which begins with a minus or a digit. What follows it is the caller's concern.
    @inline(__always)
    func skipNumber(from start: Int) throws(JSONSyntaxError) -> Int {
        var offset = start
        if byte(at: offset) == UInt8(ascii: "-") { offset += 1 }
        if offset < bytes.count, byte(at: offset) == UInt8(ascii: "0") {
            offset += 1
            if offset < bytes.count, isDigit(byte(at: offset)) {
                throw JSONSyntaxError(byteOffset: offset, reason: .invalidNumber)
            }
        } else {
            offset = try skipDigits(from: offset)
        }
        if offset < bytes.count, byte(at: offset) == UInt8(ascii: ".") {
            offset = try skipDigits(from: offset + 1)
        }
        if offset < bytes.count, byte(at: offset) | 0x20 == UInt8(ascii: "e") {
            offset += 1
            if offset < bytes.count, byte(at: offset) == UInt8(ascii: "+") || byte(at: offset) == UInt8(ascii: "-") {
                offset += 1
            }
            offset = try skipDigits(from: offset)
        }
        return offset
    }

    /// One digit or more.
    @inline(__always)
    private func skipDigits(from start: Int) throws(JSONSyntaxError) -> Int {
        var offset = start
        while offset < bytes.count, isDigit(byte(at: offset)) { offset += 1 }
        if offset == start {
            throw offset == bytes.count ? endError : JSONSyntaxError(byteOffset: offset, reason: .invalidNumber)
        }
        return offset
    }

    @inline(__always)
    func skipLiteral(_ literal: StaticString, from start: Int) throws(JSONSyntaxError) -> Int {
        for index in 0..<literal.utf8CodeUnitCount {
            guard start + index < bytes.count else { throw endError }
            guard byte(at: start + index) == literal.utf8Start[index] else {
                throw JSONSyntaxError(byteOffset: start, reason: .invalidLiteral)
            }
        }
        return start + literal.utf8CodeUnitCount
    }
}
