internal import SegmentedLog

extension Stream {
    /// What one attempt to append came to.
    enum AppendAttempt {
        case isDone
        /// Nothing has changed; ask again when there is room.
        case mustWait(RoomTicket)
    }

    /// Decides about an append and puts it into the log, under the stream's lock, so that what is decided next sees it.
    /// The completion is called once, unless the attempt must be made again.
    func attemptAppend(
        _ request: AppendRequest, payload: LogPayload, on lane: DeliveryLane,
        completion: @escaping @Sendable (Result<AppendReceipt, StreamError>) -> Void
    ) -> AppendAttempt {
        let attempt = withState { state -> (result: Result<AppendReceipt, StreamError>?, isPending: Bool, RoomTicket?) in
            let isPending = state.pendingEntryCount > 0
            guard !state.deletionIsPending else { return (.failure(.notFound), isPending, nil) }
            let decision = AppendDecision.decide(
                request, byteCount: payload.byteCount, contentType: contentType, state: state.writer)
            switch decision {
            case .answer(let receipt): return (.success(receipt), isPending, nil)
            case .refuse(let error): return (.failure(error), isPending, nil)
            case .accept(let record, let receipt):
                do throws(LogRefusal) {
                    let answer = PendingAnswer(.success(receipt), on: lane, context.deliveries, completion)
                    try put(record, payload, answer, &state)
                    return (nil, false, nil)
                } catch {
                    if case .mustWait(let ticket) = error { return (nil, false, ticket) }
                    // Not for want of anything pending: the log itself says no.
                    return (.failure(StreamError(error)), false, nil)
                }
            }
        }
        if let ticket = attempt.2 { return .mustWait(ticket) }
        if let result = attempt.result {
            if case .success = result { renew() }
            context.answer(result, afterPending: attempt.isPending, on: lane, completion)
        } else {
            renew()
        }
        return .isDone
    }

    private func put(
        _ record: AppendRecord, _ payload: LogPayload, _ answer: PendingAnswer<AppendReceipt>, _ state: inout State
    ) throws(LogRefusal) {
        var tag = EntryTag.isLast
        if record.closes { tag.insert(.closes) }
        let annotation = record.encode()
        try annotation.withUnsafeBufferPointer { (bytes) throws(LogRefusal) in
            try context.log.append(
                to: self, at: state.writer.tail, annotation: UnsafeRawBufferPointer(bytes), payload: payload, tag: tag.rawValue,
                completion: answer)
        }
        state.writer.apply(record, byteCount: payload.byteCount)
        state.pendingEntryCount += 1
    }

    /// Deletes the stream. Like an append it takes effect at once for what is decided next, and for readers with its commit.
    func attemptDelete(
        on lane: DeliveryLane, completion: @escaping @Sendable (Result<Void, StreamError>) -> Void
    ) -> AppendAttempt {
        let attempt = withState { state -> (result: Result<Void, StreamError>?, isPending: Bool, RoomTicket?) in
            guard !state.deletionIsPending else { return (.failure(.notFound), state.pendingEntryCount > 0, nil) }
            do throws(LogRefusal) {
                try context.log.deleteStream(
                    self, at: state.writer.tail, tag: EntryTag.isLast.rawValue,
                    completion: PendingAnswer(.success(()), on: lane, context.deliveries, completion))
                state.deletionIsPending = true
                state.pendingEntryCount += 1
                return (nil, false, nil)
            } catch {
                if case .mustWait(let ticket) = error { return (nil, false, ticket) }
                return (.failure(StreamError(error)), false, nil)
            }
        }
        if let ticket = attempt.2 { return .mustWait(ticket) }
        if let result = attempt.result { context.answer(result, afterPending: attempt.isPending, on: lane, completion) }
        return .isDone
    }
}
