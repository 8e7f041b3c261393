internal import Synchronization

/// A sealed segment that is open for reading: mapped, its file closed again. Nothing of it ever changes; safe to use
/// from any thread.
///
/// Everything but the blocks was verified when it was opened; a block is when it is decoded. Damage that comes later to
/// the index or the table makes reads fail or find nothing, never leave the mapping.
final class SealedSegment: Sendable {
    let path: String
    let mapping: any FileMapping
    /// Tells this object from all others of the process, those for the same file too.
    let serialNumber: UInt64
    let identity: SealedIdentity
    let storeIdentifier: StoreIdentifier
    let footer: SealedFooter
    /// What the checksums of blocks continue.
    private let checksumSeed: UInt32

    private static let nextSerialNumber = Atomic<UInt64>(1)

    /// For bytes that have been verified, see ``open(_:identity:fileSystem:)``.
    init(path: String, mapping: any FileMapping, header: SealedHeader, footer: SealedFooter) {
        self.path = path
        self.mapping = mapping
        serialNumber = Self.nextSerialNumber.wrappingAdd(1, ordering: .relaxed).oldValue
        identity = header.identity
        storeIdentifier = header.storeIdentifier
        self.footer = footer
        checksumSeed = header.storeIdentifier.checksumSeed
    }

    /// The size of the file.
    var byteCount: Int { mapping.bytes.count }
    /// The sequence number of the first entry of the first journal segment.
    var firstSequenceNumber: LogSequenceNumber { footer.firstSequenceNumber }
    /// The sequence number after the last entry of the last journal segment.
    var endSequenceNumber: LogSequenceNumber { footer.endSequenceNumber }
    /// The checksum of the last frame of the last journal segment.
    var lastFrameChecksum: UInt32 { footer.lastFrameChecksum }
    /// The number of rows of the stream table, those of tombstones too.
    var streamCount: Int { footer.streamCount }
    /// The number of rows of the block index.
    var blockCount: Int { footer.blockCount }

    // MARK: Streams

    /// A row of the stream table. Reading it may wait for the disk.
    func stream(at row: Int) -> SealedStream {
        precondition(row >= 0 && row < streamCount, "\(path) has no stream \(row)")
        var reader = ByteReader(mapping.bytes, at: footer.tableOffset + row * SealedStream.rowByteCount)
        return SealedStream.decode(&reader) ?? .unreadable
    }

    /// The owner's row of a stream, borrowed from the mapping: valid as long as this object lives.
    func row(of stream: SealedStream) -> UnsafeRawBufferPointer {
        guard stream.rowOffset >= 0, stream.rowByteCount >= 0, stream.rowOffset <= footer.rowsByteCount,
            stream.rowByteCount <= footer.rowsByteCount - stream.rowOffset
        else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        let start = footer.rowsOffset + stream.rowOffset
        return UnsafeRawBufferPointer(rebasing: mapping.bytes[start..<(start + stream.rowByteCount)])
    }

    /// The bytes that the stream's blocks take in the file, where they are side by side.
    func storedByteCount(of stream: SealedStream) -> Int {
        let blocks = existingBlocks(of: stream)
        guard let first = blocks.first, let last = blocks.last else { return 0 }
        let lastBlock = block(at: last)
        // No more than there is, and no overflow, whatever became of the index since it was verified.
        let start = min(block(at: first).fileOffset, byteCount)
        return max(0, min(lastBlock.fileOffset, byteCount) + lastBlock.storedByteCount - start)
    }

    // MARK: Blocks

    /// A row of the block index, or one that does not decode if there is none: the number comes from the stream table,
    /// which may have been damaged since it was verified. Reading it may wait for the disk.
    func block(at index: Int) -> SealedBlock {
        guard index >= 0 && index < blockCount else { return .unreadable }
        var reader = ByteReader(mapping.bytes, at: footer.indexOffset + index * SealedBlock.rowByteCount)
        return SealedBlock.decode(&reader) ?? .unreadable
    }

    /// The number of the block that holds `position`, which is not before the stream's first block here and before the
    /// end of its last one. A binary search. The stream has blocks.
    func blockIndex(holding position: StreamPosition, of stream: SealedStream) -> Int {
        precondition(stream.blockCount > 0, "\(path) has no blocks of stream \(stream.number.rawValue)")
        let blocks = existingBlocks(of: stream)
        var lower = blocks.lowerBound
        var upper = blocks.upperBound
        // The block is at or after `lower`, and before `upper`.
        while upper - lower > 1 {
            let middle = lower + (upper - lower) / 2
            if firstPosition(ofBlock: middle) <= position { lower = middle } else { upper = middle }
        }
        return lower
    }

    /// The stored bytes of a block, borrowed from the mapping, after their checksum and lengths have been verified.
    func verifiedBytes(of block: SealedBlock) throws(LogReadError) -> UnsafeRawBufferPointer {
        guard let range = storedRange(of: block), block.hasValidLengths else {
            throw LogReadError(path: path, byteOffset: block.fileOffset, reason: "the block's index row is wrong")
        }
        let stored = UnsafeRawBufferPointer(rebasing: mapping.bytes[range])
        var checksum = Checksum(continuing: checksumSeed)
        checksum.add(stored)
        guard checksum.value == block.checksum else {
            throw LogReadError(path: path, byteOffset: block.fileOffset, reason: "the block's checksum is wrong")
        }
        return stored
    }

    /// Verifies a block and decompresses it. May wait for the disk.
    func decode(_ block: SealedBlock) throws(LogReadError) -> DecodedBlock {
        let stored = try verifiedBytes(of: block)
        do throws(DecodedBlock.Fault) {
            return try DecodedBlock.decode(stored, of: block)
        } catch {
            throw LogReadError(path: path, byteOffset: block.fileOffset, reason: error.reason)
        }
    }

    /// Decodes every block and reports each that is damaged. For a check of the whole store.
    func verifyBlocks(_ report: (LogReadError) -> Void) {
        for index in 0..<blockCount {
            do throws(LogReadError) { _ = try decode(block(at: index)) } catch { report(error) }
        }
    }

    // MARK: Residency

    /// Whether decoding the block now would not wait for the disk, as far as can be told.
    func isResident(_ block: SealedBlock) -> Bool {
        storedRange(of: block).map { $0.isEmpty || mapping.isResident($0) } ?? true
    }

    /// Whether looking for a block of the stream now would not wait for the disk, as far as can be told.
    func indexIsResident(of stream: SealedStream) -> Bool {
        let blocks = existingBlocks(of: stream)
        guard !blocks.isEmpty else { return true }
        let start = footer.indexOffset + blocks.lowerBound * SealedBlock.rowByteCount
        return mapping.isResident(start..<(start + blocks.count * SealedBlock.rowByteCount))
    }

    // MARK: Inside

    private func firstPosition(ofBlock index: Int) -> StreamPosition {
        var reader = ByteReader(mapping.bytes, at: footer.indexOffset + index * SealedBlock.rowByteCount)
        return StreamPosition(rawValue: reader.next() ?? 0)
    }

    /// Where the block's bytes are; nil if that is not in the area of the blocks.
    private func storedRange(of block: SealedBlock) -> Range<Int>? {
        guard block.fileOffset >= SealedHeader.byteCount, block.fileOffset <= footer.blocksEnd,
            block.storedByteCount >= 0, block.storedByteCount <= footer.blocksEnd - block.fileOffset
        else { return nil }
        return block.fileOffset..<(block.fileOffset + block.storedByteCount)
    }

    /// The stream's blocks, as far as the index has them.
    private func existingBlocks(of stream: SealedStream) -> Range<Int> {
        stream.blocks.clamped(to: 0..<blockCount)
    }
}
