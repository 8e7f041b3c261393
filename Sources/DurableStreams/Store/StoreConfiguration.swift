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
    /// The most bytes of decompressed blocks that are kept in memory for readers.
    public var blockCacheByteCountLimit = 64 << 20
    /// How fast old segments are compressed and merged at most, in bytes for each second; nil for as fast as the disk is.
    public var maintenanceBytesPerSecond: Int? = 256 << 20
    /// How much is kept of streams that were created without a ``CreateRequest/retention`` of their own.
    public var retention = Retention.unlimited
    /// How often expired streams, and what is not to be kept, are looked for, in milliseconds: 1 to 20,000, what is outside
    /// counts as the nearest of these. A store of many streams goes through them in several steps, half a minute for all.
    public var expirySweepMilliseconds = 1_000
    /// Told of what happens in the store; called on the store's threads, so it must be quick.
    public var eventHandler: @Sendable (StoreEvent) -> Void = { _ in }
    /// The disk. For tests.
    public var fileSystem: any FileSystem = LinuxFileSystem()
    /// The wall clock, in milliseconds since 1970: decides when lifetimes end. Setting it sets ``steadyClock`` too.
    public var wallClock: @Sendable () -> Int64 = { WallClockTime.now().millisecondsSince1970 } {
        didSet { steadyClock = wallClock }
    }
    /// A clock that nobody sets, in milliseconds since any moment: measures sliding lifetimes.
    public var steadyClock: @Sendable () -> Int64 = { LifetimeClock.systemSteadyMilliseconds() }

    /// Whether the store has threads of its own. Without them its owner calls ``StreamStore/runPendingWork()``: for tests
    /// that want the same order every time.
    package var hasThreads = true

    /// So many sealed segments of like size are merged into one. For tests.
    package var mergedSegmentCount = 8

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
    /// Segments that have been sealed.
    public var sealingCount: Int
    /// How often sealed segments have been written anew, together or alone.
    public var mergeCount: Int
    /// Segments that take appends, or took them and wait to be sealed.
    public var segmentCount: Int
    /// Segments in which each stream's bytes lie together, compressed.
    public var sealedSegmentCount: Int
    /// The bytes of their files.
    public var sealedByteCount: Int
    /// Reads of blocks that were in memory.
    public var blockCacheHitCount: Int
    /// Reads of blocks that had to be decompressed.
    public var blockCacheMissCount: Int
    /// Bytes of decompressed blocks in memory.
    public var blockCacheByteCount: Int
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
        sealingCount = log.sealingCount
        mergeCount = log.mergeCount
        segmentCount = log.segmentCount
        sealedSegmentCount = log.sealedSegmentCount
        sealedByteCount = log.sealedByteCount
        blockCacheHitCount = log.blockCacheHitCount
        blockCacheMissCount = log.blockCacheMissCount
        blockCacheByteCount = log.blockCacheByteCount
        self.durability = durability
        isStopped = log.isStopped
        isDiskFull = log.isDiskFull
    }
}
