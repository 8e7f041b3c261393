internal import Glibc

/// How a log is kept. The defaults suit a server.
public struct LogConfiguration: Sendable {
    /// What an acknowledgement promises.
    public var durability: Durability = .sync

    /// The size of a journal segment's file, in bytes, from 64 KiB to 1 GiB. An entry that does not fit into it gets a
    /// larger segment of its own.
    public var segmentByteCount = 64 << 20

    /// The most bytes that may wait for their commit at one time. What comes beyond waits with its sender.
    public var pendingByteCountLimit = 64 << 20

    /// The most files of sealed journal segments that are kept to be written again.
    public var recycledSegmentCountLimit = 4

    /// So many full journal segments may wait to be sealed; then appends wait as well. At least 1.
    public var unsealedSegmentCountLimit = 16

    /// Makes the rows of streams for sealed segments.
    public var rows: any LogRowFolder = CreationRows()

    /// The most bytes of decoded blocks that are kept in memory for readers.
    public var blockCacheByteCountLimit = 64 << 20

    /// So many sealed segments of like size are merged into one. At least 2.
    public var mergedSegmentCount = 8

    /// Sealed segments are not merged into larger ones than this, in bytes.
    public var sealedSegmentByteCountLimit = 4 << 30

    /// How fast sealing and merging may write, in bytes for each second; nil for as fast as the disk is.
    public var maintenanceBytesPerSecond: Int? = 256 << 20

    /// What measures that. For tests.
    var maintenanceClock = WritingPace.Clock.system

    /// How long to wait after a failed attempt to make room on the disk before the next one, in milliseconds.
    public var provisioningRetryMilliseconds = 1_000

    /// Who drives the log's background work.
    public var threading: Threading = .threads

    /// Told of what happens in the log; called on the log's threads, so it must be quick.
    public var eventHandler: @Sendable (LogEvent) -> Void = { _ in }

    /// The wall clock, in milliseconds since 1970.
    public var wallClock: @Sendable () -> Int64 = {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }

    /// Random bits for the identifier of a new store.
    public var randomBits: @Sendable () -> UInt64 = { UInt64.random(in: .min ... .max) }

    public init() {}

    public enum Threading: Sendable, Equatable {
        /// Threads for writing, for provisioning and for maintenance, all named.
        case threads
        /// Nobody: the owner calls ``SegmentedLog/runPendingWork()``. For tests that want the same order every time.
        case manual
    }
}

/// Something that an operator may want to read in a log file.
public struct LogEvent: Sendable, CustomStringConvertible {
    public enum Level: Sendable { case info, warning, error }

    public var level: Level
    /// What happened, the same words every time.
    public var message: String
    /// The particulars.
    public var metadata: [String: String]

    public init(level: Level, message: String, metadata: [String: String] = [:]) {
        self.level = level
        self.message = message
        self.metadata = metadata
    }

    public var description: String {
        metadata.sorted { $0.key < $1.key }.reduce(message) { "\($0) \($1.key)=\($1.value)" }
    }
}

/// Counters since the log was opened, and gauges of now.
public struct LogStatistics: Sendable {
    /// Frames written.
    public var commitCount = 0
    /// Calls of fdatasync for frames.
    public var syncCount = 0
    /// Entries in those frames.
    public var entryCount = 0
    /// Bytes of payload in those entries.
    public var payloadByteCount = 0
    /// Bytes waiting for their commit, now.
    public var pendingByteCount = 0
    /// Journal segments that have been sealed.
    public var sealingCount = 0
    /// Sealed segments, or runs of them, that have been written anew.
    public var mergeCount = 0
    /// Journal segments, now.
    public var segmentCount = 0
    /// Full journal segments that are to be sealed, now.
    public var unsealedSegmentCount = 0
    /// Whether segments are being sealed, merged or removed, now.
    public var isMaintaining = false
    /// Sealed segments, now.
    public var sealedSegmentCount = 0
    /// The bytes of their files.
    public var sealedByteCount = 0
    /// Reads of blocks that were in the cache.
    public var blockCacheHitCount = 0
    /// Reads of blocks that had to be decoded.
    public var blockCacheMissCount = 0
    /// Bytes of decoded blocks in memory, now.
    public var blockCacheByteCount = 0
    /// Streams that are not deleted, now.
    public var streamCount = 0
    /// Whether the last attempt to make room for more segments found the disk full.
    public var isDiskFull = false
    /// Whether a failed write or sync has stopped the log.
    public var isStopped = false
}
