internal import CLZ4

/// The block that a writer is filling, and the memory to compress it. Not thread-safe.
struct SealedBlockBuilder: ~Copyable {
    /// The payload, and in the end the boundary list.
    private var content = CommitBuffer(capacity: 2 * SealedBlock.payloadByteCountTarget)
    private var boundaries = CommitBuffer(capacity: SealedBlock.payloadByteCountTarget)
    private var compressed = CommitBuffer(capacity: 2 * SealedBlock.payloadByteCountTarget)
    private var position = StreamPosition.start
    private var beginsEntry = false
    private var committedAt = Int64.min

    var payloadByteCount: Int { content.byteCount }
    var freeByteCount: Int { SealedBlock.payloadByteCountTarget - payloadByteCount }

    /// Forgets what there is.
    mutating func begin(at position: StreamPosition, beginsEntry: Bool) {
        content.clear(keepingAtMost: 2 * SealedBlock.payloadByteCountTarget)
        boundaries.clear(keepingAtMost: SealedBlock.payloadByteCountTarget)
        self.position = position
        self.beginsEntry = beginsEntry
        committedAt = .min
    }

    /// Adds a piece of an entry, which is not empty and has room.
    mutating func add(_ piece: UnsafeRawBufferPointer, endsAppend: Bool, committedAt: Int64) {
        precondition(!piece.isEmpty && piece.count <= freeByteCount)
        content.extend(by: piece.count).copyMemory(from: piece.baseAddress!, byteCount: piece.count)
        SealedBoundary(byteCount: piece.count, endsAppend: endsAppend).encode(into: &boundaries)
        self.committedAt = max(self.committedAt, committedAt)
    }

    /// Adds all pieces of another block, which has room.
    mutating func add(_ block: DecodedBlock, committedAt: Int64) {
        let (payload, list) = (block.payload, block.boundaries)
        precondition(payload.count <= freeByteCount)
        content.extend(by: payload.count).copyMemory(from: payload.baseAddress!, byteCount: payload.count)
        boundaries.extend(by: list.count).copyMemory(from: list.baseAddress!, byteCount: list.count)
        self.committedAt = max(self.committedAt, committedAt)
    }

    /// Calls with the row of the block as it is to be stored at `fileOffset`, and with the stored bytes, which are
    /// borrowed. The builder is to begin anew after it.
    mutating func close(
        at fileOffset: Int, checksumSeed: UInt32,
        _ body: (SealedBlock, UnsafeRawBufferPointer) throws(FileSystemError) -> Void
    ) throws(FileSystemError) {
        let payloadByteCount = content.byteCount
        precondition(payloadByteCount > 0 && boundaries.byteCount <= SealedBlock.boundaryByteCountLimit)
        content.extend(by: boundaries.byteCount).copyMemory(from: boundaries.base, byteCount: boundaries.byteCount)
        let isCompressed = compress()
        let stored = isCompressed ? compressed.bytes : content.bytes
        var checksum = Checksum(continuing: checksumSeed)
        checksum.add(stored)
        let block = SealedBlock(
            position: position, fileOffset: fileOffset, storedByteCount: stored.count,
            payloadByteCount: payloadByteCount, checksum: checksum.value, boundaryByteCount: boundaries.byteCount,
            codec: isCompressed ? .lz4 : .stored, beginsEntry: beginsEntry, committedAt: committedAt)
        try body(block, stored)
    }

    /// Whether the compressed content is worth it.
    private mutating func compress() -> Bool {
        let limit = SealedBlock.compressedByteCountLimit(content.byteCount)
        guard limit > 0 else { return false }
        compressed.clear(keepingAtMost: 2 * SealedBlock.payloadByteCountTarget)
        // The library gives up as soon as the limit does not suffice.
        let count = LZ4_compress_default(
            content.base.assumingMemoryBound(to: CChar.self),
            compressed.extend(by: limit).assumingMemoryBound(to: CChar.self), CInt(content.byteCount), CInt(limit))
        guard count > 0 else { return false }
        compressed.clear(keepingAtMost: 2 * SealedBlock.payloadByteCountTarget)
        _ = compressed.extend(by: Int(count))
        return true
    }
}
