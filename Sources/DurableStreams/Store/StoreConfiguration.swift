public import SegmentedLog

/// Something that an operator may want to read in a log file.
public typealias StoreEvent = LogEvent

/// How a store is kept. The defaults suit a server.
public struct StoreConfiguration: Sendable {
    /// What an acknowledgement promises.
    public var durability: Durability = .sync
    /// The size of a segment's file, in bytes.
    public var segmentByteCount = 64 << 20
    /// The most bytes that may wait for their commit at one time; what comes beyond waits with its sender.
    public var pendingByteCountLimit = 64 << 20
    /// The most bytes of one append.
    public var appendByteCountLimit = 64 << 20
    /// Threads for work that may block or take long.
    public var workerThreadCount = 4
    /// How often expired streams are looked for, in milliseconds.
    public var expirySweepMilliseconds = 1_000
    /// Told of what happens in the store; called on the store's threads, so it must be quick.
    public var eventHandler: @Sendable (StoreEvent) -> Void = { _ in }
    /// The disk. For tests.
    public var fileSystem: any FileSystem = LinuxFileSystem()
    /// The wall clock, in milliseconds since 1970: decides when lifetimes end.
    public var wallClock: @Sendable () -> Int64 = { WallClockTime.now().millisecondsSince1970 }

    /// Whether the store has threads of its own. Without them its owner calls ``StreamStore/runPendingWork()``: for tests
    /// that want the same order every time.
    package var hasThreads = true

    /// Random bits for the identifier of a new store. For tests.
    package var randomBits: @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) }

    public init() {}
}

/// Why a store could not be opened.
public typealias StoreOpenError = LogOpenError

/// Counters since a store was opened, and gauges of now.
public struct StoreStatistics: Sendable {
    /// Streams that are not deleted.
    public var streamCount: Int
    /// Commits written; each is one write, whatever the number of entries in it.
    public var commitCount: Int
    /// Calls of fdatasync for commits.
    public var syncCount: Int
    /// Entries in those commits.
    public var entryCount: Int
    /// Bytes of payload in those entries.
    public var payloadByteCount: Int
    /// Bytes waiting for their commit.
    public var pendingByteCount: Int
    public var segmentCount: Int
    public var durability: Durability
    /// Whether a failed write or sync has stopped the log.
    public var isStopped: Bool
    public var isDiskFull: Bool

    init(_ log: LogStatistics, durability: Durability) {
        streamCount = log.streamCount
        commitCount = log.commitCount
        syncCount = log.syncCount
        entryCount = log.entryCount
        payloadByteCount = log.payloadByteCount
        pendingByteCount = log.pendingByteCount
        segmentCount = log.segmentCount
        self.durability = durability
        isStopped = log.isStopped
        isDiskFull = log.isDiskFull
    }
}
