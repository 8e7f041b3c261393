public import SegmentedLog

extension Stream {
    /// The first position that can be read: the start, unless the stream was trimmed. Never goes back.
    public var earliest: StreamPosition { withState { earliest($0) } }

    /// What is kept of the stream: what was asked for when it was created, else what the store's configuration says.
    /// Of a fork that is about its own bytes; what it inherited goes when the first of those go.
    public var retention: Retention { configuration.retention ?? context.retention }

    /// Decides about a trim and puts it into the log. Gives the earliest position afterwards.
    ///
    /// The caller has made sure that the position is no place inside a message.
    func attemptTrim(
        upTo position: StreamPosition, on lane: DeliveryLane,
        completion: @escaping @Sendable (Result<StreamPosition, StreamError>) -> Void
    ) -> AppendAttempt {
        let verdict = withState { state -> Verdict<StreamPosition> in
            let isPending = state.hasPendingEntries
            guard !state.deletionIsPending else { return .answer(.failure(.notFound), afterPending: isPending) }
            guard !state.softDeletionIsPending else { return .answer(.failure(.gone), afterPending: isPending) }
            guard position <= state.tail else {
                return .answer(.failure(.positionBeyondTail(tail: state.tail)), afterPending: false)
            }
            let start = state.pendingStart ?? earliest(state)
            guard position > start else { return .answer(.success(start), afterPending: isPending) }
            do throws(LogRefusal) {
                let answer = PendingAnswer(.success(position), on: lane, context.deliveries, completion)
                if state.hasForks || position <= base {
                    // Forks read what is trimmed here; or it is not this stream's own.
                    try put(AppendRecord(start: position), .none, answer, &state)
                } else {
                    try putTrim(to: position, answer, &state)
                }
                return .isPending
            } catch {
                return Verdict(error)
            }
        }
        return give(verdict, on: lane, completion)
    }

    private func putTrim(
        to position: StreamPosition, _ completion: (any CommitCompletion)?, _ state: inout State
    ) throws(LogRefusal) {
        let tag: EntryTag = [.isLast, .trims]
        try context.log.trim(self, to: logPosition(position), tag: tag.rawValue, completion: completion)
        state.didPutTrim(to: position)
    }

    /// Trims what is not to be kept any more. May wait for the disk.
    func enforceRetention() {
        finishTrim()
        guard let limit = retention.logRetention else { return }
        let start = logStream.retentionStart(limit, now: context.clock.wall)
        guard start > logStream.start else { return }
        // What must wait is found again by the next round.
        _ = attemptTrim(upTo: position(ofLog: start), on: context.direct) { _ in }
    }

    /// Whether the engine is still to be told of a trim, for which there were forks in the way.
    var hasUnfinishedTrim: Bool { withState { hasUnfinishedTrim($0) } }

    private func hasUnfinishedTrim(_ state: State) -> Bool { state.start > position(ofLog: logStream.start) }

    private func finishTrim() {
        withState { state in
            guard hasUnfinishedTrim(state), !state.hasForks, !state.deletionIsPending, state.pendingStart == nil
            else { return }
            // What must wait is found again by the next round.
            do throws(LogRefusal) { try putTrim(to: state.start, nil, &state) } catch {}
        }
    }
}

extension StreamStore {
    /// Makes everything before a position unreadable; its space comes back by itself, once no fork reads it either.
    /// Where the stream begins there or later already, nothing happens. The positions of what is left do not change.
    ///
    /// - Parameters:
    ///   - position: At most the durable tail. In a JSON stream it must be where a message begins or ends.
    ///   - completion: Gets the first position that can be read.
    public func trim(
        _ path: StreamPath, upTo position: StreamPosition, on lane: DeliveryLane,
        completion: @escaping @Sendable (Result<StreamPosition, StreamError>) -> Void
    ) {
        let stream: Stream
        do throws(StreamError) { stream = try livingStream(at: path) } catch { return completion(.failure(error)) }
        // The ends of the stream are boundaries; whether another place is one may have to be read from the disk.
        let snapshot = stream.snapshot
        guard stream.contentType.isJSON, position > snapshot.earliest, position < snapshot.tail else {
            return trim(stream, upTo: position, on: lane, completion: completion)
        }
        offload { [self] in
            // Everything is answered by way of the lane, because this is another thread.
            let completion = { @Sendable result in lane.run { completion(result) } }
            do throws(StreamError) {
                guard try stream.isMessageBoundary(position) else { throw .positionInsideMessage }
                trim(stream, upTo: position, on: lane, completion: completion)
            } catch {
                completion(.failure(error))
            }
        }
    }

    private func trim(
        _ stream: Stream, upTo position: StreamPosition, on lane: DeliveryLane,
        completion: @escaping @Sendable (Result<StreamPosition, StreamError>) -> Void
    ) {
        switch stream.attemptTrim(upTo: position, on: lane, completion: completion) {
        case .isDone: return
        case .mustWait(let ticket):
            park(ticket, .none, on: lane) { _ in
                stream.attemptTrim(upTo: position, on: lane, completion: completion)
            }
        }
    }

    /// Trims a stream: see the other form.
    /// - Returns: The first position that can be read.
    @discardableResult
    public func trim(_ path: StreamPath, upTo position: StreamPosition) async throws(StreamError) -> StreamPosition {
        try await answer { completion in trim(path, upTo: position, on: context.direct, completion: completion) }
    }
}
