internal import Synchronization

/// The engine's part of one stream: how far it is durable, and where its bytes are.
///
/// Reads go through here and see only what is durable. Positions at which entries are appended are the owner's business:
/// it alone knows what is pending. Safe to use from any thread.
public final class LogStream: Sendable {
    public let number: StreamNumber
    private let segments: SegmentTable
    private let index: Mutex<DenseIndex>
    private let creationSegment = Atomic<UInt32>(0)

    init(number: StreamNumber, segments: SegmentTable) {
        self.number = number
        self.segments = segments
        index = Mutex(DenseIndex())
    }

    /// The durable end of the stream.
    public var tail: StreamPosition { index.withLock { $0.tail } }

    /// The segment with the entry that created the stream. Set once, when that entry is durable.
    var creationSegmentNumber: UInt32 {
        get { creationSegment.load(ordering: .relaxed) }
        set { creationSegment.store(newValue, ordering: .relaxed) }
    }

    /// Plans a read of at most `byteCountLimit` bytes from `position` on and not beyond `end`, which is the end of an
    /// entry and durable. Where `splitsEntries` is false it ends where an entry ends, with at least one entry even if
    /// that one is longer. Nothing is read yet, and nothing blocks.
    public func read(
        from position: StreamPosition, upTo end: StreamPosition, byteCountLimit: Int, splitsEntries: Bool
    ) -> LogRead {
        var read = LogRead(start: position, tail: end)
        guard position < end else { return read }
        return index.withLock { index in
            var run = index.runIndex(containing: position)
            while run < index.runs.count, read.byteCount < byteCountLimit, read.end < end {
                let piece = index.runs[run]
                let skipped = read.end.distance(from: piece.position)
                var byteCount = Int(piece.byteCount) - skipped
                byteCount = min(byteCount, end.distance(from: read.end))
                let room = byteCountLimit - read.byteCount
                if byteCount > room {
                    if !splitsEntries, read.byteCount > 0 { break }
                    if splitsEntries { byteCount = room }
                }
                guard let segment = read.lastSegment(numbered: piece.segmentNumber) ?? segments[piece.segmentNumber]
                else { break }
                read.add(segment, fileOffset: Int(piece.fileOffset) + skipped, byteCount: byteCount)
                run += 1
            }
            return read
        }
    }

    /// The last place at or before `position` where an entry begins, as far as the index remembers. Between that
    /// place and the end of a read that does not split entries, the bytes are whole entries.
    public func entryStart(atOrBefore position: StreamPosition) -> StreamPosition {
        index.withLock { index in
            guard position < index.tail, !index.runs.isEmpty else { return min(position, index.tail) }
            return index.runs[index.runIndex(containing: position)].position
        }
    }

    // MARK: For the writer and recovery

    func publish(_ entries: ArraySlice<PendingEntry>, segmentNumber: UInt32, payloadOffset: Int) {
        index.withLock { index in
            for entry in entries where entry.payloadByteCount > 0 {
                index.append(
                    DenseIndex.Run(
                        position: entry.position, segmentNumber: segmentNumber,
                        fileOffset: UInt32(payloadOffset + entry.payloadOffset),
                        byteCount: UInt32(entry.payloadByteCount)))
            }
        }
    }

    func recover(byteCount: Int, at position: StreamPosition, segmentNumber: UInt32, fileOffset: Int) {
        index.withLock { index in
            index.append(
                DenseIndex.Run(
                    position: position, segmentNumber: segmentNumber, fileOffset: UInt32(fileOffset),
                    byteCount: UInt32(byteCount)))
        }
    }

    func didDelete() { index.withLock { $0.clear() } }
}

/// Whoever keeps the meaning of a stream on top of the engine.
public protocol LogStreamOwner: AnyObject, Sendable {
    var logStream: LogStream { get }

    /// Entries of this stream are durable, and reads that ask for them find them. Called on the writer's thread, in the
    /// order of the log; must be quick and must not call the log.
    func entriesDidCommit(_ entries: CommittedEntries)
}

/// What an owner is told of a durable entry.
public struct CommittedEntry: Sendable {
    public var kind: EntryKind
    /// The end of the stream after this entry.
    public var end: StreamPosition
    /// What the owner gave with the entry.
    public var tag: UInt64
}

/// Entries of one stream that became durable together, oldest first. At least one.
public struct CommittedEntries: Sequence {
    private let pending: ArraySlice<PendingEntry>

    init(_ pending: ArraySlice<PendingEntry>) { self.pending = pending }

    public struct Iterator: IteratorProtocol {
        fileprivate var base: ArraySlice<PendingEntry>.Iterator

        public mutating func next() -> CommittedEntry? {
            guard let entry = base.next() else { return nil }
            return CommittedEntry(
                kind: entry.kind, end: entry.position.advanced(by: entry.payloadByteCount), tag: entry.tag)
        }
    }

    public func makeIterator() -> Iterator { Iterator(base: pending.makeIterator()) }
}
