internal import Dispatch
internal import Synchronization

/// Keeps the next segment ready: the slow work on files that no append waits for.
///
/// Its work is done on the provisioner's thread; requests may come from any thread.
final class SegmentProvisioner: Sendable {
    private let directory: SegmentDirectory
    private let configuration: LogConfiguration
    private let counters: LogCounters
    private let state: Mutex<State>
    private let workArrived = DispatchSemaphore(value: 0)

    private struct State {
        /// The segment that is asked for: how many bytes it needs at least.
        var wantedByteCount: Int?
        /// The last attempt failed: the next one may wait a while.
        var hasFailed = false
        var retired: [JournalSegment] = []
        /// Dead segments' files that nobody reads any more, to be written anew.
        var reusable: [ReusableFile]
        var nextNumber: UInt64
        /// As ``hasFailed``, until an attempt succeeds: what was said once is not said with every attempt.
        var isInTrouble = false
        /// A segment without frames stands among the others and must not become the oldest: it would look like one that
        /// has lost its frames.
        var hasUnusedSegment = false
        /// No more segments are made until others are sealed.
        var isPaused = false
        var isClosing = false
    }

    struct ReusableFile: Sendable {
        var number: UInt64
        var byteCount: Int
    }

    init(
        directory: SegmentDirectory, configuration: LogConfiguration, counters: LogCounters, reusable: [ReusableFile],
        nextNumber: UInt64
    ) {
        self.directory = directory
        self.configuration = configuration
        self.counters = counters
        state = Mutex(State(reusable: reusable, nextNumber: nextNumber))
    }

    // MARK: Requests

    /// Asks for a segment of this size. The largest that is asked for is made.
    func request(byteCount: Int) {
        state.withLock { $0.wantedByteCount = max($0.wantedByteCount ?? 0, byteCount) }
        workArrived.signal()
    }

    /// Takes a spare segment that was never used out of the log.
    private func retire(_ segment: JournalSegment) {
        state.withLock { $0.retired.append(segment) }
        workArrived.signal()
    }

    /// Whether segments may be retired whose successors stay.
    var mayRetire: Bool { state.withLock { !$0.hasUnusedSegment } }

    /// Keeps the file of a retired segment to be written anew, once nobody reads it any more.
    func reclaim(_ segment: JournalSegment) {
        let file = ReusableFile(number: segment.number, byteCount: segment.byteCount)
        segment.retire { [weak self] in self?.reclaim(file) }
    }

    /// Gives up one file that is kept to be written again. False if there is none, or it could not be removed.
    func discardRecycledFile() -> Bool {
        guard let file = state.withLock({ $0.reusable.popLast() }) else { return false }
        do throws(FileSystemError) { try directory.remove(file.number, .recycled) } catch { return false }
        return true
    }

    /// Makes no more segments for a while; appends wait then.
    func setPaused(_ isPaused: Bool) {
        let changes = state.withLock { state in
            defer { state.isPaused = isPaused }
            return state.isPaused != isPaused
        }
        if changes { workArrived.signal() }
    }

    func close() {
        state.withLock { $0.isClosing = true }
        workArrived.signal()
    }

    // MARK: Work

    func run(for queue: CommitQueue) {
        while true {
            while runOnce(for: queue) {}
            let (isClosing, hasFailed) = state.withLock { ($0.isClosing, $0.hasFailed) }
            if isClosing { return }
            if hasFailed {
                _ = workArrived.wait(timeout: .now() + .milliseconds(configuration.provisioningRetryMilliseconds))
            } else {
                workArrived.wait()
            }
            if hasFailed { retryLater(queue) }
        }
    }

    /// One piece of work; false if there is none, or none that would succeed now.
    func runOnce(for queue: CommitQueue) -> Bool {
        if let segment = state.withLock({ $0.retired.isEmpty ? nil : $0.retired.removeFirst() }) {
            remove(segment)
            return true
        }
        let wanted = state.withLock { state -> (byteCount: Int, number: UInt64, file: ReusableFile?)? in
            guard let byteCount = state.wantedByteCount, !state.hasFailed, !state.isClosing, !state.isPaused
            else { return nil }
            let number = state.nextNumber
            state.nextNumber += 1
            let match = state.reusable.firstIndex { $0.byteCount == byteCount }
            return (byteCount, number, match.map { state.reusable.remove(at: $0) })
        }
        guard let wanted else { return false }
        do throws(FileSystemError) {
            let segment = try makeSegment(wanted.number, byteCount: wanted.byteCount, of: wanted.file)
            let isRecovery = state.withLock { state in
                if state.wantedByteCount == wanted.byteCount { state.wantedByteCount = nil }
                defer { state.isInTrouble = false }
                return state.isInTrouble
            }
            counters.setDiskFull(false)
            if isRecovery {
                configuration.eventHandler(LogEvent(level: .info, message: "there is room for another segment again"))
            }
            if let replaced = queue.install(spare: segment) { retire(replaced) }
        } catch {
            abandon(wanted.number)
            fail(error, byteCount: wanted.byteCount, queue)
        }
        return true
    }

    /// Makes a segment now. Also used, before there is a thread, when a store is opened.
    func makeSegment(
        _ number: UInt64, byteCount: Int, of file: ReusableFile?
    ) throws(FileSystemError) -> JournalSegment {
        if let file {
            do throws(FileSystemError) {
                return try directory.reuseSegment(file.number, as: number, byteCount: byteCount)
            } catch {
                // Whatever is the matter with the old file, a new one does as well. The old one is left where it is.
            }
        }
        return try directory.createSegment(number, byteCount: byteCount)
    }

    /// Lets the next attempt be made.
    func retryLater(_ queue: CommitQueue) {
        let needsSpare = queue.needsSpare
        state.withLock { state in
            guard state.hasFailed else { return }
            state.hasFailed = false
            if state.wantedByteCount == nil, needsSpare { state.wantedByteCount = configuration.segmentByteCount }
        }
        queue.forgetSpareFailure()
    }

    private func abandon(_ number: UInt64) {
        do throws(FileSystemError) {
            try directory.abandon(number)
        } catch {
            state.withLock { $0.hasUnusedSegment = true }
        }
    }

    private func fail(_ error: FileSystemError, byteCount: Int, _ queue: CommitQueue) {
        let isNews = state.withLock { state in
            defer { state.isInTrouble = true }
            state.hasFailed = true
            state.wantedByteCount = nil
            return !state.isInTrouble
        }
        counters.setDiskFull(error.isDiskFull)
        queue.spareFailed(byteCount: byteCount, error.isDiskFull ? .diskFull : .unavailable(reason: "\(error)"))
        guard isNews else { return }
        configuration.eventHandler(
            LogEvent(
                level: .warning,
                message: error.isDiskFull
                    ? "the disk is full: appends are refused once the current segment is"
                    : "the next segment could not be made: appends are refused once the current segment is full",
                metadata: ["error": "\(error)", "bytes": "\(byteCount)"]))
    }

    private func remove(_ segment: JournalSegment) {
        do throws(FileSystemError) {
            try directory.retire(segment.number)
            reclaim(segment)
        } catch {
            state.withLock { $0.hasUnusedSegment = true }
            configuration.eventHandler(
                LogEvent(level: .warning, message: "a segment could not be removed", metadata: ["error": "\(error)"]))
        }
    }

    /// Nobody reads the file any more. Runs wherever the last reader let go of it, so no work is done here.
    private func reclaim(_ file: ReusableFile) {
        let isSpare = state.withLock { state in
            guard file.byteCount == configuration.segmentByteCount,
                state.reusable.count < configuration.recycledSegmentCountLimit
            else { return false }
            state.reusable.append(file)
            return true
        }
        if !isSpare { try? directory.remove(file.number, .recycled) }
    }
}
