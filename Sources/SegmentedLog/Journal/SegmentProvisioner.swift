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
        /// Spare segments that others have taken the place of, until they are out of the log. Segments without frames must
        /// not become the oldest: they would look as if they had lost their frames.
        var replaced: [JournalSegment] = []
        /// Likewise: segments that could not be made, of which something may be left.
        var abandoned: [UInt64] = []
        /// Likewise: a spare segment is perhaps being replaced.
        var isInstalling = false
        /// One of these could not be removed: the next attempt may wait a while.
        var removalHasFailed = false
        /// Dead segments' files that are not to be kept.
        var discarded: [UInt64] = []
        /// Dead segments' files that nobody reads any more, to be written anew.
        var reusable: [ReusableFile]
        var nextNumber: UInt64
        /// As ``hasFailed``, until an attempt succeeds: what was said once is not said with every attempt.
        var isInTrouble = false
        var removalIsInTrouble = false
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

    enum RetirementPermission {
        case granted
        /// The provisioner's thread is about to do what is in the way.
        case soon
        /// What is in the way could not be done, and is tried again after a while.
        case later
    }

    /// Whether segments may be retired whose successors stay.
    var mayRetire: RetirementPermission {
        state.withLock { state in
            if state.replaced.isEmpty, state.abandoned.isEmpty { return state.isInstalling ? .soon : .granted }
            return state.removalHasFailed ? .later : .soon
        }
    }

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
            let (isClosing, hasFailed) = state.withLock { ($0.isClosing, $0.hasFailed || $0.removalHasFailed) }
            if isClosing { return }
            guard hasFailed else {
                workArrived.wait()
                continue
            }
            // Not sooner because more is asked for: each attempt may write much before it fails.
            let deadline = DispatchTime.now() + .milliseconds(configuration.provisioningRetryMilliseconds)
            while !state.withLock({ $0.isClosing }), workArrived.wait(timeout: deadline) == .success {
                while runOnce(for: queue) {}
            }
            retryLater(queue)
        }
    }

    /// One piece of work; false if there is none, or none that would succeed now.
    func runOnce(for queue: CommitQueue) -> Bool {
        if removeNext() { return true }
        let wanted = state.withLock { state -> (byteCount: Int, number: UInt64, file: ReusableFile?)? in
            guard let byteCount = state.wantedByteCount, !state.hasFailed, !state.isClosing, !state.isPaused
            else { return nil }
            let number = state.nextNumber
            let match = state.reusable.firstIndex { $0.byteCount == byteCount }
            return (byteCount, number, match.map { state.reusable.remove(at: $0) })
        }
        guard let wanted else { return false }
        do throws(FileSystemError) {
            let segment = try makeSegment(wanted.number, byteCount: wanted.byteCount, of: wanted.file)
            let isRecovery = state.withLock { state in
                state.nextNumber = wanted.number + 1
                state.isInstalling = true
                if state.wantedByteCount == wanted.byteCount { state.wantedByteCount = nil }
                defer { state.isInTrouble = false }
                return state.isInTrouble
            }
            counters.setDiskFull(false)
            if isRecovery {
                configuration.eventHandler(LogEvent(level: .info, message: "there is room for another segment again"))
            }
            let replaced = queue.install(spare: segment)
            state.withLock { state in
                state.isInstalling = false
                if let replaced { state.replaced.append(replaced) }
            }
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
            state.removalHasFailed = false
            guard state.hasFailed else { return }
            state.hasFailed = false
            if state.wantedByteCount == nil, needsSpare { state.wantedByteCount = configuration.segmentByteCount }
        }
        queue.forgetSpareFailure()
    }

    /// Clears away what is left of a segment that could not be made. Then its number is free again.
    private func abandon(_ number: UInt64) {
        do throws(FileSystemError) {
            try directory.abandon(number)
        } catch {
            state.withLock { state in
                state.nextNumber = number + 1
                state.abandoned.append(number)
            }
            removalFailed(error)
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

    // MARK: Removing

    /// Removes one of the files that are to go; false if there is none, or none that could be removed now.
    private func removeNext() -> Bool {
        let (segment, number, discarded, isTriedLater) = state.withLock { state in
            (state.replaced.first, state.abandoned.first, state.discarded.popLast(), state.removalHasFailed)
        }
        if let discarded {
            // What stays is found by the next opening.
            try? directory.remove(discarded, .recycled)
            return true
        }
        guard !isTriedLater, segment != nil || number != nil else { return false }
        do throws(FileSystemError) {
            if let segment {
                try directory.retire(segment.number)
                state.withLock { _ = $0.replaced.removeFirst() }
                reclaim(segment)
            } else if let number {
                try directory.abandon(number)
                state.withLock { _ = $0.abandoned.removeFirst() }
            }
            state.withLock { $0.removalIsInTrouble = false }
        } catch {
            removalFailed(error)
        }
        return true
    }

    private func removalFailed(_ error: FileSystemError) {
        let isNews = state.withLock { state in
            defer { state.removalIsInTrouble = true }
            state.removalHasFailed = true
            return !state.removalIsInTrouble
        }
        guard isNews else { return }
        configuration.eventHandler(
            LogEvent(
                level: .warning,
                message: "a segment that was never used could not be removed: nothing is sealed until it is",
                metadata: ["error": "\(error)"]))
    }

    /// Nobody reads the file any more. Runs wherever the last reader let go of it, perhaps on an event loop, so where there
    /// is a thread for it no work is done here.
    private func reclaim(_ file: ReusableFile) {
        let isKept = state.withLock { state in
            if file.byteCount == configuration.segmentByteCount,
                state.reusable.count < configuration.recycledSegmentCountLimit
            {
                state.reusable.append(file)
                return true
            }
            if configuration.threading == .threads { state.discarded.append(file.number) }
            return false
        }
        if configuration.threading == .threads {
            workArrived.signal()
        } else if !isKept {
            try? directory.remove(file.number, .recycled)
        }
    }
}
