import Foundation

enum Base64 {
    /// Strict: the standard alphabet, padded, nothing else.
    static func decode(_ text: String) throws -> [UInt8] {
        guard text.utf8.count % 4 == 0, let data = Data(base64Encoded: text), data.base64EncodedString() == text else {
            throw ClientError.malformed("not base64: \(text.prefix(80))")
        }
        return Array(data)
    }
}

enum JSONText {
    static func object(_ bytes: [UInt8]) throws -> [String: Any] {
        guard let object = try JSONSerialization.jsonObject(with: Data(bytes)) as? [String: Any] else {
            throw ClientError.malformed("not a JSON object")
        }
        return object
    }

    /// The text as a JSON string in which only what must be is escaped.
    static func quote(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case "\u{0}"..."\u{1f}":
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}

enum LineEnds {
    /// What is left of line ends after an event stream: each CR LF, CR and LF is one LF.
    static func normalized(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        var normalized: [UInt8] = []
        var lastWasCarriageReturn = false
        for byte in bytes {
            if byte == 0x0d {
                normalized.append(0x0a)
            } else if byte != 0x0a || !lastWasCarriageReturn {
                normalized.append(byte)
            }
            lastWasCarriageReturn = byte == 0x0d
        }
        return normalized
    }
}
