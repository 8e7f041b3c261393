public import SegmentedLog
internal import Synchronization

/// One stream of a store.
///
/// What readers see of it (``snapshot``, ``read(from:byteLimit:)``) is durable. What decides about the next append is kept
/// apart and may be ahead. Safe to use from any thread; nothing here blocks.
///
/// A stream object stays what it is: after a deletion it stays deleted, also when another stream is created at its path.
public final class Stream: LogStreamOwner {
    // There may be a million of these, nearly all of them idle: what most streams do not have is in `State.extras`, and
    // what many have in common in `configuration`.
    public let createdAt: WallClockTime
    public let logStream: LogStream
    let configuration: StreamConfiguration
    private let pathBytes: PathBytes
    private let state: Mutex<State>

    init(
        _ logStream: LogStream, path: StreamPath, configuration: StreamConfiguration, createdAt: WallClockTime,
        predecessor: Stream? = nil
    ) {
        self.logStream = logStream
        self.configuration = configuration
        self.createdAt = createdAt
        pathBytes = PathBytes(path)
        var state = State(
            base: configuration.fork?.row.divergence ?? .start, lastUse: configuration.context.clock.steady)
        if let predecessor { state.setPredecessor(predecessor) }
        self.state = Mutex(state)
    }

    /// Made anew by each call.
    public var path: StreamPath { pathBytes.path }
    /// Identifies the stream for ever; a stream created later at the same path has another one.
    public var number: StreamNumber { logStream.number }
    public var contentType: ContentType { configuration.contentType }
    public var lifetime: Lifetime? { configuration.lifetime }
    var context: StoreContext { configuration.context }

    /// Durable facts about a stream at one moment.
    public struct Snapshot: Sendable {
        /// The first position that can be read.
        public var earliest: StreamPosition
        /// Behind the last byte.
        public var tail: StreamPosition
        /// Whether the tail is final.
        public var isClosed: Bool
        /// Also if forks still read from it.
        public var isDeleted: Bool
    }

    public var snapshot: Snapshot {
        state.withLock {
            Snapshot(
                earliest: earliest($0), tail: $0.tail, isClosed: $0.isClosed,
                isDeleted: $0.isDeleted || $0.isDeletedSoftly)
        }
    }

    /// Whether the stream was deleted, or expired, while it has forks: it is only kept because they read from it.
    public var isSoftDeleted: Bool {
        let (isDeletedSoftly, hasForks) = state.withLock { ($0.isDeletedSoftly, $0.hasForks) }
        return isDeletedSoftly || hasForks && isExpired
    }

    func withState<Result: Sendable>(_ body: (inout State) -> Result) -> Result { state.withLock { body(&$0) } }

    /// What clients are to see at this stream's path: this stream, the one before it, or nothing.
    var visible: Stream? {
        let (isCreated, isDeleted, isKept, predecessor) = state.withLock {
            ($0.isCreated, $0.isDeleted, $0.isDeletedSoftly || $0.hasForks, $0.predecessor)
        }
        guard isCreated else { return predecessor?.visible }
        if isDeleted { return nil }
        return isKept || !isExpired ? self : nil
    }

    /// Whether its path is free for another stream: this one is being deleted for good, or has expired without forks.
    var isGoing: Bool {
        let (isGoing, isKept) = state.withLock { ($0.deletionIsPending, $0.softDeletionIsPending || $0.hasForks) }
        return isGoing || !isKept && isExpired
    }

    /// - Throws: ``StreamError/notFound`` if the stream has expired, ``StreamError/gone`` if it did while it has forks.
    ///   Whether it was deleted is not looked at.
    func checkLifetime() throws(StreamError) {
        guard isExpired else { return }
        throw withState { $0.hasForks || $0.softDeletionIsPending } ? .gone : .notFound
    }

    // MARK: Following

    /// Calls `onChange` on the lane after every commit that moved the tail, closed the stream or deleted it, until the
    /// subscription is cancelled. Subscribe first and look then, and nothing is missed.
    public func subscribe(on lane: DeliveryLane, onChange: @escaping @Sendable () -> Void) -> TailSubscription {
        state.withLock { state in
            let group = state.watcherGroup(on: lane)
            return TailSubscription(group.add(onChange), group, self)
        }
    }

    func removeIfEmpty(_ group: WatcherGroup) {
        state.withLock { state in
            state.removeIfEmpty(group)
            if !state.isWatched { state.use(at: context.clock.steady, isSaved: false) }
        }
    }

    // MARK: For the log

    public func entriesDidCommit(_ entries: CommittedEntries) {
        let (watchers, isDeleted) = state.withLock { state in
            var isNews = false
            for entry in entries where state.didCommit(entry, base: base) { isNews = true }
            return (isNews ? state.watchers : [], state.isDeleted)
        }
        if isDeleted {
            context.catalog.remove(self)
            configuration.fork?.detach()
        }
        for group in watchers { group.wake(context.deliveries) }
    }

    // MARK: For the opening

    /// - Parameter tail: The engine's.
    func recover(_ row: StreamStateRow, tail: StreamPosition) {
        let tail = position(ofLog: tail)
        state.withLock { $0.recover(row, tail: tail) }
    }

    func recover(_ record: AppendRecord, byteCount: Int) {
        state.withLock { $0.recover(record, byteCount: byteCount) }
    }

    /// The stream was read back from the log, where everything is durable.
    func didRecover(lastUse: Int64) { state.withLock { $0.didRecover(lastUse: lastUse) } }
}

extension Stream: PathKeyed {
    func withPathBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result { body(pathBytes.bytes) }
}
