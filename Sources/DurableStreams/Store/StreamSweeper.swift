internal import SegmentedLog
internal import Synchronization

/// Goes round the streams that time does something to: deletes the expired ones, so that their space comes back without
/// anyone touching them; trims what is not to be kept; and saves the renewals of sliding lifetimes by reads.
///
/// One step looks at all of them if they are few, else at so many that a round takes half a minute. With what a stream
/// may be used before that is worth an entry, no renewal is unsaved for as long as ``Stream/renewalGraceMilliseconds``.
///
/// ``add(_:)`` from any thread; ``step(afterMilliseconds:)`` and ``round()`` from one thread at a time.
final class StreamSweeper: @unchecked Sendable {
    private static let roundMilliseconds = 30_000
    private static let stepCount = 20_000
    /// What the grace leaves for a wall clock that was set ahead: the rest may go by before a use is saved.
    private static let wallClockStepMilliseconds =
        Stream.renewalGraceMilliseconds - Stream.renewalStepMilliseconds - Int64(roundMilliseconds)

    private let clock: LifetimeClock
    private let arrivals = Mutex<[Row]>([])
    private var rows: [Row] = []
    private var next = 0
    /// By how much the wall clock was ahead of the steady one.
    private var wallClockLead: Int64

    private struct Row {
        var stream: Stream
        /// The last use that is in the log, on the steady clock.
        var savedUse: Int64
        /// Whether the log has to be told of the last use whatever it knows: the times in it are in terms of another
        /// wall clock.
        var mustSave = false
    }

    init(clock: LifetimeClock) {
        self.clock = clock
        wallClockLead = clock.wall - clock.steady
    }

    /// Whether time does something to a stream.
    static func isConcerned(with stream: Stream) -> Bool {
        stream.lifetime != nil || stream.retention.logRetention != nil || stream.isOwedWork
    }

    /// Takes a stream, if it is one that time does something to. It is let go of some time after it was deleted.
    /// - Parameter savedUse: The last use that the log knows of, where that is not the last one.
    func add(_ stream: Stream, savedUse: Int64? = nil) {
        guard Self.isConcerned(with: stream), stream.withState({ $0.becomeSwept() }) else { return }
        let row = Row(stream: stream, savedUse: savedUse ?? stream.withState { $0.lastUse })
        arrivals.withLock { $0.append(row) }
    }

    /// Lets go of all streams.
    func removeAll() {
        arrivals.withLock { $0 = [] }
        rows = []
    }

    /// Goes on with the round.
    /// - Parameter milliseconds: The time between two steps.
    func step(afterMilliseconds milliseconds: Int) {
        takeArrivals()
        let share = rows.count * milliseconds / Self.roundMilliseconds + 1
        visit(min(rows.count, max(share, Self.stepCount)))
    }

    /// Looks at all streams.
    func round() {
        takeArrivals()
        visit(rows.count)
    }

    /// Before the store is closed: puts the ends of lifetimes and the last renewals into the log.
    func finish() {
        takeArrivals()
        for index in rows.indices { _ = visit(&rows[index], enforcesRetention: false) }
    }

    private func takeArrivals() {
        rows += arrivals.withLock { arrivals in
            defer { arrivals = [] }
            return arrivals
        }
        noteWallClock()
    }

    /// After a restart only the wall clock tells how long ago a stream was used. If it was set ahead, what the log says
    /// looks older than it is, so that streams would end too early: the log has to be told again.
    private func noteWallClock() {
        let lead = clock.wall - clock.steady
        if lead - wallClockLead > Self.wallClockStepMilliseconds {
            for index in rows.indices { rows[index].mustSave = true }
        }
        // Slow drifts add up until they count; a clock that is set back does no harm.
        if abs(lead - wallClockLead) > Self.wallClockStepMilliseconds { wallClockLead = lead }
    }

    private func visit(_ count: Int) {
        for _ in 0..<count {
            if next >= rows.count { next = 0 }
            guard next < rows.count else { return }
            if visit(&rows[next]) {
                next += 1
            } else {
                rows.swapAt(next, rows.count - 1)
                rows.removeLast()
            }
        }
    }

    /// False if the stream is of no interest any more.
    private func visit(_ row: inout Row, enforcesRetention: Bool = true) -> Bool {
        let stream = row.stream
        let (isDeleted, isKeptForForks) = stream.withState { ($0.isDeleted, $0.softDeletionIsPending) }
        if isDeleted { return false }
        if isKeptForForks {
            stream.deleteIfAbandoned()
            return true
        }
        if stream.isExpired {
            // What must wait is found again by the next round.
            stream.settleExpiry()
            return true
        }
        if enforcesRetention { stream.enforceRetention() }
        if row.mustSave {
            if case .sliding = stream.lifetime, !stream.attemptRenewal() { return true }
            row.mustSave = false
            row.savedUse = stream.withState { $0.lastUse }
        } else if let use = stream.unsavedUse(since: row.savedUse), stream.attemptRenewal() {
            row.savedUse = use
        }
        return true
    }
}
