internal import Dispatch
internal import Synchronization

/// Where appends meet the writer: the commit that is being filled, those before it that wait to be written, and the
/// room that is left for more.
///
/// One short lock. An append takes it to put its entry in; the writer takes it to fetch a whole commit. While the
/// writer syncs one commit, the next one fills: there is no timer and no extra thread hop. The place of a frame in the
/// segment files is fixed while it is filled, so an append is refused for want of room before it changes anything.
final class CommitQueue: Sendable {
    private let state: Mutex<State>
    /// Wakes the writer; signalled only when it is waiting.
    private let workArrived = DispatchSemaphore(value: 0)
    private let pendingByteCountLimit: Int
    private let standardSegmentByteCount: Int
    /// Asks for a new segment of so many bytes.
    private let requestSegment: @Sendable (_ byteCount: Int) -> Void

    private struct State {
        /// Commits that are full, oldest first.
        var full: [Commit] = []
        var filling: Commit?
        var isWriting = false
        var nextSequenceNumber: LogSequenceNumber
        /// The segment that the next frame goes to, and where in it.
        var segment: JournalSegment
        var offset: Int
        /// The segment after that one, once it is there.
        var spare: JournalSegment?
        var spareFailure: SpareFailure?
        var pendingByteCount = 0
        var ending: Ending?
        /// Why the writer must stop the log: another thread has seen a sync fail.
        var demandedStop: FileSystemError?
        var waiters: [@Sendable () -> Void] = []
        var roomGeneration: UInt64 = 0
        var writerIsWaiting = false
        /// Written and emptied commits, to be filled again.
        var emptied: [Commit] = []
    }

    private struct SpareFailure {
        var byteCount: Int
        var refusal: LogRefusal
    }

    private enum Ending {
        case closing
        case stopped(reason: String)
    }

    init(
        segment: JournalSegment, offset: Int, spare: JournalSegment?, nextSequenceNumber: LogSequenceNumber,
        configuration: LogConfiguration, requestSegment: @escaping @Sendable (_ byteCount: Int) -> Void
    ) {
        state = Mutex(State(nextSequenceNumber: nextSequenceNumber, segment: segment, offset: offset, spare: spare))
        pendingByteCountLimit = configuration.pendingByteCountLimit
        standardSegmentByteCount = configuration.segmentByteCount
        self.requestSegment = requestSegment
    }

    // MARK: For appends

    /// Finds room for entries that need so many bytes of table and payload, all in one commit, and lets `fill` put
    /// them in under the lock. Nothing has changed when it throws.
    func add<Result>(
        byteCount: Int, _ fill: (Commit) -> Result
    ) throws(LogRefusal) -> Result {
        let outcome = state.withLock { state -> (Swift.Result<Result, LogRefusal>, wakes: Bool) in
            do throws(LogRefusal) {
                let commit = try commitWithRoom(forByteCount: byteCount, &state)
                let result = fill(commit)
                state.pendingByteCount += byteCount
                return (.success(result), takeWaitingWriter(&state))
            } catch {
                return (.failure(error), false)
            }
        }
        if outcome.wakes { workArrived.signal() }
        return try outcome.0.get()
    }

    /// Lets a completion run after everything that is pending now. False if nothing is: then it was not kept.
    /// Throws if the log has stopped.
    func afterPending(_ completion: any CommitCompletion) throws(LogRefusal) -> Bool {
        let outcome = state.withLock { state -> (Swift.Result<Bool, LogRefusal>, wakes: Bool) in
            if case .stopped(let reason) = state.ending { return (.failure(.stopped(reason: reason)), false) }
            guard state.isWriting || state.filling != nil || !state.full.isEmpty else { return (.success(false), false) }
            let wait = PendingEntry(
                owner: nil, kind: .append, payloadOffset: 0, payloadByteCount: 0, position: .start, tag: 0,
                completion: completion)
            if let last = state.filling ?? state.full.last {
                last.expect(wait)
            } else {
                fillingCommit(&state).expect(wait)
            }
            return (.success(true), takeWaitingWriter(&state))
        }
        if outcome.wakes { workArrived.signal() }
        return try outcome.0.get()
    }

    /// Calls back once there may be room again; at once if there has been since the refusal that gave the ticket.
    func whenRoom(_ ticket: RoomTicket, _ body: @escaping @Sendable () -> Void) {
        let isLate = state.withLock { state in
            guard state.roomGeneration == ticket.generation, state.ending == nil else { return true }
            state.waiters.append(body)
            return false
        }
        if isLate { body() }
    }

    private func commitWithRoom(forByteCount byteCount: Int, _ state: inout State) throws(LogRefusal) -> Commit {
        switch state.ending {
        case .closing: throw .closing
        case .stopped(let reason): throw .stopped(reason: reason)
        case nil: break
        }
        let mustWait = LogRefusal.mustWait(RoomTicket(generation: state.roomGeneration))
        guard state.pendingByteCount == 0 || state.pendingByteCount + byteCount <= pendingByteCountLimit else {
            throw mustWait
        }
        let commit = fillingCommit(&state)
        if commit.hasRoom(forByteCount: byteCount) { return commit }
        let frameByteCount = (FrameHeader.byteCount + byteCount).roundedUp(to: FrameHeader.alignment)
        guard let spare = state.spare, SegmentHeader.byteCount + frameByteCount <= spare.byteCount else {
            let neededByteCount = SegmentHeader.byteCount + frameByteCount
            guard neededByteCount <= SegmentSize.byteCountLimit else { throw .entryTooLarge }
            let segmentByteCount = SegmentSize.byteCount(holding: neededByteCount, standard: standardSegmentByteCount)
            if let failure = state.spareFailure, failure.byteCount <= segmentByteCount { throw failure.refusal }
            requestSegment(segmentByteCount)
            throw mustWait
        }
        closeFilling(&state)
        state.segment = spare
        state.offset = SegmentHeader.byteCount
        state.spare = nil
        requestSegment(standardSegmentByteCount)
        return fillingCommit(&state)
    }

    private func fillingCommit(_ state: inout State) -> Commit {
        if let filling = state.filling { return filling }
        let commit: Commit
        if let emptied = state.emptied.popLast() {
            commit = emptied
            commit.reset(
                segment: state.segment, offset: state.offset, firstSequenceNumber: state.nextSequenceNumber)
        } else {
            commit = Commit(
                segment: state.segment, offset: state.offset, firstSequenceNumber: state.nextSequenceNumber)
        }
        state.filling = commit
        return commit
    }

    private func closeFilling(_ state: inout State) {
        guard let commit = state.filling else { return }
        state.filling = nil
        guard commit.entryCount > 0 || !commit.pending.isEmpty else { return state.emptied.append(commit) }
        state.full.append(commit)
        state.offset = commit.endOffset
        state.nextSequenceNumber = commit.nextSequenceNumber
    }

    private func takeWaitingWriter(_ state: inout State) -> Bool {
        defer { state.writerIsWaiting = false }
        return state.writerIsWaiting
    }

    // MARK: For the writer

    /// The next commit to write, or nil if there is none or the log has stopped.
    func take() -> Commit? {
        state.withLock { state in
            if case .stopped = state.ending { return nil }
            if state.full.isEmpty { closeFilling(&state) }
            guard !state.full.isEmpty else { return nil }
            state.isWriting = true
            return state.full.removeFirst()
        }
    }

    /// Waits until there may be a commit to take, the log is ending, or the time is over.
    func waitForWork(milliseconds: Int?) {
        let mustWait = state.withLock { state in
            guard state.full.isEmpty, state.filling == nil, state.ending == nil, state.demandedStop == nil
            else { return false }
            state.writerIsWaiting = true
            return true
        }
        guard mustWait else { return }
        if let milliseconds {
            _ = workArrived.wait(timeout: .now() + .milliseconds(milliseconds))
            state.withLock { $0.writerIsWaiting = false }
        } else {
            workArrived.wait()
        }
    }

    /// Gives a written commit back and tells those who waited for room.
    func finish(_ commit: Commit) {
        let byteCount = commit.tableByteCount + commit.payloadByteCount
        commit.clear()
        let waiters = state.withLock { state in
            state.isWriting = false
            state.pendingByteCount -= byteCount
            if state.emptied.count < 2 { state.emptied.append(commit) }
            return takeWaiters(&state)
        }
        for waiter in waiters { waiter() }
    }

    /// Ends the log after a failure and returns the commits that were still to be written, oldest first.
    func stop(reason: String) -> [Commit] {
        let (commits, waiters) = state.withLock { state in
            state.ending = .stopped(reason: reason)
            let commits = state.full + (state.filling.map { [$0] } ?? [])
            state.full = []
            state.filling = nil
            state.isWriting = false
            state.pendingByteCount = 0
            return (commits, takeWaiters(&state))
        }
        for waiter in waiters { waiter() }
        return commits
    }

    /// Takes no more entries; those that are in are still written.
    func close() {
        let (wakes, waiters) = state.withLock { state in
            if state.ending == nil { state.ending = .closing }
            return (takeWaitingWriter(&state), takeWaiters(&state))
        }
        if wakes { workArrived.signal() }
        for waiter in waiters { waiter() }
    }

    /// Makes the writer stop the log, from another thread.
    func demandStop(_ error: FileSystemError) {
        let wakes = state.withLock { state in
            state.demandedStop = error
            return takeWaitingWriter(&state)
        }
        if wakes { workArrived.signal() }
    }

    /// What the writer was asked to stop for. Given once.
    func takeDemandedStop() -> FileSystemError? { state.withLock { $0.demandedStop.take() } }

    /// Whether the log takes no more entries and none is left to be written.
    var isDrained: Bool {
        state.withLock { state in
            switch state.ending {
            case .stopped: true
            case .closing: state.full.isEmpty && state.filling == nil
            case nil: false
            }
        }
    }

    /// Whether the log has stopped, or is about to.
    var hasStopped: Bool {
        state.withLock { state in
            if case .stopped = state.ending { return true }
            return state.demandedStop != nil
        }
    }

    var stoppedReason: String? {
        state.withLock { state in
            if case .stopped(let reason) = state.ending { reason } else { nil }
        }
    }

    // MARK: For the provisioner

    /// Makes a new segment the next one. Returns the one that it replaces, if there was one.
    func install(spare: JournalSegment) -> JournalSegment? {
        let (replaced, waiters) = state.withLock { state in
            let replaced = state.spare
            state.spare = spare
            state.spareFailure = nil
            return (replaced, takeWaiters(&state))
        }
        for waiter in waiters { waiter() }
        return replaced
    }

    /// No segment of this size can be had now: appends that need it are refused until ``forgetSpareFailure()``.
    func spareFailed(byteCount: Int, _ refusal: LogRefusal) {
        let waiters = state.withLock { state in
            state.spareFailure = SpareFailure(byteCount: byteCount, refusal: refusal)
            return takeWaiters(&state)
        }
        for waiter in waiters { waiter() }
    }

    /// Another attempt will be made: those who waited for room ask for it again.
    func forgetSpareFailure() {
        let waiters = state.withLock { state in
            state.spareFailure = nil
            return takeWaiters(&state)
        }
        for waiter in waiters { waiter() }
    }

    var needsSpare: Bool { state.withLock { $0.spare == nil && $0.ending == nil } }

    var pendingByteCount: Int { state.withLock { $0.pendingByteCount } }

    private func takeWaiters(_ state: inout State) -> [@Sendable () -> Void] {
        state.roomGeneration += 1
        defer { state.waiters = [] }
        return state.waiters
    }
}

/// How large a segment may be, in bytes.
enum SegmentSize {
    static let smallestByteCount = 64 << 10
    /// Offsets in a segment are kept in 32 bits.
    static let byteCountLimit = 1 << 30

    /// The size of a segment that can hold so much: the usual one, or the next mebibyte where that is too small.
    static func byteCount(holding needed: Int, standard: Int) -> Int {
        needed <= standard ? standard : needed.roundedUp(to: 1 << 20)
    }
}
