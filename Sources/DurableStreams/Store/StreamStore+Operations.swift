internal import SegmentedLog

extension StreamStore {
    // MARK: Create

    /// Creates a stream, with its first content. If one with the same configuration is there, nothing happens and the
    /// receipt says so.
    /// - Parameter payload: Borrowed for the time of the call.
    public func create(
        _ request: CreateRequest, payload: UnsafeRawBufferPointer, on lane: DeliveryLane,
        completion: @escaping @Sendable (Result<CreateReceipt, StreamError>) -> Void
    ) {
        guard payload.count <= context.appendByteCountLimit else {
            return completion(.failure(.tooLarge(byteCountLimit: context.appendByteCountLimit)))
        }
        // What is there already is answered without a look at the body.
        if let existing = context.catalog[request.path], !existing.isGoing {
            return answerExisting(existing, request, on: lane, completion)
        }
        if let fork = request.fork {
            return createFork(request, fork, payload: payload, on: lane, completion: completion)
        }
        let stored: LogPayload
        do throws(StreamError) {
            stored = try StoredForm.make(payload, request.contentType ?? .octetStream, isFirst: true)
        } catch {
            return completion(.failure(error))
        }
        create(request, fork: nil, payload: stored, on: lane, completion: completion)
    }

    /// - Parameter fork: With the request's fork, if it has one.
    func create(
        _ request: CreateRequest, fork: ForkPlan?, payload: LogPayload, on lane: DeliveryLane,
        completion: @escaping @Sendable (Result<CreateReceipt, StreamError>) -> Void
    ) {
        switch attemptCreate(request, fork: fork, payload: payload, on: lane, completion: completion) {
        case .isDone: return
        case .mustWait(let ticket):
            park(ticket, payload, on: lane) { [self] payload in
                attemptCreate(request, fork: fork, payload: payload, on: lane, completion: completion)
            }
        }
    }

    private func attemptCreate(
        _ request: CreateRequest, fork: ForkPlan?, payload: LogPayload, on lane: DeliveryLane,
        completion: @escaping @Sendable (Result<CreateReceipt, StreamError>) -> Void
    ) -> Stream.AppendAttempt {
        let found = context.catalog.update(request.path) { stream -> CreateOutcome in
            if let existing = stream, !existing.isGoing { return .exists(existing) }
            if let expired = stream, !expired.withState({ $0.deletionIsPending }) {
                let attempt = expired.attemptDelete(onlyIfExpired: true, on: context.direct, completion: { _ in })
                if case .mustWait(let ticket) = attempt { return .mustWait(ticket) }
                // Somebody may have used it meanwhile, or made a fork of it, so that it keeps its place.
                if !expired.withState({ $0.deletionIsPending }) { return .exists(expired) }
            }
            let outcome = makeStream(request, fork, payload, predecessor: stream, on: lane, completion)
            if case .isPending(let new) = outcome { stream = new }
            return outcome
        }
        switch found {
        case .isPending(let stream): context.sweeper.add(stream)
        case .mustWait(let ticket): return .mustWait(ticket)
        case .refused(let error): completion(.failure(error))
        case .hasNoSource(let error): context.answer(.failure(error), afterPending: true, on: lane, completion)
        case .exists(let stream): answerExisting(stream, request, on: lane, completion)
        }
        return .isDone
    }

    private enum CreateOutcome {
        case exists(Stream)
        case isPending(Stream)
        case mustWait(RoomTicket)
        case refused(StreamError)
        /// What became of the source that a fork was to have, which may not be durable yet.
        case hasNoSource(StreamError)
    }

    private func makeStream(
        _ request: CreateRequest, _ fork: ForkPlan?, _ payload: LogPayload, predecessor: Stream?,
        on lane: DeliveryLane, _ completion: @escaping @Sendable (Result<CreateReceipt, StreamError>) -> Void
    ) -> CreateOutcome {
        var row = StreamRow(
            path: request.path, contentType: request.contentType ?? .octetStream, lifetime: request.lifetime,
            isClosedAtCreation: request.closed,
            createdAt: request.createdAt ?? WallClockTime(millisecondsSince1970: context.clock.wall),
            retention: request.retention)
        if let fork {
            row.contentType = request.contentType ?? fork.source.contentType
            row.lifetime = request.lifetime ?? fork.source.lifetime
            switch fork.source.addFork(at: fork.divergence) {
            case .success(let inheritance):
                row.fork = fork.row(inheritance, inheritsLifetime: request.lifetime == nil)
            case .failure(let error): return .hasNoSource(error)
            }
        }
        do throws(LogRefusal) {
            let stream = try putStream(row, fork?.source, payload, predecessor: predecessor) { [context] receipt in
                PendingAnswer(.success(receipt), on: lane, context.deliveries, completion)
            }
            return .isPending(stream)
        } catch {
            fork?.source.didLoseFork()
            if case .mustWait(let ticket) = error { return .mustWait(ticket) }
            return .refused(StreamError(error))
        }
    }

    private func putStream(
        _ row: StreamRow, _ source: Stream?, _ payload: LogPayload, predecessor: Stream?,
        answer: (CreateReceipt) -> any CommitCompletion
    ) throws(LogRefusal) -> Stream {
        let configuration = context.configuration(for: row, row.fork.map { ForkOrigin($0, source: source) })
        let base = row.fork?.divergence ?? .start
        let receipt = CreateReceipt(
            isNew: true, contentType: row.contentType, tail: base.advanced(by: payload.byteCount),
            isClosed: row.isClosedAtCreation)
        var tag: EntryTag = [.isLast, .creates]
        if row.isClosedAtCreation { tag.insert(.closes) }
        return try row.encode().withUnsafeBufferPointer { (bytes) throws(LogRefusal) in
            try context.log.createStream(
                row: UnsafeRawBufferPointer(bytes), payload: payload, tag: tag.rawValue, completion: answer(receipt)
            ) { logStream in
                let stream = Stream(
                    logStream, path: row.path, configuration: configuration, createdAt: row.createdAt,
                    predecessor: predecessor)
                stream.withState {
                    $0.didPut(AppendRecord(closes: row.isClosedAtCreation), byteCount: payload.byteCount)
                }
                return stream
            }
        }
    }

    private func answerExisting(
        _ stream: Stream, _ request: CreateRequest, on lane: DeliveryLane,
        _ completion: @escaping @Sendable (Result<CreateReceipt, StreamError>) -> Void
    ) {
        let isKeptForForks = stream.isSoftDeleted || stream.withState { $0.softDeletionIsPending }
        let (isPending, tail, isClosed) = stream.withState {
            ($0.hasPendingEntries, $0.writer.tail, $0.writer.isClosed)
        }
        guard !isKeptForForks else {
            return context.answer(.failure(.gone), afterPending: isPending, on: lane, completion)
        }
        guard stream.configuration.matches(request) else {
            return context.answer(.failure(.alreadyExists), afterPending: isPending, on: lane, completion)
        }
        stream.renew()
        let receipt = CreateReceipt(isNew: false, contentType: stream.contentType, tail: tail, isClosed: isClosed)
        context.answer(.success(receipt), afterPending: isPending, on: lane, completion)
    }

    // MARK: Append and close

    /// Appends to the stream at a path, or closes it, or both.
    /// - Parameter payload: Borrowed for the time of the call.
    public func append(
        _ request: AppendRequest, payload: UnsafeRawBufferPointer, to path: StreamPath, on lane: DeliveryLane,
        completion: @escaping @Sendable (Result<AppendReceipt, StreamError>) -> Void
    ) {
        let stream: Stream
        let stored: LogPayload
        do throws(StreamError) {
            (stream, stored) = try prepareAppend(request, payload: payload, to: path)
        } catch {
            return completion(.failure(error))
        }
        switch stream.attemptAppend(request, payload: stored, on: lane, completion: completion) {
        case .isDone: return
        case .mustWait(let ticket):
            park(ticket, stored, on: lane) { stored in
                stream.attemptAppend(request, payload: stored, on: lane, completion: completion)
            }
        }
    }

    /// Finds the stream and makes the stored form, which may still be borrowed from the payload.
    func prepareAppend(
        _ request: AppendRequest, payload: UnsafeRawBufferPointer, to path: StreamPath
    ) throws(StreamError) -> (stream: Stream, stored: LogPayload) {
        guard payload.count <= context.appendByteCountLimit else {
            throw .tooLarge(byteCountLimit: context.appendByteCountLimit)
        }
        let stream = try livingStream(at: path)
        // A body that cannot be appended anyway is not looked at: the refusal for that comes first.
        let isRefused = stream.withState {
            $0.writer.isClosed || $0.deletionIsPending || $0.softDeletionIsPending
        }
        let isOfOtherType = request.contentType.map { !$0.matches(stream.contentType) } ?? false
        guard !isRefused, !isOfOtherType else { return (stream, .borrowed(payload, terminator: nil)) }
        return (stream, try StoredForm.make(payload, stream.contentType, isFirst: false))
    }

    /// The stream at a path, pending creations and deletions included, but not the end of a lifetime.
    func livingStream(at path: StreamPath) throws(StreamError) -> Stream {
        guard let stream = context.catalog[path] else { throw .notFound }
        stream.settleExpiry()
        try stream.checkLifetime()
        return stream
    }

    // MARK: Delete

    /// Deletes the stream at a path. Followers are woken; the path is free at once for another stream, unless forks
    /// still read from this one: then it is free, and the space comes back, when the last of them is gone.
    public func delete(
        _ path: StreamPath, on lane: DeliveryLane,
        completion: @escaping @Sendable (Result<Void, StreamError>) -> Void
    ) {
        let stream: Stream
        do throws(StreamError) { stream = try livingStream(at: path) } catch { return completion(.failure(error)) }
        switch stream.attemptDelete(on: lane, completion: completion) {
        case .isDone: return
        case .mustWait(let ticket):
            park(ticket, .none, on: lane) { _ in stream.attemptDelete(on: lane, completion: completion) }
        }
    }

    // MARK: Waiting for room

    /// Makes an attempt again, on the lane, each time that there may be room, until it is done. What it appends is kept in
    /// memory of its own meanwhile: there is one such payload for each waiting client at most.
    func park(
        _ ticket: RoomTicket, _ payload: LogPayload, on lane: DeliveryLane,
        _ attempt: @escaping @Sendable (LogPayload) -> Stream.AppendAttempt
    ) {
        let kept = StoredForm.owned(payload)
        @Sendable func wait(_ ticket: RoomTicket) {
            context.log.whenRoom(ticket) {
                lane.run {
                    if case .mustWait(let next) = attempt(kept.payload) { wait(next) }
                }
            }
        }
        wait(ticket)
    }
}
