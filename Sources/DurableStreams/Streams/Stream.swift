public import SegmentedLog
internal import Synchronization

/// One stream of a store.
///
/// What readers see of it (``snapshot``, ``read(from:byteLimit:)``) is durable. What decides about the next append is kept
/// apart and may be ahead. Safe to use from any thread; nothing here blocks.
///
/// A stream object stays what it is: after a deletion it stays deleted, also when another stream is created at its path.
public final class Stream: LogStreamOwner {
    public let path: StreamPath
    public let createdAt: WallClockTime
    public let logStream: LogStream
    let configuration: StreamConfiguration
    let context: StoreContext
    private let state: Mutex<State>

    struct State: Sendable {
        /// Accepted, durable or not. Decisions are made on this.
        var writer: WriterState
        /// Accepted and not durable yet.
        var pendingEntryCount: UInt32 = 0
        var deletionIsPending = false
        // Durable facts. They change together, so that nobody sees part of an append, or its data without its end.
        var tail = StreamPosition.start
        var isCreated = false
        var isClosed = false
        var isDeleted = false
        /// When the stream was last used, on the wall clock, in milliseconds since 1970.
        var lastUse: Int64
        var watchers: [WatcherGroup] = []
        /// What was at the path before and is visible until this stream is durable.
        var predecessor: Stream?
    }

    init(
        _ logStream: LogStream, path: StreamPath, configuration: StreamConfiguration, createdAt: WallClockTime,
        predecessor: Stream? = nil, context: StoreContext
    ) {
        self.logStream = logStream
        self.path = path
        self.configuration = configuration
        self.createdAt = createdAt
        self.context = context
        var state = State(writer: WriterState(), lastUse: createdAt.millisecondsSince1970)
        state.predecessor = predecessor
        self.state = Mutex(state)
    }

    /// Identifies the stream for ever; a stream created later at the same path has another one.
    public var number: StreamNumber { logStream.number }
    public var contentType: ContentType { configuration.contentType }
    public var lifetime: Lifetime? { configuration.lifetime }

    /// Durable facts about a stream at one moment.
    public struct Snapshot: Sendable {
        /// The first position that can be read.
        public var earliest: StreamPosition
        /// Behind the last byte.
        public var tail: StreamPosition
        /// Whether the tail is final.
        public var isClosed: Bool
        public var isDeleted: Bool
    }

    public var snapshot: Snapshot {
        state.withLock {
            Snapshot(earliest: .start, tail: $0.tail, isClosed: $0.isClosed, isDeleted: $0.isDeleted)
        }
    }

    /// Whether the stream was deleted while others read from it.
    public var isSoftDeleted: Bool { false }

    func withState<Result: Sendable>(_ body: (inout State) -> Result) -> Result { state.withLock { body(&$0) } }

    // MARK: Lifetime

    /// Counts as a use: begins a sliding lifetime anew. Reads and appends do so by themselves.
    public func renew() {
        guard case .sliding = lifetime else { return }
        let now = context.wallClock()
        state.withLock { $0.lastUse = max($0.lastUse, now) }
    }

    /// Whether the lifetime is over. A stream that somebody follows does not expire.
    var isExpired: Bool {
        guard let lifetime else { return false }
        return state.withLock { hasExpired(lifetime, $0) }
    }

    private func hasExpired(_ lifetime: Lifetime, _ state: State) -> Bool {
        let end = lifetime.end(lastUse: WallClockTime(millisecondsSince1970: state.lastUse))
        return state.watchers.isEmpty && end.millisecondsSince1970 <= context.wallClock()
    }

    /// What clients are to see at this stream's path: this stream, the one before it, or nothing.
    var visible: Stream? {
        let (isCreated, isDeleted, predecessor) = state.withLock { ($0.isCreated, $0.isDeleted, $0.predecessor) }
        guard isCreated else { return predecessor?.visible }
        return isDeleted || isExpired ? nil : self
    }

    // MARK: Following

    /// Calls `onChange` on the lane after every commit that moved the tail, closed the stream or deleted it, until the
    /// subscription is cancelled. Subscribe first and look then, and nothing is missed.
    public func subscribe(on lane: DeliveryLane, onChange: @escaping @Sendable () -> Void) -> TailSubscription {
        state.withLock { state in
            if let group = state.watchers.first(where: { $0.lane === lane }) {
                return TailSubscription(group.add(onChange), group, self)
            }
            let group = WatcherGroup(lane)
            state.watchers.append(group)
            return TailSubscription(group.add(onChange), group, self)
        }
    }

    func removeIfEmpty(_ group: WatcherGroup) {
        state.withLock { state in
            if group.isEmpty { state.watchers.removeAll { $0 === group } }
            if state.watchers.isEmpty { state.lastUse = max(state.lastUse, context.wallClock()) }
        }
    }

    // MARK: For the log

    public func entriesDidCommit(_ entries: CommittedEntries) {
        let (watchers, isDeleted) = state.withLock { state in
            for entry in entries { state.didCommit(entry) }
            return (state.watchers, state.isDeleted)
        }
        if isDeleted { context.catalog.remove(self) }
        for group in watchers { group.wake(context.deliveries) }
    }

    // MARK: For the opening

    func recover(_ record: AppendRecord, byteCount: Int) {
        state.withLock { state in
            state.writer.apply(record, byteCount: byteCount)
            if record.closes { state.isClosed = true }
        }
    }

    /// The stream was read back from the log, where everything is durable.
    /// - Parameter now: Counts as its last use: nobody knows what reads renewed it before.
    func didRecover(now: Int64) {
        state.withLock { state in
            state.isCreated = true
            state.tail = state.writer.tail
            state.lastUse = now
            if configuration.isClosedAtCreation {
                state.writer.isClosed = true
                state.isClosed = true
            }
        }
    }
}

/// What a stream puts with its entries, to be told when they are durable. Not stored.
struct EntryTag: OptionSet {
    var rawValue: UInt64
    /// The last entry of what was accepted in one piece.
    static let isLast = EntryTag(rawValue: 1)
    static let closes = EntryTag(rawValue: 2)
    static let creates = EntryTag(rawValue: 4)
}

extension Stream.State {
    fileprivate mutating func didCommit(_ entry: CommittedEntry) {
        let tag = EntryTag(rawValue: entry.tag)
        // The parts of an append before the last show nothing.
        guard tag.contains(.isLast) else { return }
        pendingEntryCount -= 1
        tail = entry.end
        if tag.contains(.creates) {
            isCreated = true
            predecessor = nil
        }
        if tag.contains(.closes) { isClosed = true }
        if entry.kind == .delete { isDeleted = true }
    }
}
