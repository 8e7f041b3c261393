internal import Synchronization

/// What ``LogStatistics`` shows. Counted by the log's threads, read by anyone.
final class LogCounters: Sendable {
    private let state = Mutex(LogStatistics())

    func add(_ commit: Commit) {
        state.withLock { state in
            state.commitCount += 1
            state.entryCount += commit.entryCount
            state.payloadByteCount += commit.payloadByteCount
        }
    }

    func addSealedSegment() { state.withLock { $0.sealingCount += 1 } }
    func addMerge() { state.withLock { $0.mergeCount += 1 } }
    func addSync() { state.withLock { $0.syncCount += 1 } }
    func streamCountChanged(by count: Int) { state.withLock { $0.streamCount += count } }
    func setDiskFull(_ isFull: Bool) { state.withLock { $0.isDiskFull = isFull } }
    func setStopped() { state.withLock { $0.isStopped = true } }

    var snapshot: LogStatistics { state.withLock { $0 } }
}
