internal import SegmentedLog

extension Stream {
    /// Counts as a use: begins a sliding lifetime anew. Reads and appends do so by themselves.
    public func renew() { renew(isSaved: false) }

    /// - Parameter isSaved: Whether an entry that goes into the log now tells of the use.
    func renew(isSaved: Bool) {
        guard case .sliding = lifetime else { return }
        let now = context.clock.steady
        withState { $0.use(at: now, isSaved: isSaved) }
    }

    /// Whether the lifetime is over. A stream that somebody follows does not expire.
    var isExpired: Bool {
        guard let lifetime else { return false }
        return withState { !$0.isWatched && hasEnded(lifetime, lastUse: $0.lastUse) }
    }

    private func hasEnded(_ lifetime: Lifetime, lastUse: Int64) -> Bool {
        let end = lifetime.end(lastUse: WallClockTime(millisecondsSince1970: lastUse)).millisecondsSince1970
        switch lifetime {
        case .sliding: return end <= context.clock.steady
        case .until: return end <= context.clock.wall
        }
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
