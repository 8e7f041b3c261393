/// Normalization of a URL path by RFC 3986 section 6.2.2, with the refusals that ``StreamPathError`` lists.
struct PathNormalizer: ~Copyable {
    enum Outcome {
        case unchanged
        case changed(String)
        case invalid(StreamPathError)
    }

    /// Most paths are normal already, so they are only looked at; the others take a second look, which rewrites them.
    static func normalize(_ bytes: UnsafeBufferPointer<UInt8>) -> Outcome {
        let limit = StreamPath.byteCountLimit
        // No spelling of a normalized byte takes more than three, so this cannot be short enough.
        if bytes.count > 3 * limit { return .invalid(.tooLong) }
        if bytes.isEmpty { return .invalid(.empty) }

        var hasDot = false
        for byte in bytes {
            guard PathCharacter.isPlain(byte) else { return rewrite(bytes) }
            hasDot = hasDot || byte == UInt8(ascii: ".")
        }
        if bytes.count > limit { return .invalid(.tooLong) }
        return hasDot && hasDotSegment(bytes) ? .invalid(.dotSegment) : .unchanged
    }

    private static func rewrite(_ bytes: UnsafeBufferPointer<UInt8>) -> Outcome {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: StreamPath.byteCountLimit) { output in
            var normalizer = PathNormalizer(output: output)
            do throws(StreamPathError) {
                let written = UnsafeBufferPointer(rebasing: output[..<(try normalizer.rewrite(bytes))])
                if hasDotSegment(written) { throw .dotSegment }
                return .changed(String(decoding: written, as: UTF8.self))
            } catch {
                return .invalid(error)
            }
        }
    }

    static func hasDotSegment(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        var segmentStart = 0
        while true {
            var end = segmentStart
            while end < bytes.count, bytes[end] != UInt8(ascii: "/") { end += 1 }
            switch end - segmentStart {
            case 1 where bytes[segmentStart] == UInt8(ascii: "."):
                return true
            case 2 where bytes[segmentStart] == UInt8(ascii: ".") && bytes[segmentStart + 1] == UInt8(ascii: "."):
                return true
            default:
                break
            }
            if end == bytes.count { return false }
            segmentStart = end + 1
        }
    }

    private let output: UnsafeMutableBufferPointer<UInt8>
    private var outputCount = 0
    private var utf8 = UTF8Checker()

    private init(output: UnsafeMutableBufferPointer<UInt8>) {
        self.output = output
    }

    /// Writes the normalized form and returns its length in bytes.
    private mutating func rewrite(_ bytes: UnsafeBufferPointer<UInt8>) throws(StreamPathError) -> Int {
        var offset = 0
        while offset < bytes.count {
            let byte = bytes[offset]
            switch byte {
            case UInt8(ascii: "%"):
                guard
                    offset + 2 < bytes.count,
                    let high = PathCharacter.hexadecimalValue(bytes[offset + 1]),
                    let low = PathCharacter.hexadecimalValue(bytes[offset + 2])
                else { throw .malformedEscape }
                let value = high << 4 | low
                try accept(value, isPlain: PathCharacter.isUnreserved(value))
                offset += 3
            case UInt8(ascii: "#"):
                throw .fragment
            case UInt8(ascii: "?"):
                throw .queryMark
            default:
                if isReplacementCharacter(bytes, at: offset) { throw .invalidUTF8 }
                try accept(byte, isPlain: PathCharacter.isPlain(byte))
                offset += 1
            }
        }
        guard utf8.isComplete else { throw .invalidUTF8 }
        return outputCount
    }

    /// Takes one decoded byte, to be written as it is or percent-encoded.
    private mutating func accept(_ byte: UInt8, isPlain: Bool) throws(StreamPathError) {
        guard utf8.accept(byte) else { throw .invalidUTF8 }
        if byte < 0x20 || byte == 0x7F { throw .controlCharacter }
        if isPlain {
            try write(byte)
        } else {
            try write(UInt8(ascii: "%"))
            try write(PathCharacter.hexadecimalDigit(byte >> 4))
            try write(PathCharacter.hexadecimalDigit(byte & 0x0F))
        }
    }

    private mutating func write(_ byte: UInt8) throws(StreamPathError) {
        guard outputCount < output.count else { throw .tooLong }
        output[outputCount] = byte
        outputCount += 1
    }

    /// Transports that decode a request line into text put U+FFFD in place of invalid bytes, which would make
    /// one stream of many names.
    private func isReplacementCharacter(_ bytes: UnsafeBufferPointer<UInt8>, at offset: Int) -> Bool {
        bytes[offset] == 0xEF && offset + 2 < bytes.count && bytes[offset + 1] == 0xBF && bytes[offset + 2] == 0xBD
    }
}
