/// A number in a header field.
enum HeaderNumber: Sendable, Equatable {
    case absent
    case malformed
    case value(UInt64)

    /// 2^53-1: what clients that count in floating point can name.
    static let limit: UInt64 = (1 << 53) - 1

    /// Digits only, 0 to ``limit``.
    init(_ text: String, allowsLeadingZeros: Bool) {
        var text = text
        self = text.withUTF8 { bytes in
            guard let first = bytes.first else { return .malformed }
            if !allowsLeadingZeros, bytes.count > 1, first == UInt8(ascii: "0") { return .malformed }
            var value: UInt64 = 0
            for byte in bytes {
                let digit = byte &- UInt8(ascii: "0")
                if digit > 9 { return .malformed }
                value = value * 10 + UInt64(digit)
                if value > Self.limit { return .malformed }
            }
            return .value(value)
        }
    }
}

/// Small questions about the values of header fields.
enum HeaderValue {
    /// Without spaces and tabs at either end, which do not belong to a value (RFC 9110 section 5.5).
    static func trimmed(_ text: String) -> String {
        var text = text
        let trimmed = text.withUTF8 { bytes -> String? in
            guard let first = bytes.first, let last = bytes.last, isWhiteSpace(first) || isWhiteSpace(last) else {
                return nil
            }
            let start = bytes.firstIndex { !isWhiteSpace($0) } ?? bytes.count
            let end = bytes.lastIndex { !isWhiteSpace($0) } ?? start - 1
            return String(decoding: bytes[start..<end + 1], as: UTF8.self)
        }
        return trimmed ?? text
    }

    @inline(__always)
    static func isWhiteSpace(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t")
    }

    /// `true`, in any letter case.
    static func isTrue(_ text: String) -> Bool {
        equals(text, "true")
    }

    /// No content coding at all.
    static func isIdentityOrEmpty(_ text: String) -> Bool {
        text.isEmpty || equals(text, "identity")
    }

    /// Without regard to case. `known` consists of lower-case letters.
    private static func equals(_ text: String, _ known: StaticString) -> Bool {
        guard text.utf8.count == known.utf8CodeUnitCount else { return false }
        var text = text
        return text.withUTF8 { bytes in
            for index in bytes.indices where bytes[index] | 0x20 != known.utf8Start[index] { return false }
            return true
        }
    }

    /// Whether the text holds U+FFFD, which stands for bytes that were not UTF-8.
    static func holdsReplacementCharacter(_ text: String) -> Bool {
        var text = text
        return text.withUTF8 { bytes in
            // Nearly all values are ASCII.
            if bytes.reduce(0, |) < 0x80 { return false }
            for index in bytes.indices where bytes[index] == 0xEF && index + 2 < bytes.count {
                if bytes[index + 1] == 0xBF, bytes[index + 2] == 0xBD { return true }
            }
            return false
        }
    }
}
