/// A commit that is being filled, or has been and waits for the writer: the entries of one frame.
///
/// Owned by the ``CommitQueue`` under its lock until the writer takes it, then by the writer alone, who gives it back
/// to be filled again.
final class Commit: @unchecked Sendable {
    /// Where the frame goes: known when the first entry is put in, so that an append is refused for want of room before
    /// anything depends on it.
    private(set) var segment: JournalSegment
    private(set) var offset: Int
    private(set) var firstSequenceNumber: LogSequenceNumber
    private(set) var pending: [PendingEntry] = []
    private(set) var entryCount = 0
    private(set) var payloadByteCount = 0
    private(set) var firstEntryAt: Int64 = 0

    /// The frame's header (filled in by the writer) and its entry table.
    private var head = CommitBuffer(capacity: 16 << 10)
    /// The payloads that were copied.
    private var copied = CommitBuffer(capacity: 64 << 10)
    /// The payload area in order, where it is more than `copied` as a whole.
    private var pieces: [Piece] = []
    private var copiedByteCountInPieces = 0

    private enum Piece {
        case copied(byteCount: Int)
        case owned(OwnedBytes)
    }

    init(segment: JournalSegment, offset: Int, firstSequenceNumber: LogSequenceNumber) {
        self.segment = segment
        self.offset = offset
        self.firstSequenceNumber = firstSequenceNumber
        _ = head.extend(by: FrameHeader.byteCount)
    }

    /// Makes an emptied commit ready for the next place.
    func reset(segment: JournalSegment, offset: Int, firstSequenceNumber: LogSequenceNumber) {
        self.segment = segment
        self.offset = offset
        self.firstSequenceNumber = firstSequenceNumber
    }

    /// Drops everything that was put in and what it kept alive.
    func clear() {
        pending.removeAll(keepingCapacity: pending.capacity <= 4_096)
        pieces = []
        copiedByteCountInPieces = 0
        entryCount = 0
        payloadByteCount = 0
        head.clear(keepingAtMost: 256 << 10)
        copied.clear(keepingAtMost: 1 << 20)
        _ = head.extend(by: FrameHeader.byteCount)
    }

    var frameByteCount: Int { head.byteCount + payloadByteCount }
    var tableByteCount: Int { head.byteCount - FrameHeader.byteCount }
    var nextSequenceNumber: LogSequenceNumber { firstSequenceNumber.advanced(by: entryCount) }

    /// Where the next frame begins; the same place if there is nothing to write.
    var endOffset: Int { entryCount == 0 ? offset : offset + frameByteCount.roundedUp(to: FrameHeader.alignment) }

    /// Whether the frame would still fit into its segment with so many more bytes of table and payload.
    func hasRoom(forByteCount byteCount: Int) -> Bool {
        offset + (frameByteCount + byteCount).roundedUp(to: FrameHeader.alignment) <= segment.byteCount
    }

    /// Where in the segment's file the payload area begins, once nothing more is put in.
    var payloadOffset: Int { offset + head.byteCount }

    func add(
        kind: EntryKind, continues: Bool, streamNumber: StreamNumber, position: StreamPosition,
        annotation: UnsafeRawBufferPointer, payloadByteCount byteCount: Int
    ) {
        let row = head.extend(by: Entry.headerByteCount + annotation.count)
        Entry.encodeHeader(
            into: row, kind: kind, continues: continues, annotationByteCount: annotation.count,
            payloadByteCount: byteCount, streamNumber: streamNumber, position: position)
        if let base = annotation.baseAddress {
            (row + Entry.headerByteCount).copyMemory(from: base, byteCount: annotation.count)
        }
        entryCount += 1
    }

    /// What happens to this entry when the commit is durable, or has failed.
    func expect(_ entry: PendingEntry) { pending.append(entry) }

    func addPayload(_ payload: LogPayload) {
        switch payload {
        case .none: return
        case .borrowed(let bytes, let terminator):
            let destination = copied.extend(by: payload.byteCount)
            if let base = bytes.baseAddress { destination.copyMemory(from: base, byteCount: bytes.count) }
            if let terminator { destination.storeBytes(of: terminator, toByteOffset: bytes.count, as: UInt8.self) }
        case .owned(let owned, _):
            closeCopiedPiece()
            pieces.append(.owned(owned))
        }
        payloadByteCount += payload.byteCount
    }

    private func closeCopiedPiece() {
        let byteCount = copied.byteCount - copiedByteCountInPieces
        if byteCount > 0 { pieces.append(.copied(byteCount: byteCount)) }
        copiedByteCountInPieces = copied.byteCount
    }

    /// Completes the frame and lends its bytes, in order, for the time of `write`. Only for the writer.
    func withFrame<Failure: Error>(
        header: FrameHeader, storeIdentifier: StoreIdentifier,
        _ write: ([UnsafeRawBufferPointer], _ checksum: UInt32) throws(Failure) -> Void
    ) throws(Failure) {
        header.encode(into: head.base)
        var buffers = [head.bytes]
        if pieces.isEmpty {
            buffers.append(copied.bytes)
        } else {
            closeCopiedPiece()
            var start = 0
            for piece in pieces {
                switch piece {
                case .copied(let byteCount):
                    buffers.append(UnsafeRawBufferPointer(rebasing: copied.bytes[start..<(start + byteCount)]))
                    start += byteCount
                case .owned(let owned): buffers.append(owned.bytes)
                }
            }
        }
        var checksum = Checksum(continuing: storeIdentifier.checksumSeed)
        checksum.add(UnsafeRawBufferPointer(rebasing: buffers[0][8...]))
        for buffer in buffers.dropFirst() { checksum.add(buffer) }
        FrameHeader.seal(head.base, checksum: checksum.value)
        let padding: UInt64 = 0
        try withUnsafeBytes(of: padding) { (zeros: UnsafeRawBufferPointer) throws(Failure) in
            let paddingByteCount = header.paddedByteCount - header.frameByteCount
            if paddingByteCount > 0 { buffers.append(UnsafeRawBufferPointer(rebasing: zeros[..<paddingByteCount])) }
            try write(buffers, checksum.value)
        }
    }
}

/// What the writer does about an entry, or about a mere wait, once its commit is durable.
struct PendingEntry {
    /// Whose entry; nil for a wait.
    var owner: (any LogStreamOwner)?
    var kind: EntryKind
    /// From the start of the payload area.
    var payloadOffset: Int
    var payloadByteCount: Int
    var position: StreamPosition
    var tag: UInt64
    var completion: (any CommitCompletion)?
}

/// Someone who waits for a commit. Called once, on the writer's thread, after the owners of all the commit's streams
/// have been told; so it must be quick and hand real work elsewhere.
public protocol CommitCompletion: AnyObject, Sendable {
    /// `failure` is nil when everything that was decided before is durable.
    func commitDidFinish(_ failure: CommitFailure?)
}
