/// Why a sealed segment could not be written. Its file is to be removed.
enum SealedWriteError: Error, Equatable {
    /// A system call failed.
    case system(FileSystemError)
    /// A block that was to be copied is damaged where it is now.
    case damaged(LogReadError)
}

/// Writes one sealed segment front to back. Used by one thread. Streams come by rising number; for each of them first
/// ``beginStream(_:)``, then its bytes and blocks by rising position without a gap, then
/// ``endStream(row:start:tail:newestCommitAt:)``, or just ``addTombstone(_:)``. Calls in another order trap: nothing
/// that a reader would refuse gets to the disk.
///
/// After an error the file is worthless, and the writer must not be used again.
final class SealedSegmentWriter {
    let identity: SealedIdentity
    let storeIdentifier: StoreIdentifier
    private let header: [UInt8]
    private let checksumSeed: UInt32

    private var output: SealedOutput
    private var builder = SealedBlockBuilder()
    private var unfinished = Unfinished.nothing
    private var stream: Stream?
    private var lastNumber: StreamNumber?

    /// Rows of the block index and of the stream table, and the owner's rows, as they will be in the file: there may be
    /// millions of them.
    private var index = CommitBuffer(capacity: 64 << 10)
    private var table = CommitBuffer(capacity: 64 << 10)
    private var rows = CommitBuffer(capacity: 64 << 10)

    private enum Unfinished {
        case nothing
        /// The builder has a block that is not full.
        case built
        /// A small block that was to be copied, and may yet be joined with the next one.
        case copied(SealedBlock, _ stored: UnsafeRawBufferPointer, from: SealedSegment)
    }

    private var isBuilding: Bool {
        if case .built = unfinished { true } else { false }
    }

    private struct Stream {
        var number: StreamNumber
        var firstBlock: Int
        /// Where the next bytes go; nil before the first.
        var end: StreamPosition?
    }

    /// - Parameters:
    ///   - file: Empty. It is not closed here.
    ///   - willWrite: Called before each write with the number of its bytes, so that the caller may pace them.
    init(
        identity: SealedIdentity, storeIdentifier: StoreIdentifier, file: any LogFile,
        willWrite: @escaping (_ byteCount: Int) -> Void = { _ in }
    ) {
        precondition(identity.isValid)
        self.identity = identity
        self.storeIdentifier = storeIdentifier
        header = SealedHeader(identity: identity, storeIdentifier: storeIdentifier).encode()
        checksumSeed = storeIdentifier.checksumSeed
        output = SealedOutput(file: file, startingWith: header, willWrite: willWrite)
    }

    /// The number of streams, tombstones included.
    var streamCount: Int { table.byteCount / SealedStream.rowByteCount }

    private var blockCount: Int { index.byteCount / SealedBlock.rowByteCount }

    /// The size of the file so far; of all of it after the call of `finish`.
    var fileByteCount: Int { output.byteCount }

    // MARK: Streams

    func beginStream(_ number: StreamNumber) {
        expectRising(number)
        stream = Stream(number: number, firstBlock: blockCount, end: nil)
    }

    /// - Parameters:
    ///   - row: The owner's row, borrowed for the call.
    ///   - start: The earliest position that can be read.
    ///   - tail: The end of the stream, not before the end of its blocks.
    func endStream(
        row: UnsafeRawBufferPointer, start: StreamPosition, tail: StreamPosition, newestCommitAt: Int64
    ) throws(FileSystemError) {
        guard let stream else { preconditionFailure("no stream was begun") }
        precondition(start <= tail && stream.end ?? tail <= tail && row.count <= Int(UInt32.max))
        try closeUnfinished()
        let count = blockCount - stream.firstBlock
        addToTable(
            SealedStream(
                number: stream.number, isTombstone: false, rowOffset: rows.byteCount, rowByteCount: row.count,
                start: start, tail: tail, firstBlock: count == 0 ? 0 : stream.firstBlock, blockCount: count,
                newestCommitAt: newestCommitAt))
        if let base = row.baseAddress { rows.extend(by: row.count).copyMemory(from: base, byteCount: row.count) }
        self.stream = nil
    }

    /// Says that the stream is deleted, whatever older segments say of it.
    func addTombstone(_ number: StreamNumber) {
        expectRising(number)
        addToTable(.tombstone(number))
    }

    private func expectRising(_ number: StreamNumber) {
        precondition(stream == nil, "the stream before was not ended")
        precondition(lastNumber.map { $0.rawValue < number.rawValue } ?? true, "the stream numbers must rise")
        lastNumber = number
    }

    private func addToTable(_ stream: SealedStream) {
        precondition(streamCount < Int(UInt32.max))
        stream.encode(into: table.extend(by: SealedStream.rowByteCount))
    }

    // MARK: Bytes

    /// Adds an entry, or the rest of one. A block is closed before an entry that would make it larger than 16 KiB; a
    /// longer entry begins a block, and is cut every 16 KiB. An entry without bytes leaves no trace.
    ///
    /// - Parameter bytes: Borrowed for the call.
    func add(
        _ bytes: UnsafeRawBufferPointer, at position: StreamPosition, endsAppend: Bool, committedAt: Int64
    ) throws(FileSystemError) {
        guard var stream else { preconditionFailure("no stream was begun") }
        precondition(stream.end ?? position == position, "there is a gap, or an overlap, in the stream")
        guard !bytes.isEmpty else { return }
        stream.end = position.advanced(by: bytes.count)
        self.stream = stream
        reopenCopied(forByteCount: bytes.count)
        if !isBuilding || bytes.count > builder.freeByteCount { try closeUnfinished() }
        var start = 0
        while start < bytes.count {
            if !isBuilding {
                builder.begin(at: position.advanced(by: start), beginsEntry: start == 0)
                unfinished = .built
            }
            let end = min(bytes.count, start + builder.freeByteCount)
            builder.add(
                UnsafeRawBufferPointer(rebasing: bytes[start..<end]), endsAppend: endsAppend && end == bytes.count,
                committedAt: committedAt)
            if builder.freeByteCount == 0 { try closeUnfinished() }
            start = end
        }
    }

    /// Adds a block of another sealed segment of the store with its stored bytes as they are, after their checksum has
    /// been verified. But where it and the unfinished block before it have together at most 16 KiB, both are decoded
    /// and joined, so that merging does not leave crumbs. A block that continues an entry is not joined: the entry
    /// would look like two.
    func copy(_ block: SealedBlock, from segment: SealedSegment) throws(SealedWriteError) {
        precondition(segment.storeIdentifier == storeIdentifier)
        let stored: UnsafeRawBufferPointer
        let isJoined: Bool
        do throws(LogReadError) {
            // Verified in any case: whether damage is found must not depend on the size of the neighbours.
            stored = try segment.verifiedBytes(of: block)
            try advance(over: block, from: segment)
            isJoined = try join(block, from: segment)
        } catch {
            throw .damaged(error)
        }
        do throws(FileSystemError) {
            if !isJoined {
                try closeUnfinished()
                unfinished = .copied(block, stored, from: segment)
            }
            let byteCount = isBuilding ? builder.payloadByteCount : block.payloadByteCount
            if byteCount >= SealedBlock.payloadByteCountTarget { try closeUnfinished() }
        } catch {
            throw .system(error)
        }
    }

    /// Unlike that of bytes, the position of a block was read, and may be anything if it was damaged since its segment
    /// was opened.
    private func advance(over block: SealedBlock, from segment: SealedSegment) throws(LogReadError) {
        guard var stream else { preconditionFailure("no stream was begun") }
        guard stream.end ?? block.position == block.position, block.position < block.end else {
            throw LogReadError(
                path: segment.path, byteOffset: block.fileOffset,
                reason: "the block's position is not where the one before it ends")
        }
        stream.end = block.end
        self.stream = stream
    }

    /// Whether the block could be added to the unfinished one.
    private func join(_ block: SealedBlock, from segment: SealedSegment) throws(LogReadError) -> Bool {
        guard block.beginsEntry else { return false }
        switch unfinished {
        case .nothing: return false
        case .built:
            guard block.payloadByteCount <= builder.freeByteCount else { return false }
        case .copied(let first, _, let source):
            let byteCount = first.payloadByteCount + block.payloadByteCount
            guard byteCount <= SealedBlock.payloadByteCountTarget else { return false }
            reopen(first, try source.decode(first))
        }
        builder.add(try segment.decode(block), committedAt: block.committedAt)
        return true
    }

    /// Makes room for an entry behind a block that was copied, if both fit into one block. If the block does not
    /// decode, though its checksum held, it stays as it is: whoever reads it will find that out.
    private func reopenCopied(forByteCount byteCount: Int) {
        guard case .copied(let block, _, let source) = unfinished,
            block.payloadByteCount + byteCount <= SealedBlock.payloadByteCountTarget,
            let decoded = try? source.decode(block)
        else { return }
        reopen(block, decoded)
    }

    private func reopen(_ block: SealedBlock, _ decoded: DecodedBlock) {
        builder.begin(at: block.position, beginsEntry: block.beginsEntry)
        builder.add(decoded, committedAt: block.committedAt)
        unfinished = .built
    }

    private func closeUnfinished() throws(FileSystemError) {
        switch unfinished {
        case .nothing: return
        case .built:
            let offset = output.byteCount
            try builder.close(at: offset, checksumSeed: checksumSeed) { (block, stored) throws(FileSystemError) in
                try write(block, stored)
            }
        case .copied(var block, let stored, _):
            block.fileOffset = output.byteCount
            try write(block, stored)
        }
        unfinished = .nothing
    }

    private func write(_ block: SealedBlock, _ stored: UnsafeRawBufferPointer) throws(FileSystemError) {
        precondition(blockCount < Int(UInt32.max) && block.hasValidLengths && stored.count == block.storedByteCount)
        block.encode(into: index.extend(by: SealedBlock.rowByteCount))
        try output.add(stored)
    }

    // MARK: The end

    /// Writes index, table, rows and footer, and makes the file durable.
    ///
    /// - Parameters:
    ///   - firstSequenceNumber: That of the first entry of the first journal segment.
    ///   - endSequenceNumber: The one after the last entry of the last journal segment.
    ///   - lastFrameChecksum: The checksum of the last frame of the last journal segment.
    func finish(
        firstSequenceNumber: LogSequenceNumber, endSequenceNumber: LogSequenceNumber, lastFrameChecksum: UInt32
    ) throws(FileSystemError) {
        precondition(stream == nil, "the last stream was not ended")
        precondition(firstSequenceNumber <= endSequenceNumber)
        let blocksEnd = output.byteCount
        try output.addZeros(upToMultipleOf: SealedFooter.alignment)
        let indexOffset = output.byteCount
        try output.add(index.bytes)
        let tableOffset = output.byteCount
        try output.add(table.bytes)
        let rowsOffset = output.byteCount
        try output.add(rows.bytes)
        try output.addZeros(upToMultipleOf: SealedFooter.alignment)
        let footer = SealedFooter(
            blocksEnd: blocksEnd, indexOffset: indexOffset, blockCount: blockCount,
            indexChecksum: checksum(of: index.bytes), tableOffset: tableOffset, streamCount: streamCount,
            tableChecksum: checksum(of: table.bytes), rowsOffset: rowsOffset, rowsByteCount: rows.byteCount,
            rowsChecksum: checksum(of: rows.bytes), lastFrameChecksum: lastFrameChecksum,
            firstSequenceNumber: firstSequenceNumber, endSequenceNumber: endSequenceNumber)
        try output.add(footer.encode(header: header, storeIdentifier: storeIdentifier))
        try output.finish()
    }

    private func checksum(of bytes: UnsafeRawBufferPointer) -> UInt32 {
        var checksum = Checksum(continuing: checksumSeed)
        checksum.add(bytes)
        return checksum.value
    }
}
