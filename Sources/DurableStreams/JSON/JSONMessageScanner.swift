/// Finds where messages begin in the stored form of a JSON stream, in which each is followed by a comma.
///
/// The bytes begin at the start of a message and were checked before they were stored, so only strings and nesting
/// are followed. Bytes that are not a stored form give some answer, never a crash.
enum JSONMessageScanner {
    /// Whether a message begins at the offset, or ends there with its comma as the last byte. The bytes may be cut
    /// off anywhere at or behind the offset. Takes one look at each byte before the offset.
    static func isBoundary(at offset: Int, in stored: UnsafeRawBufferPointer) -> Bool {
        guard offset > 0, offset <= stored.count else { return offset == 0 }
        // Nearly every other offset is refused here.
        guard stored[offset - 1] == UInt8(ascii: ",") else { return false }
        var scan = Scan(UnsafeRawBufferPointer(rebasing: stored[..<offset]))
        while let boundary = scan.skipMessage() {
            if boundary == offset { return true }
        }
        return false
    }

    /// The offset behind so many messages and their commas, or nil if there are fewer.
    static func boundary(after messageCount: Int, in stored: UnsafeRawBufferPointer) -> Int? {
        guard messageCount >= 0 else { return nil }
        var scan = Scan(stored)
        for _ in 0..<messageCount {
            guard scan.skipMessage() != nil else { return nil }
        }
        return scan.offset
    }

    /// The offset behind the comma of the last message that is there as a whole; 0 if there is none.
    static func lastBoundary(in stored: UnsafeRawBufferPointer) -> Int {
        var scan = Scan(stored)
        while scan.skipMessage() != nil {}
        return scan.offset
    }

    /// The offset behind as many whole messages as there are, at most `messageCount`, which is lowered by their number.
    static func skip(_ messageCount: inout UInt64, in stored: UnsafeRawBufferPointer) -> Int {
        var scan = Scan(stored)
        while messageCount > 0, scan.skipMessage() != nil { messageCount -= 1 }
        return scan.offset
    }

    private struct Scan {
        private let reader: JSONValidator
        private(set) var offset = 0

        @inline(__always)
        init(_ bytes: UnsafeRawBufferPointer) {
            reader = JSONValidator(bytes)
        }

        /// The offset behind the comma of the message that begins at ``offset``, or nil if the bytes end before it.
        @inline(__always)
        mutating func skipMessage() -> Int? {
            var offset = offset
            var depth = 0
            while offset < reader.bytes.count {
                switch reader.byte(at: offset) {
                case UInt8(ascii: "\""):
                    offset = skipString(from: offset + 1)
                    continue
                case UInt8(ascii: "["), UInt8(ascii: "{"):
                    depth += 1
                case UInt8(ascii: "]"), UInt8(ascii: "}"):
                    depth -= 1
                case UInt8(ascii: ",") where depth == 0:
                    self.offset = offset + 1
                    return offset + 1
                default:
                    break
                }
                offset += 1
            }
            return nil
        }

        /// The offset behind the closing quote, or the end.
        @inline(__always)
        private func skipString(from start: Int) -> Int {
            var offset = start
            while offset < reader.bytes.count {
                if offset + 8 <= reader.bytes.count {
                    let word = reader.word(at: offset)
                    let quotes = ByteWord.zeroBytes(word ^ ByteWord.repeating(UInt8(ascii: "\"")))
                    let marks = quotes | ByteWord.zeroBytes(word ^ ByteWord.repeating(UInt8(ascii: "\\")))
                    guard marks != 0 else {
                        offset += 8
                        continue
                    }
                    offset += marks.trailingZeroBitCount / 8
                }
                switch reader.byte(at: offset) {
                case UInt8(ascii: "\""): return offset + 1
                case UInt8(ascii: "\\"): offset += 2
                default: offset += 1
                }
            }
            return reader.bytes.count
        }
    }
}
