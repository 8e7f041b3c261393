internal import Dispatch
public import SegmentedLog
internal import Synchronization

/// A store of durable streams in one directory.
///
/// Each stream has a path, a content type and maybe a lifetime; it is appended to, read from any position, followed, closed
/// and deleted. An operation is acknowledged when it is durable, and only durable data is ever read.
///
/// There are two forms of each operation. The `async` one is for tasks. The one with a ``DeliveryLane`` and a
/// completion is for event loops: it never blocks and costs no task. Its completion runs on the lane's executor; or, if
/// nothing had to be waited for, on the calling thread before the call returns, so that whoever calls from elsewhere
/// than that executor has to go back to it in the completion (``DeliveryLane/run(_:)``).
///
///     let store = try StreamStore.open(directory: "./data")
///     let path = try StreamPath("greetings")
///     _ = try await store.create(CreateRequest(path: path, contentType: ContentType("text/plain")!))
///     _ = try await store.append("hello".utf8, to: path)
///     let read = try store.stream(at: path)!.read(from: .start, byteLimit: 1 << 20)
///     print(String(decoding: try read.bytes(), as: UTF8.self))
///     store.close()
///
/// Safe to use from any thread.
public final class StreamStore: Sendable {
    let context: StoreContext
    private let configuration: StoreConfiguration
    private let sweepTimer: Mutex<SweepTimer?>

    /// Opens the store in a directory, which is created if it is missing. Blocks while the log is replayed.
    public static func open(
        directory: String, configuration: StoreConfiguration = StoreConfiguration()
    ) throws(StoreOpenError) -> StreamStore {
        var logConfiguration = LogConfiguration()
        logConfiguration.durability = configuration.durability
        logConfiguration.segmentByteCount = configuration.segmentByteCount
        logConfiguration.pendingByteCountLimit = configuration.pendingByteCountLimit
        logConfiguration.eventHandler = configuration.eventHandler
        logConfiguration.wallClock = configuration.wallClock
        logConfiguration.randomBits = configuration.randomBits
        logConfiguration.threading = configuration.hasThreads ? .threads : .manual
        logConfiguration.rows = StreamRowFolder()
        logConfiguration.blockCacheByteCountLimit = configuration.blockCacheByteCountLimit
        logConfiguration.maintenanceBytesPerSecond = configuration.maintenanceBytesPerSecond
        logConfiguration.mergedSegmentCount = configuration.mergedSegmentCount
        let context = StoreContext(configuration)
        let recovery = StoreRecovery(context)
        let deliveries = context.deliveries
        let log = try SegmentedLog.open(
            directory: directory, configuration: logConfiguration, fileSystem: configuration.fileSystem,
            commitDidEnd: { deliveries.flush() },
            recoverRow: { (stream) throws(RecoveryRefusal) in try recovery.apply(stream) },
            recover: { (entry) throws(RecoveryRefusal) in try recovery.apply(entry) })
        context.attach(log)
        recovery.finish()
        return StreamStore(context, configuration)
    }

    private init(_ context: StoreContext, _ configuration: StoreConfiguration) {
        self.context = context
        self.configuration = configuration
        sweepTimer = Mutex(
            configuration.hasThreads
                ? SweepTimer(context.sweeper, everyMilliseconds: configuration.expirySweepMilliseconds) : nil)
    }

    deinit { context.removeAll() }

    public var statistics: StoreStatistics {
        StoreStatistics(context.log.statistics, durability: configuration.durability)
    }

    /// The stream at this path, if there is a durable one that has not expired. It may be one that is only kept for its
    /// forks (``Stream/isSoftDeleted``), so that no other can be created there.
    public func stream(at path: StreamPath) -> Stream? {
        guard let stream = context.catalog[path] else { return nil }
        stream.settleExpiry()
        return stream.visible
    }

    /// Runs work that may block or take long on one of the store's threads.
    public func offload(_ work: @escaping @Sendable () -> Void) { context.workers.run(work) }

    /// In a store without threads: does everything that there is to do now, in a fixed order.
    package func runPendingWork() {
        context.sweeper.round()
        context.log.runPendingWork()
    }

    /// In a store without threads: makes room for appends, and writes none.
    package func provisionSegments() { context.log.provisionSegments() }

    /// Takes no more appends, writes and syncs what is pending, and gives the directory back. Blocks. Reads of what is
    /// durable go on working until the directory is opened again. Later calls do nothing.
    public func close() {
        let timer = sweepTimer.withLock { timer in
            defer { timer = nil }
            return timer
        }
        if let timer {
            timer.stop()
            context.sweeper.finish()
        }
        context.log.close()
        context.workers.close()
    }
}
