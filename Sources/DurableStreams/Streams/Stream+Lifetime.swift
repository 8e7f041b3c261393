internal import SegmentedLog

extension Stream {
    /// Counts as a use: begins a sliding lifetime anew. Reads and appends do so by themselves.
    public func renew() {
        guard case .sliding = lifetime else { return }
        withState { renew(&$0, isSaved: false) }
    }

    /// - Parameter isSaved: Whether an entry that goes into the log now tells of the use.
    func renew(_ state: inout State, isSaved: Bool) {
        guard case .sliding = lifetime else { return }
        state.use(at: context.clock.steady, isSaved: isSaved)
    }

    /// Whether the lifetime is over. A stream that somebody follows does not expire.
    var isExpired: Bool { lifetime != nil && withState { hasExpired($0) } }

    func hasExpired(_ state: State) -> Bool {
        guard let lifetime else { return false }
        return !state.isWatched && hasEnded(lifetime, lastUse: state.lastUse)
    }

    private func hasEnded(_ lifetime: Lifetime, lastUse: Int64) -> Bool {
        let end = lifetime.end(lastUse: WallClockTime(millisecondsSince1970: lastUse)).millisecondsSince1970
        switch lifetime {
        case .sliding: return end <= context.clock.steady
        case .until: return end <= context.clock.wall
        }
    }

    /// Puts the end of a lifetime into the log if it is over. To be called where somebody is told of it: after a restart a
    /// stream is given some more time, and would come back.
    func settleExpiry() {
        guard isExpired else { return }
        let isSettled = withState { !$0.isCreated || $0.deletionIsPending || $0.softDeletionIsPending }
        // What must wait is up to the sweeper.
        if !isSettled { _ = attemptDelete(onlyIfExpired: true, on: context.direct) { _ in } }
    }

    // MARK: Renewals that survive a restart

    /// A renewal that is not in the log yet may be lost in a crash. So a stream that is found in the log is taken to have
    /// been used so many milliseconds after the last use that the log knows of, as long as that is not in the future.
    static let renewalGraceMilliseconds: Int64 = 60_000

    /// A use this much later than the last saved one is worth an entry.
    static let renewalStepMilliseconds: Int64 = 20_000

    /// When the stream was last used, if the log has to be told of it.
    /// - Parameter saved: What the log knows, on the steady clock.
    func unsavedUse(since saved: Int64) -> Int64? {
        guard case .sliding = lifetime else { return nil }
        let now = context.clock.steady
        return withState { state in
            // Being followed is being used all the time.
            if state.isWatched { state.use(at: now, isSaved: false) }
            guard state.lastUseIsUnsaved, state.lastUse - saved >= Self.renewalStepMilliseconds else { return nil }
            return state.lastUse
        }
    }

    /// Tells the log that the stream was used. False if that is not possible now.
    func attemptRenewal() -> Bool {
        let now = context.clock.steady
        return withState { state in
            guard !state.deletionIsPending else { return true }
            do throws(LogRefusal) {
                try put(AppendRecord(renews: true), .none, nil, &state)
            } catch {
                return false
            }
            state.use(at: state.isWatched ? now : state.lastUse, isSaved: true)
            return true
        }
    }
}
