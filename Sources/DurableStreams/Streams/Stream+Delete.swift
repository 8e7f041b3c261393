internal import SegmentedLog

extension Stream {
    /// Deletes the stream. Like an append it takes effect at once for what is decided next, and for readers with its
    /// commit. A stream that has forks is deleted softly: it stays at its path, where nobody can do anything with it,
    /// until the last of them is gone.
    ///
    /// - Parameter onlyIfExpired: Only if the stream's lifetime is over; ``StreamError/notFound`` otherwise as well.
    func attemptDelete(
        onlyIfExpired: Bool = false, on lane: DeliveryLane, completion: @escaping @Sendable (Result<Void, StreamError>) -> Void
    ) -> AppendAttempt {
        // Taken first: a deletion that becomes durable lets go of it.
        let source = configuration.fork?.source
        let (verdict, isForGood) = withState { state -> (Verdict<Void>, isForGood: Bool) in
            let isPending = state.hasPendingEntries
            // It may have been used since somebody looked.
            if onlyIfExpired, !hasExpired(state) { return (.answer(.failure(.notFound), afterPending: false), false) }
            if state.deletionIsPending { return (.answer(.failure(.notFound), afterPending: isPending), false) }
            if state.softDeletionIsPending { return (.answer(.failure(.gone), afterPending: isPending), false) }
            let answer = PendingAnswer(.success(()), on: lane, context.deliveries, completion)
            do throws(LogRefusal) {
                guard state.hasForks else {
                    try putDeletion(source == nil ? answer : nil, &state)
                    return (.isPending, true)
                }
                try put(AppendRecord(deletesSoftly: true), .none, answer, &state)
                return (.isPending, false)
            } catch {
                return (Verdict(error), false)
            }
        }
        guard isForGood, let source else { return give(verdict, on: lane, completion) }
        source.didLoseFork()
        // Whoever is told that the last fork is gone finds that its source is, too.
        return give(.answer(.success(()), afterPending: true), on: lane, completion)
    }

    private func putDeletion(_ completion: (any CommitCompletion)?, _ state: inout State) throws(LogRefusal) {
        try context.log.deleteStream(
            self, at: logPosition(state.writer.tail), tag: EntryTag.isLast.rawValue, completion: completion)
        state.didPutDeletion()
    }

    /// A fork of this stream is being deleted for good: so is the stream, if it was only kept for that, and so on up
    /// the chain. In the log each comes after its forks, so a crash leaves none without its source.
    func didLoseFork() {
        var stream = self
        while true {
            let source = stream.configuration.fork?.source
            let isDeleted = stream.withState { state in
                state.removeFork()
                return stream.deleteIfAbandoned(&state)
            }
            guard isDeleted else { break }
            guard let source else { return }
            stream = source
        }
        // What could not be done now, or was put off while there were forks, is up to the sweeper.
        context.sweeper.add(stream)
    }

    /// Whether something is to be done that could not be done when it was due.
    var isOwedWork: Bool { withState { $0.isAbandoned } || hasUnfinishedTrim }

    /// Deletes the stream for good if it was only kept for forks and there are none any more.
    func deleteIfAbandoned() {
        let source = configuration.fork?.source
        if withState({ deleteIfAbandoned(&$0) }) { source?.didLoseFork() }
    }

    private func deleteIfAbandoned(_ state: inout State) -> Bool {
        guard state.isAbandoned else { return false }
        do throws(LogRefusal) {
            try putDeletion(nil, &state)
            return true
        } catch {
            return false
        }
    }
}
