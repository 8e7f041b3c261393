/// One row of a sealed segment's block index, which has a row for each block, in the order of the blocks in the file:
/// by stream number, then by position.
///
///     offset  width  field
///          0      8  position in the stream of the first payload byte
///          8      8  offset in the file of the stored bytes
///         16      4  byte count of the stored bytes
///         20      4  byte count of the payload
///         24      4  checksum of the stored bytes: CRC-32 of the store identifier followed by them
///         28      2  byte count of the boundary list
///         30      1  codec: 0 stored as it is, 1 LZ4
///         31      1  flags: 1 the block begins where an entry begins; other bits zero
///         32      8  time of the newest commit that has bytes in the block
///
/// All integers are little endian. A block is some of the bytes of one stream, followed by the list of their
/// boundaries (``SealedBoundary``). The first block of a file is at byte 64, each other one where the one before ends;
/// those of one stream follow each other without a gap in position.
struct SealedBlock: Equatable, Sendable {
    static let rowByteCount = 40
    /// The most payload that a block can have.
    static let payloadByteCountLimit = 65_536
    /// The payload that a writer fills blocks up to.
    static let payloadByteCountTarget = 16_384
    /// The most boundary bytes that the row has room for.
    static let boundaryByteCountLimit = Int(UInt16.max)
    static let beginsEntryFlag: UInt8 = 1

    enum Codec: UInt8, Sendable {
        /// Payload and boundary list as they are.
        case stored = 0
        /// One LZ4 block, without a frame.
        case lz4 = 1
    }

    var position: StreamPosition
    var fileOffset: Int
    var storedByteCount: Int
    var payloadByteCount: Int
    var checksum: UInt32
    var boundaryByteCount: Int
    var codec: Codec
    var beginsEntry: Bool
    var committedAt: Int64

    /// Where in the stream the payload ends. Wraps around only for a row that no opened segment has.
    var end: StreamPosition { StreamPosition(rawValue: position.rawValue &+ UInt64(payloadByteCount)) }
    var decodedByteCount: Int { payloadByteCount + boundaryByteCount }

    /// Stands for a row that was damaged after the segment was opened; it can be looked at, but never decodes.
    static let unreadable = SealedBlock(
        position: .start, fileOffset: 0, storedByteCount: 0, payloadByteCount: 0, checksum: 0, boundaryByteCount: 0,
        codec: .stored, beginsEntry: false, committedAt: 0)

    /// Whether the lengths are possible, and fit to each other and to the codec. All of them are small then.
    var hasValidLengths: Bool {
        guard (1...Self.payloadByteCountLimit).contains(payloadByteCount),
            (1...Self.boundaryByteCountLimit).contains(boundaryByteCount)
        else { return false }
        switch codec {
        case .stored: return storedByteCount == decodedByteCount
        case .lz4: return storedByteCount >= 1 && storedByteCount <= Self.compressedByteCountLimit(decodedByteCount)
        }
    }

    /// The most bytes that compressed ones may be: LZ4 is used only where it saves more than a sixteenth.
    static func compressedByteCountLimit(_ decodedByteCount: Int) -> Int { (decodedByteCount * 15 - 1) / 16 }

    func encode(into base: UnsafeMutableRawPointer) {
        base.store(position.rawValue, at: 0)
        base.store(UInt64(fileOffset), at: 8)
        base.store(UInt32(storedByteCount), at: 16)
        base.store(UInt32(payloadByteCount), at: 20)
        base.store(checksum, at: 24)
        base.store(UInt16(boundaryByteCount), at: 28)
        base.store(codec.rawValue, at: 30)
        base.store(beginsEntry ? Self.beginsEntryFlag : 0, at: 31)
        base.store(committedAt, at: 32)
    }

    /// The next row; nil where the bytes end, or a field has a value that none has.
    static func decode(_ reader: inout ByteReader) -> SealedBlock? {
        guard let position = reader.next(UInt64.self),
            let fileOffset = reader.next(UInt64.self).flatMap(Int.init(exactly:)),
            let storedByteCount = reader.next(UInt32.self), let payloadByteCount = reader.next(UInt32.self),
            let checksum = reader.next(UInt32.self), let boundaryByteCount = reader.next(UInt16.self),
            let codec = reader.next(UInt8.self).flatMap(Codec.init(rawValue:)),
            let flags = reader.next(UInt8.self), flags & ~beginsEntryFlag == 0,
            let committedAt = reader.next(Int64.self)
        else { return nil }
        return SealedBlock(
            position: StreamPosition(rawValue: position), fileOffset: fileOffset, storedByteCount: Int(storedByteCount),
            payloadByteCount: Int(payloadByteCount), checksum: checksum, boundaryByteCount: Int(boundaryByteCount),
            codec: codec, beginsEntry: flags == beginsEntryFlag, committedAt: committedAt)
    }
}

/// One piece of an entry in a block. The list of them follows the payload: for each piece, in order, one unsigned
/// LEB128 number of at most 5 bytes, which is its byte count times two, plus one if an append ends with the piece.
struct SealedBoundary: Equatable {
    static let byteCountLimit = 5

    /// At least 1.
    var byteCount: Int
    var endsAppend: Bool

    func encode(into list: inout CommitBuffer) {
        var rest = byteCount << 1 | (endsAppend ? 1 : 0)
        repeat {
            let low = UInt8(rest & 0x7F)
            rest >>= 7
            list.extend(by: 1).storeBytes(of: rest == 0 ? low : low | 0x80, as: UInt8.self)
        } while rest != 0
    }

    /// The next piece; nil where the list ends or has no valid number.
    static func decode(_ reader: inout ByteReader) -> SealedBoundary? {
        var value = 0
        for index in 0..<byteCountLimit {
            guard let byte = reader.next(UInt8.self) else { return nil }
            value |= Int(byte & 0x7F) << (7 * index)
            if byte & 0x80 == 0 {
                return value >= 2 ? SealedBoundary(byteCount: value >> 1, endsAppend: value & 1 == 1) : nil
            }
        }
        return nil
    }
}
