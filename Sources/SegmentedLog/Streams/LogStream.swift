internal import Synchronization

/// The engine's part of one stream: how far it is durable, and where its bytes are.
///
/// Reads go through here and see only what is durable. Positions at which entries are appended are the owner's business:
/// it alone knows what is pending. Safe to use from any thread.
public final class LogStream: Sendable {
    public let number: StreamNumber
    let segments: SegmentTable
    private let index: Mutex<StreamIndex>
    /// The last journal segment that has an entry of this stream, so that the segment lists it once. The writer's own.
    private let touchedSegment = Atomic<UInt32>(0)

    init(number: StreamNumber, segments: SegmentTable, index: StreamIndex = StreamIndex()) {
        self.number = number
        self.segments = segments
        self.index = Mutex(index)
    }

    /// The durable end of the stream.
    public var tail: StreamPosition { index.withLock { $0.tail } }

    /// The earliest position that can be read: 0, unless the stream was trimmed.
    public var start: StreamPosition { index.withLock { $0.start } }

    /// Whether the stream has ended, durably: nothing can be read any more. Its owner is told a moment later.
    public var isDeleted: Bool { index.withLock { $0.isDeleted } }

    /// Plans a read of at most `byteCountLimit` bytes from `position` on and not beyond `end`, which is the end of an
    /// entry and durable. Where `splitsEntries` is false it ends where an entry ends, with at least one entry even if
    /// that one is longer. Where `position` was trimmed away, the read begins at ``start``. No content is read yet;
    /// finding the place may wait for the disk where ``planIsResident(from:byteCountLimit:)`` is false.
    public func read(
        from position: StreamPosition, upTo end: StreamPosition, byteCountLimit: Int, splitsEntries: Bool
    ) -> LogRead {
        let places = withIndex {
            $0.places(
                from: position, upTo: end, byteCountLimit: byteCountLimit, splitsEntries: splitsEntries, in: segments)
        }
        var read = LogRead(start: places.start, tail: end, cache: segments.cache)
        for sealed in places.sealed {
            guard read.add(sealed, byteCountLimit: byteCountLimit, splitsEntries: splitsEntries) else { return read }
        }
        for place in places.journal { read.add(place.segment, fileOffset: place.fileOffset, byteCount: place.byteCount) }
        return read
    }

    /// Whether planning such a read would not wait for the disk, as far as can be told.
    public func planIsResident(from position: StreamPosition, byteCountLimit: Int) -> Bool {
        let places = withIndex { index -> ReadPlaces? in
            guard position < index.journalStart, !index.extents.isEmpty else { return nil }
            return index.places(
                from: position, upTo: index.tail, byteCountLimit: byteCountLimit, splitsEntries: true, in: segments)
        }
        guard let places else { return true }
        return places.sealed.allSatisfy { $0.segment.indexIsResident(ofStreamAt: $0.row) }
    }

    // MARK: For the writer and recovery

    /// Takes in what became durable. On the writer's thread, or the one that opens the log.
    func publish(_ entries: some Sequence<PublishedEntry>, in segment: JournalSegment, committedAt: Int64) {
        let number = UInt32(segment.number)
        if touchedSegment.load(ordering: .relaxed) != number {
            touchedSegment.store(number, ordering: .relaxed)
            segment.touchedStreams.append(self)
        }
        let seconds = UInt32(clamping: committedAt / 1_000)
        index.withLock { index in
            for entry in entries {
                switch entry.kind {
                case .create: break
                case .append where entry.byteCount > 0:
                    index.append(
                        DenseIndex.Run(
                            position: entry.position, segmentNumber: number, fileOffset: UInt32(entry.fileOffset),
                            byteCount: UInt32(entry.byteCount), committedAtSeconds: seconds))
                case .append: break
                case .trim: index.trim(to: entry.position)
                case .delete: index.delete()
                }
            }
        }
    }

    /// For the engine's own parts; nothing in the body may block or take another stream's lock.
    func withIndex<Result: Sendable>(_ body: (inout StreamIndex) -> Result) -> Result {
        index.withLock { body(&$0) }
    }
}

/// What an entry means for its stream's index.
struct PublishedEntry {
    var kind: EntryKind
    var position: StreamPosition
    /// Where the payload is in the segment's file.
    var fileOffset: Int
    var byteCount: Int
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
    /// The end of the stream after this entry; of a trim, the new start.
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
