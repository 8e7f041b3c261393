internal import Glibc

/// Writes commits to the journal, one frame with one write and one sync each, and makes them public.
///
/// Owned by the writer's thread. The order in which a commit becomes known is fixed: index and tails of all its
/// streams, then the streams' owners, then those who wait for it, then ``LogConfiguration``'s end-of-commit hook.
final class JournalWriter {
    private let queue: CommitQueue
    private let table: SegmentTable
    private let storeIdentifier: StoreIdentifier
    private let configuration: LogConfiguration
    private let counters: LogCounters
    private let maintenance: SegmentMaintenance
    private let commitDidEnd: @Sendable () -> Void

    private var previousChecksum: UInt32
    private var syncedSequenceNumber: LogSequenceNumber
    private var writtenSequenceNumber: LogSequenceNumber
    private var segment: JournalSegment
    private var segmentIsEmpty: Bool
    /// When the oldest write that is not synced was made, on the monotonic clock. Only in the interval mode.
    private var unsyncedSince: Int64?
    private var hasUnsyncedWrites = false
    private var lastCommitWasShared = false
    /// In the mode `none`: full segments that the system has not been asked to write. One that is gone was sealed, and
    /// its file waits to be written anew.
    private var unsyncedSegments: [UnsyncedSegment] = []
    /// The segment that the commit being written has left full.
    private var full: SegmentMaintenance.FullSegment?
    private var committedAt: Int64 = 0

    private struct UnsyncedSegment {
        weak var segment: JournalSegment?
    }

    init(
        queue: CommitQueue, table: SegmentTable, storeIdentifier: StoreIdentifier, configuration: LogConfiguration,
        counters: LogCounters, end: RecoveredEnd, maintenance: SegmentMaintenance,
        commitDidEnd: @escaping @Sendable () -> Void
    ) {
        self.queue = queue
        self.table = table
        self.storeIdentifier = storeIdentifier
        self.configuration = configuration
        self.counters = counters
        self.maintenance = maintenance
        self.commitDidEnd = commitDidEnd
        previousChecksum = end.previousChecksum
        syncedSequenceNumber = end.lastSequenceNumber
        writtenSequenceNumber = end.lastSequenceNumber
        segment = end.segment
        segmentIsEmpty = end.segmentIsEmpty
    }

    /// The thread's body: until the queue is closed and empty, or has stopped.
    func run() {
        while true {
            if runOnce() {
                // Those who share commits have just been answered, and are about to ask again: let them, so that the
                // next commit is shared as well. Who is alone waits for nothing.
                if lastCommitWasShared { sched_yield() }
                continue
            }
            if queue.isDrained { break }
            queue.waitForWork(milliseconds: millisecondsUntilSync())
        }
        synchronizeAtEnd()
    }

    /// Writes one commit, or makes a sync that has come due. False if there was nothing to do.
    func runOnce() -> Bool {
        if let error = queue.takeDemandedStop() { return stopOnError { () throws(FileSystemError) in throw error } }
        if millisecondsUntilSync() == 0 { return stopOnError { () throws(FileSystemError) in try synchronize() } }
        guard let commit = queue.take() else { return false }
        do throws(FileSystemError) {
            if commit.entryCount > 0 { try write(commit) }
        } catch {
            stop(error, [commit])
            return true
        }
        lastCommitWasShared = commit.pending.count > 1
        if let full {
            // Before the commit is published: whoever acts on a deletion in it must know which segment to sync for it.
            self.full = nil
            maintenance.add(full, current: segment)
        }
        publish(commit)
        queue.finish(commit)
        return true
    }

    /// In the weaker modes, makes durable what is only written. For a clean end.
    func synchronizeAtEnd() {
        if let error = queue.takeDemandedStop() { return stop(error, []) }
        guard hasUnsyncedWrites, queue.stoppedReason == nil else { return }
        _ = stopOnError { () throws(FileSystemError) in try synchronize() }
    }

    // MARK: Writing

    private func write(_ commit: Commit) throws(FileSystemError) {
        if commit.segment !== segment {
            if segmentIsEmpty {
                try writeFrame(of: Commit(
                    segment: segment, offset: SegmentHeader.byteCount, firstSequenceNumber: commit.firstSequenceNumber))
            }
            if hasUnsyncedWrites {
                // In the mode `none` a lost segment before a kept one ends the log there, as any other hole does.
                if configuration.durability == .none {
                    unsyncedSegments.removeAll { $0.segment == nil }
                    unsyncedSegments.append(UnsyncedSegment(segment: segment))
                } else {
                    try synchronize()
                }
            }
            segment.setRecent(false)
            let end = JournalSegment.End(
                sequenceNumber: commit.firstSequenceNumber, lastFrameChecksum: previousChecksum)
            full = SegmentMaintenance.FullSegment(segment: segment, end: end)
            segment = commit.segment
            segmentIsEmpty = true
            segment.setRecent(true)
            table.insert(segment)
        }
        try writeFrame(of: commit)
        writtenSequenceNumber = LogSequenceNumber(rawValue: commit.nextSequenceNumber.rawValue - 1)
        switch configuration.durability {
        case .sync: try synchronize()
        case .interval: if unsyncedSince == nil { unsyncedSince = Self.monotonicMilliseconds() }
        case .none: break
        }
        counters.add(commit)
    }

    private func writeFrame(of commit: Commit) throws(FileSystemError) {
        committedAt = configuration.wallClock()
        let header = FrameHeader(
            frameByteCount: commit.frameByteCount, tableByteCount: commit.tableByteCount,
            segmentNumber: segment.number, firstSequenceNumber: commit.firstSequenceNumber,
            syncedSequenceNumber: syncedSequenceNumber, committedAt: committedAt,
            entryCount: commit.entryCount, previousChecksum: previousChecksum)
        try commit.withFrame(header: header, storeIdentifier: storeIdentifier) {
            (buffers, checksum) throws(FileSystemError) in
            try segment.file.write(buffers, at: commit.offset)
            previousChecksum = checksum
        }
        hasUnsyncedWrites = true
        segmentIsEmpty = false
    }

    private func synchronize() throws(FileSystemError) {
        for unsynced in unsyncedSegments { try unsynced.segment?.file.synchronize() }
        unsyncedSegments = []
        try segment.file.synchronize()
        syncedSequenceNumber = writtenSequenceNumber
        hasUnsyncedWrites = false
        unsyncedSince = nil
        counters.addSync()
    }

    private func millisecondsUntilSync() -> Int? {
        guard case .interval(let milliseconds) = configuration.durability, let unsyncedSince else { return nil }
        return max(0, Int(unsyncedSince) + milliseconds - Int(Self.monotonicMilliseconds()))
    }

    // MARK: Making public

    private func publish(_ commit: Commit) {
        let pending = commit.pending
        forEachRun(of: pending) { owner, range in index(pending[range], of: owner.logStream, in: commit) }
        forEachRun(of: pending) { owner, range in owner.entriesDidCommit(CommittedEntries(pending[range])) }
        for entry in pending { entry.completion?.commitDidFinish(nil) }
        commitDidEnd()
    }

    /// Entries of one stream that came one after the other are dealt with together: one look at its locks for all.
    private func forEachRun(of pending: [PendingEntry], _ body: (any LogStreamOwner, Range<Int>) -> Void) {
        var start = 0
        while start < pending.count {
            let owner = pending[start].owner
            var end = start + 1
            while end < pending.count, pending[end].owner === owner { end += 1 }
            if let owner { body(owner, start..<end) }
            start = end
        }
    }

    private func index(_ entries: ArraySlice<PendingEntry>, of stream: LogStream, in commit: Commit) {
        let published = entries.lazy.map { entry in
            PublishedEntry(
                kind: entry.kind, position: entry.position, fileOffset: commit.payloadOffset + entry.payloadOffset,
                byteCount: entry.payloadByteCount)
        }
        stream.publish(published, in: commit.segment, committedAt: committedAt)
        var changes: [SegmentMaintenance.Change] = []
        for entry in entries {
            switch entry.kind {
            case .append: break
            case .create: counters.streamCountChanged(by: 1)
            case .trim: changes.append(.trim(stream))
            case .delete:
                changes.append(.deletion(stream))
                counters.streamCountChanged(by: -1)
            }
        }
        if !changes.isEmpty { maintenance.add(changes) }
    }

    // MARK: Failing

    private func stopOnError(_ body: () throws(FileSystemError) -> Void) -> Bool {
        do throws(FileSystemError) { try body() } catch { stop(error, []) }
        return true
    }

    /// After a failed write or sync nobody knows what is on the disk. Nothing is written any more; opening the log
    /// anew finds out.
    private func stop(_ error: FileSystemError, _ commits: [Commit]) {
        let reason = "\(error)"
        configuration.eventHandler(
            LogEvent(level: .error, message: "the log has stopped after a failed write", metadata: ["error": reason]))
        counters.setStopped()
        let failure = CommitFailure(reason: reason)
        for commit in commits + queue.stop(reason: reason) {
            for entry in commit.pending { entry.completion?.commitDidFinish(failure) }
            commit.clear()
        }
        commitDidEnd()
    }

    private static func monotonicMilliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
