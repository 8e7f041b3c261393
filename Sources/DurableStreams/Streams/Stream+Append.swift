internal import SegmentedLog

extension Stream {
    /// What one attempt to append came to.
    enum AppendAttempt {
        case isDone
        /// Nothing has changed; ask again when there is room.
        case mustWait(RoomTicket)
    }

    /// What was decided under the stream's lock.
    enum Verdict<Value: Sendable>: Sendable {
        /// It is in the log; the answer comes with its commit.
        case isPending
        /// This is the answer, once everything is durable that was pending then.
        case answer(Result<Value, StreamError>, afterPending: Bool)
        case mustWait(RoomTicket)

        init(_ refusal: LogRefusal) {
            if case .mustWait(let ticket) = refusal {
                self = .mustWait(ticket)
            } else {
                // Not for want of anything pending: the log itself says no.
                self = .answer(.failure(StreamError(refusal)), afterPending: false)
            }
        }
    }

    /// Decides about an append and puts it into the log, under the stream's lock, so that what is decided next sees it.
    /// The completion is called once, unless the attempt must be made again.
    func attemptAppend(
        _ request: AppendRequest, payload: LogPayload, on lane: DeliveryLane,
        completion: @escaping @Sendable (Result<AppendReceipt, StreamError>) -> Void
    ) -> AppendAttempt {
        let verdict = withState { state -> Verdict<AppendReceipt> in
            let isPending = state.hasPendingEntries
            guard !state.deletionIsPending else { return .answer(.failure(.notFound), afterPending: isPending) }
            guard !state.softDeletionIsPending else { return .answer(.failure(.gone), afterPending: isPending) }
            let decision = AppendDecision.decide(
                request, byteCount: payload.byteCount, contentType: contentType, state: state.writer)
            switch decision {
            case .answer(let receipt):
                renew(&state, isSaved: false)
                return .answer(.success(receipt), afterPending: isPending)
            case .refuse(let error): return .answer(.failure(error), afterPending: isPending)
            case .accept(let record, let receipt):
                do throws(LogRefusal) {
                    let answer = PendingAppend(receipt, on: lane, context.deliveries, completion)
                    try put(record, payload, answer, &state)
                    renew(&state, isSaved: true)
                    return .isPending
                } catch {
                    return Verdict(error)
                }
            }
        }
        return give(verdict, on: lane, completion)
    }

    func give<Value>(
        _ verdict: Verdict<Value>, on lane: DeliveryLane,
        _ completion: @escaping @Sendable (Result<Value, StreamError>) -> Void
    ) -> AppendAttempt {
        switch verdict {
        case .isPending: break
        case .mustWait(let ticket): return .mustWait(ticket)
        case .answer(let result, let isPending):
            context.answer(result, afterPending: isPending, on: lane, completion)
        }
        return .isDone
    }

    /// Puts what was decided into the log, behind everything before.
    func put(
        _ record: AppendRecord, _ payload: LogPayload, _ completion: (any CommitCompletion)?, _ state: inout State
    ) throws(LogRefusal) {
        let annotation = record.encode()
        try annotation.withUnsafeBufferPointer { (bytes) throws(LogRefusal) in
            try context.log.append(
                to: self, at: logPosition(state.writer.tail), annotation: UnsafeRawBufferPointer(bytes),
                payload: payload, tag: EntryTag(record).rawValue, completion: completion)
        }
        state.didPut(record, byteCount: payload.byteCount)
    }
}
