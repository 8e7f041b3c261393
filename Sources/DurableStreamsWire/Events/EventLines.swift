/// Writes a text as the `data` lines of one event. The name of the first line has been written already.
enum EventLines {
    /// `isKnownValid`: the text is valid UTF-8. If not, U+FFFD takes the place of what is no character.
    static func encode(_ text: UnsafeRawBufferPointer, isKnownValid: Bool, into sink: inout some EventSink) {
        var runStart = 0
        var offset = 0
        beginLine(at: 0, of: text, into: &sink)
        while true {
            offset = nextStop(from: offset, in: text, stopsAtNonASCII: !isKnownValid)
            guard offset < text.count else { break }
            switch text[offset] {
            case UInt8(ascii: "\n"), UInt8(ascii: "\r"):
                sink.write(UnsafeRawBufferPointer(rebasing: text[runStart..<offset]))
                let isPair = text[offset] == UInt8(ascii: "\r") && offset + 1 < text.count
                    && text[offset + 1] == UInt8(ascii: "\n")
                offset += isPair ? 2 : 1
                runStart = offset
                sink.write("\ndata:")
                beginLine(at: offset, of: text, into: &sink)
            default:
                switch UTF8Sequence.look(at: offset, in: text) {
                case .valid(let byteCount):
                    offset += byteCount
                case .invalid(let byteCount):
                    replace(offset..<offset + byteCount, of: text, runStart: &runStart, into: &sink)
                    offset += byteCount
                case .incomplete:
                    replace(offset..<text.count, of: text, runStart: &runStart, into: &sink)
                    offset = text.count
                }
            }
        }
        sink.write(UnsafeRawBufferPointer(rebasing: text[runStart...]))
    }

    /// Readers drop one space after the colon, so a line that begins with one gets another.
    private static func beginLine(at offset: Int, of text: UnsafeRawBufferPointer, into sink: inout some EventSink) {
        if offset < text.count, text[offset] == UInt8(ascii: " ") { sink.write(" ") }
    }

    private static func replace(
        _ range: Range<Int>, of text: UnsafeRawBufferPointer, runStart: inout Int, into sink: inout some EventSink
    ) {
        sink.write(UnsafeRawBufferPointer(rebasing: text[runStart..<range.lowerBound]))
        sink.write("\u{FFFD}")
        runStart = range.upperBound
    }

    /// The next line end, or byte above 0x7F if those matter, or the end of the text. Looks at eight bytes at a time.
    private static func nextStop(from start: Int, in text: UnsafeRawBufferPointer, stopsAtNonASCII: Bool) -> Int {
        var offset = start
        let highBits: UInt64 = stopsAtNonASCII ? 0x8080_8080_8080_8080 : 0
        while offset + 8 <= text.count {
            let word = text.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            if word & highBits | zeroBytes(word ^ lineFeeds) | zeroBytes(word ^ carriageReturns) != 0 { break }
            offset += 8
        }
        while offset < text.count {
            let byte = text[offset]
            if byte == UInt8(ascii: "\n") || byte == UInt8(ascii: "\r") || stopsAtNonASCII && byte >= 0x80 { break }
            offset += 1
        }
        return offset
    }

    private static let lineFeeds: UInt64 = 0x0A0A_0A0A_0A0A_0A0A
    private static let carriageReturns: UInt64 = 0x0D0D_0D0D_0D0D_0D0D

    /// Not zero exactly if one of the eight bytes is zero.
    private static func zeroBytes(_ word: UInt64) -> UInt64 {
        (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
    }
}
