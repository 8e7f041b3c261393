public import SegmentedLog

extension Stream {
    /// The first position that can be read: the start, unless the stream was trimmed. Never goes back.
    public var earliest: StreamPosition { logStream.start }

    /// What is kept of the stream: what was asked for when it was created, else what the store's configuration says.
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
            guard position <= state.tail else {
                return .answer(.failure(.positionBeyondTail(tail: state.tail)), afterPending: false)
            }
            let start = state.pendingStart ?? earliest
            guard position > start else { return .answer(.success(start), afterPending: isPending) }
            do throws(LogRefusal) {
                try context.log.trim(
                    self, to: position, tag: EntryTag.isLast.rawValue,
                    completion: PendingAnswer(.success(position), on: lane, context.deliveries, completion))
                state.didPutTrim(to: position)
                return .isPending
            } catch {
                return Verdict(error)
            }
        }
        return give(verdict, on: lane, completion)
    }

    /// Trims what is not to be kept any more. May wait for the disk.
    func enforceRetention() {
        guard let limit = retention.logRetention else { return }
        let start = logStream.retentionStart(limit, now: context.clock.wall)
        guard start > earliest else { return }
        // What must wait is found again by the next sweep.
        _ = attemptTrim(upTo: start, on: context.direct) { _ in }
    }
}

extension StreamStore {
    /// Makes everything before a position unreadable; its space comes back by itself. Where the stream begins after
    /// that or later already, nothing happens. The positions of what is left do not change.
    ///
    /// - Parameters:
    ///   - position: At most the durable tail. In a JSON stream it must be where a message begins or ends.
    ///   - completion: Gets the first position that can be read.
    public func trim(
        _ path: StreamPath, upTo position: StreamPosition, on lane: DeliveryLane,
        completion: @escaping @Sendable (Result<StreamPosition, StreamError>) -> Void
    ) {
        guard let stream = context.catalog[path], !stream.isExpired else { return completion(.failure(.notFound)) }
        // The ends of the stream are boundaries; whether another place is one may have to be read from the disk.
        let tail = stream.snapshot.tail
        guard stream.contentType.isJSON, position > stream.earliest, position < tail else {
            return trim(stream, upTo: position, on: lane, completion: completion)
        }
        offload { [self] in
            do throws(StreamError) {
                guard try stream.isMessageBoundary(position) else { throw .positionInsideMessage }
            } catch {
                return lane.run { completion(.failure(error)) }
            }
            trim(stream, upTo: position, on: lane) { result in
                // A refusal may come on this thread.
                lane.run { completion(result) }
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
