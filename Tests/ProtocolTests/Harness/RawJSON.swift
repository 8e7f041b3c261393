/// Takes a JSON array apart without touching the bytes of its elements.
enum RawJSON {
    /// The elements of the array, each with its own bytes, without white space around them.
    static func elements(of array: some Collection<UInt8>) throws -> [[UInt8]] {
        var depth = 0
        var isInString = false
        var isEscaped = false
        var element: [UInt8] = []
        var elements: [[UInt8]] = []
        var isFinished = false
        for byte in array {
            let wasInside = depth > 0
            if isInString {
                element.append(byte)
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            guard !isFinished else { throw ClientError.malformed("bytes after a JSON array") }
            switch byte {
            case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
            case UInt8(ascii: "\""): isInString = true
            default: break
            }
            if !wasInside {
                guard byte == UInt8(ascii: "[") else { throw ClientError.malformed("not a JSON array") }
            } else if depth == 0 || (depth == 1 && byte == UInt8(ascii: ",")) {
                let trimmed = trim(element)
                if !trimmed.isEmpty { elements.append(trimmed) }
                element = []
                isFinished = depth == 0
            } else {
                element.append(byte)
            }
        }
        guard isFinished else { throw ClientError.malformed("an unfinished JSON array") }
        return elements
    }

    private static func trim(_ bytes: [UInt8]) -> [UInt8] {
        let isSpace: (UInt8) -> Bool = { [0x20, 0x09, 0x0a, 0x0d].contains($0) }
        guard let first = bytes.firstIndex(where: { !isSpace($0) }), let last = bytes.lastIndex(where: { !isSpace($0) })
        else { return [] }
        return Array(bytes[first...last])
    }
}
