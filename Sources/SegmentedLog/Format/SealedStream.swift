/// One row of a sealed segment's stream table, which has a row for each stream that the segment says something of, by
/// rising stream number.
///
///     offset  width  field
///          0      8  stream number
///          8      1  flags: 1 tombstone, the stream is deleted; other bits zero
///          9      3  reserved, zero
///         12      4  byte count of the owner's row
///         16      8  offset of the owner's row from the start of the row area
///         24      8  start: the earliest position that can be read
///         32      8  tail: the end of the stream as of the end of the last journal segment
///         40      4  number of its first block in the block index, 0 if it has none
///         44      4  number of its blocks
///         48      8  time of the stream's newest commit as of the end of the last journal segment
///
/// All integers are little endian. A tombstone has zeros in all fields but number and flags. The rows of the others are
/// in the row area back to back, in the order of the table.
struct SealedStream: Equatable, Sendable {
    static let rowByteCount = 56
    static let tombstoneFlag: UInt32 = 1

    var number: StreamNumber
    var isTombstone: Bool
    var rowOffset: Int
    var rowByteCount: Int
    var start: StreamPosition
    var tail: StreamPosition
    var firstBlock: Int
    var blockCount: Int
    var newestCommitAt: Int64

    /// The numbers of its blocks in the block index.
    var blocks: Range<Int> { firstBlock..<(firstBlock + blockCount) }

    static func tombstone(_ number: StreamNumber) -> SealedStream {
        SealedStream(
            number: number, isTombstone: true, rowOffset: 0, rowByteCount: 0, start: .start, tail: .start,
            firstBlock: 0, blockCount: 0, newestCommitAt: 0)
    }

    /// Stands for a row that was damaged after the segment was opened: a stream without anything.
    static let unreadable = SealedStream(
        number: StreamNumber(rawValue: 0), isTombstone: false, rowOffset: 0, rowByteCount: 0, start: .start,
        tail: .start, firstBlock: 0, blockCount: 0, newestCommitAt: 0)

    func encode(into base: UnsafeMutableRawPointer) {
        base.store(number.rawValue, at: 0)
        base.store(isTombstone ? Self.tombstoneFlag : 0, at: 8)
        base.store(UInt32(rowByteCount), at: 12)
        base.store(UInt64(rowOffset), at: 16)
        base.store(start.rawValue, at: 24)
        base.store(tail.rawValue, at: 32)
        base.store(UInt32(firstBlock), at: 40)
        base.store(UInt32(blockCount), at: 44)
        base.store(newestCommitAt, at: 48)
    }

    /// The next row; nil where the bytes end, or a field has a value that none has.
    static func decode(_ reader: inout ByteReader) -> SealedStream? {
        // The flags and the reserved bytes behind them are one integer.
        guard let number = reader.next(UInt64.self), let flags = reader.next(UInt32.self), flags & ~tombstoneFlag == 0,
            let rowByteCount = reader.next(UInt32.self),
            let rowOffset = reader.next(UInt64.self).flatMap(Int.init(exactly:)),
            let start = reader.next(UInt64.self), let tail = reader.next(UInt64.self), start <= tail,
            tail <= StreamPosition.limit,
            let firstBlock = reader.next(UInt32.self), let blockCount = reader.next(UInt32.self),
            let newestCommitAt = reader.next(Int64.self)
        else { return nil }
        let stream = SealedStream(
            number: StreamNumber(rawValue: number), isTombstone: flags == tombstoneFlag, rowOffset: rowOffset,
            rowByteCount: Int(rowByteCount), start: StreamPosition(rawValue: start),
            tail: StreamPosition(rawValue: tail), firstBlock: Int(firstBlock), blockCount: Int(blockCount),
            newestCommitAt: newestCommitAt)
        return stream.isTombstone && stream != tombstone(stream.number) ? nil : stream
    }
}
