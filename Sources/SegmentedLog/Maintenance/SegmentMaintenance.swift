internal import Dispatch
internal import Synchronization

/// The work on segments that no append and no read waits for: seals full journal segments, merges sealed ones, and
/// removes those that nobody needs.
///
/// Requests may come from any thread; the work is done on the maintenance's thread, one step after the other. Each step
/// leaves a directory that can be opened, wherever it is broken off.
final class SegmentMaintenance: Sendable {
    private let state: Mutex<State>
    private let workArrived = DispatchSemaphore(value: 0)
    private let retryMilliseconds: Int
    private let unsealedSegmentCountLimit: Int
    /// Told whether so many segments wait to be sealed that no more should come.
    private let backlogDidChange: @Sendable (_ isTooLong: Bool) -> Void
    /// Only the maintenance's thread uses it.
    private let worker: Worker

    private struct State {
        var full: [FullSegment] = []
        var changes: [Change] = []
        var current: JournalSegment
        var hasFailed = false
        /// The provisioner's thread is about to do something that must be done first.
        var isYielding = false
        var isBusy = false
        /// Sealing has come to a segment that must stay.
        var isStuck = false
    }

    private let closing: ClosingFlag

    /// A journal segment that is to be sealed.
    struct FullSegment: Sendable {
        var segment: JournalSegment
        var end: JournalSegment.End
    }

    /// What happened to a stream, durable in the sense of the log's mode.
    enum Change: Sendable {
        case deletion(LogStream)
        case trim(LogStream)
    }

    private final class Worker: @unchecked Sendable {
        var maintainer: SegmentMaintainer
        init(_ maintainer: SegmentMaintainer) { self.maintainer = maintainer }
    }

    init(
        _ maintainer: SegmentMaintainer, _ closing: ClosingFlag, current: JournalSegment, full: [FullSegment],
        changes: [Change], backlogDidChange: @escaping @Sendable (_ isTooLong: Bool) -> Void
    ) {
        worker = Worker(maintainer)
        self.closing = closing
        self.backlogDidChange = backlogDidChange
        retryMilliseconds = maintainer.configuration.provisioningRetryMilliseconds
        unsealedSegmentCountLimit = maintainer.configuration.unsealedSegmentCountLimit
        state = Mutex(State(full: full, changes: changes, current: current))
        worker.maintainer.unsynced = { [unowned self] in
            state.withLock { state in state.full.map(\.segment) + [state.current] }
        }
    }

    // MARK: Requests

    /// A journal segment is full, and the first frame of the next one is written.
    func add(_ full: FullSegment, current: JournalSegment) {
        state.withLock { state in
            state.full.append(full)
            state.current = current
        }
        noteBacklog()
        workArrived.signal()
    }

    func add(_ changes: [Change]) {
        state.withLock { $0.changes += changes }
        workArrived.signal()
    }

    /// Ends the thread soon; what is not done is done after the next opening.
    func close() {
        closing.set()
        workArrived.signal()
    }

    var unsealedSegmentCount: Int { state.withLock { $0.full.count } }

    /// Whether a step is being taken now.
    var isBusy: Bool { state.withLock { $0.isBusy } }

    // MARK: Work

    func run() {
        while true {
            while runOnce() {}
            if closing.isSet { return }
            if state.withLock({ $0.hasFailed }) {
                // Not sooner because more work has come: each attempt may write much before it fails.
                let deadline = DispatchTime.now() + .milliseconds(retryMilliseconds)
                while !closing.isSet, workArrived.wait(timeout: deadline) == .success {}
                retryLater()
            } else if state.withLock({ $0.isYielding }) {
                // Nobody says when it is done, which takes no longer than a directory is synced.
                _ = workArrived.wait(timeout: .now() + .milliseconds(1))
            } else {
                workArrived.wait()
            }
        }
    }

    /// Lets what failed be tried again.
    func retryLater() { state.withLock { $0.hasFailed = false } }

    /// A backlog that does not shrink holds nobody up: better a longer opening than no appends.
    private func noteBacklog() {
        backlogDidChange(
            state.withLock { $0.full.count > unsealedSegmentCountLimit && !$0.hasFailed && !$0.isStuck })
    }

    /// One step; false if there is none, or none that would succeed now.
    func runOnce() -> Bool {
        guard !closing.isSet, state.withLock({ !$0.hasFailed }) else { return false }
        state.withLock { state in
            state.isBusy = true
            state.isYielding = false
        }
        defer { state.withLock { $0.isBusy = false } }
        do throws(MaintenanceFailure) {
            return try step()
        } catch {
            switch error {
            case .system(let error):
                // A file that is only kept to be written again is room for what is needed now.
                if error.isDiskFull, worker.maintainer.discardRecycledFile() { return true }
                state.withLock { $0.hasFailed = true }
                noteBacklog()
                worker.maintainer.report(error)
            case .damaged(let error):
                let isStuck = worker.maintainer.isStuck
                state.withLock { $0.isStuck = isStuck }
                noteBacklog()
                worker.maintainer.report(error)
                return true
            case .mustYield: state.withLock { $0.isYielding = true }
            case .mustWait:
                state.withLock { $0.hasFailed = true }
                noteBacklog()
            case .closing: break
            }
            return false
        }
    }

    private func step() throws(MaintenanceFailure) -> Bool {
        let (changes, full) = state.withLock { state in
            defer { state.changes = [] }
            return (state.changes, state.full.first)
        }
        worker.maintainer.apply(changes)
        try worker.maintainer.removeSuperseded()
        // First what gives space back, which on a full disk is the only thing that can be done.
        if try worker.maintainer.removeDeadSegment() { return true }
        if let full {
            let isSealed = try worker.maintainer.seal(full)
            state.withLock { state in
                if isSealed { state.full.removeFirst() }
                state.isStuck = worker.maintainer.isStuck
                // What is in the way will be gone some time.
                if !isSealed, !state.isStuck { state.hasFailed = true }
            }
            noteBacklog()
            if isSealed { return true }
        }
        return try worker.maintainer.compact() || !changes.isEmpty
    }
}

/// Says to work that takes long that the log is being closed.
final class ClosingFlag: Sendable {
    private let flag = Atomic(false)

    var isSet: Bool { flag.load(ordering: .relaxed) }
    func set() { flag.store(true, ordering: .relaxed) }
}
