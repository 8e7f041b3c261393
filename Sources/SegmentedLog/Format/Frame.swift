/// One commit in a journal segment: a header, a table of entries, and the payloads of those entries one after the other.
///
///     offset  width  field
///          0      4  magic, the bytes "FRM1"
///          4      4  CRC-32 of the store identifier followed by bytes 8 ..< byte count
///          8      4  byte count of the frame without its padding
///         12      4  byte count of the entry table
///         16      8  segment number
///         24      8  log sequence number of the first entry; the others follow without a gap
///         32      8  the highest sequence number that was known to be synced when this frame was written
///         40      8  wall-clock time of the commit, in milliseconds since 1970
///         48      4  number of entries
///         52      4  checksum of the frame before this one, 0 for the first of the log
///         56         entry table
///                    payloads, in the order of the entries
///                    zeros up to a multiple of 8
///
/// All integers are little endian. A segment's first frame begins at byte 4096, each other one where the padding of the
/// one before ends. Segment files are written anew without being cleared, so what follows the last frame may be anything;
/// the segment number, the sequence number and the previous checksum keep such leftovers from passing for frames.
///
/// A frame without entries marks a segment that was passed over because an entry was too large for it: every segment but
/// the newest has a frame.
struct FrameHeader: Equatable {
    static let byteCount = 56
    static let alignment = 8
    static let magic: UInt32 = 0x314D_5246

    var checksum: UInt32 = 0
    var frameByteCount: Int
    var tableByteCount: Int
    var segmentNumber: UInt64
    var firstSequenceNumber: LogSequenceNumber
    var syncedSequenceNumber: LogSequenceNumber
    var committedAt: Int64
    var entryCount: Int
    var previousChecksum: UInt32

    var payloadByteCount: Int { frameByteCount - Self.byteCount - tableByteCount }
    var paddedByteCount: Int { frameByteCount.roundedUp(to: Self.alignment) }
    var endSequenceNumber: LogSequenceNumber { firstSequenceNumber.advanced(by: entryCount) }

    /// Writes all fields but the magic and the checksum, which are added by ``seal(_:checksum:)``.
    func encode(into base: UnsafeMutableRawPointer) {
        base.store(UInt32(frameByteCount), at: 8)
        base.store(UInt32(tableByteCount), at: 12)
        base.store(segmentNumber, at: 16)
        base.store(firstSequenceNumber.rawValue, at: 24)
        base.store(syncedSequenceNumber.rawValue, at: 32)
        base.store(committedAt, at: 40)
        base.store(UInt32(entryCount), at: 48)
        base.store(previousChecksum, at: 52)
    }

    static func seal(_ base: UnsafeMutableRawPointer, checksum: UInt32) {
        base.store(magic, at: 0)
        base.store(checksum, at: 4)
    }

    /// Reads a header at the start of `bytes` and checks what can be checked without the rest: magic, lengths and
    /// segment number. Nil where this is no frame of that segment.
    static func decode(_ bytes: UnsafeRawBufferPointer, segmentNumber: UInt64) -> FrameHeader? {
        guard bytes.count >= byteCount, bytes.loadUnaligned(as: UInt32.self).littleEndian == magic else { return nil }
        var reader = ByteReader(bytes, at: 4)
        guard let checksum = reader.next(UInt32.self), let frameByteCount = reader.next(UInt32.self),
            let tableByteCount = reader.next(UInt32.self), reader.next(UInt64.self) == segmentNumber,
            let first = reader.next(UInt64.self), let synced = reader.next(UInt64.self),
            let committedAt = reader.next(Int64.self), let entryCount = reader.next(UInt32.self),
            let previousChecksum = reader.next(UInt32.self)
        else { return nil }
        let entryTableLimit = Int(frameByteCount) - byteCount
        guard Int(frameByteCount) <= bytes.count, Int(tableByteCount) <= entryTableLimit,
            Int(entryCount) <= Int(tableByteCount) / Entry.headerByteCount, synced < first, first > 0,
            first <= LogSequenceNumber.limit - UInt64(entryCount)
        else { return nil }
        return FrameHeader(
            checksum: checksum, frameByteCount: Int(frameByteCount), tableByteCount: Int(tableByteCount),
            segmentNumber: segmentNumber, firstSequenceNumber: LogSequenceNumber(rawValue: first),
            syncedSequenceNumber: LogSequenceNumber(rawValue: synced), committedAt: committedAt,
            entryCount: Int(entryCount), previousChecksum: previousChecksum
        )
    }

    /// A header whose checksum also holds over the frame at the start of `bytes`.
    static func decodeVerified(
        _ bytes: UnsafeRawBufferPointer, segmentNumber: UInt64, storeIdentifier: StoreIdentifier
    ) -> FrameHeader? {
        guard let header = decode(bytes, segmentNumber: segmentNumber) else { return nil }
        var checksum = Checksum(continuing: storeIdentifier.checksumSeed)
        checksum.add(UnsafeRawBufferPointer(rebasing: bytes[8..<header.frameByteCount]))
        return checksum.value == header.checksum ? header : nil
    }
}
