/// What each byte of a sound sealed segment belongs to. Worked out from the file as the format description has it, and
/// not with the code under test.
struct SealedLayout {
    struct Block: Equatable {
        /// Where it is in the file.
        var range: Range<Int>
        var streamNumber: UInt64
        /// The positions in the stream of the bytes in it.
        var positions: Range<Int>

        /// Whether whoever reads the whole stream reads this block: the stream is there, and begins before its end.
        /// - Parameter starts: The earliest position of each stream that is not deleted, by stream number.
        func isRead(starts: [UInt64: Int]) -> Bool {
            guard let start = starts[streamNumber] else { return false }
            return positions.upperBound > start
        }
    }

    /// In the order of the file.
    private(set) var blocks: [Block] = []
    /// The blocks, the areas between which the other bytes lie, and the bytes that fill them up: all of the file.
    private(set) var parts: [Range<Int>] = []

    init(_ content: [UInt8]) {
        func number(_ offset: Int, _ width: Int) -> Int {
            content[offset ..< (offset + width)].reversed().reduce(0) { $0 << 8 | Int($1) }
        }
        let footer = content.count - 128
        let (blocksEnd, index, table) = (number(footer + 8, 8), number(footer + 16, 8), number(footer + 32, 8))
        let rows = number(footer + 48, 8)
        let rowsEnd = rows + number(footer + 56, 8)
        for stream in stride(from: table, to: rows, by: 56) {
            let first = number(stream + 40, 4)
            for block in first ..< (first + number(stream + 44, 4)) {
                let row = index + 40 * block
                let (position, offset) = (number(row, 8), number(row + 8, 8))
                blocks.append(
                    Block(
                        range: offset ..< (offset + number(row + 16, 4)), streamNumber: UInt64(number(stream, 8)),
                        positions: position ..< (position + number(row + 20, 4))))
            }
        }
        parts = [0 ..< 64] + blocks.map(\.range)
        parts += [blocksEnd ..< index, index ..< table, table ..< rows, rows ..< rowsEnd, rowsEnd ..< footer]
        parts.append(footer ..< content.count)
    }

    /// The block that a byte of the file is in; nil if it is in none.
    func block(holding offset: Int) -> Block? { blocks.first { $0.range.contains(offset) } }
}
