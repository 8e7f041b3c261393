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
        let stored: LogPayload
        do throws(StreamError) {
            stored = try StoredForm.make(payload, request.contentType, isFirst: true)
        } catch {
            return completion(.failure(error))
        }
        switch attemptCreate(request, payload: stored, on: lane, completion: completion) {
        case .isDone: return
        case .mustWait(let ticket):
            park(ticket, stored, on: lane) { [self] stored in
                attemptCreate(request, payload: stored, on: lane, completion: completion)
            }
        }
    }

    private func attemptCreate(
        _ request: CreateRequest, payload: LogPayload, on lane: DeliveryLane,
        completion: @escaping @Sendable (Result<CreateReceipt, StreamError>) -> Void
    ) -> Stream.AppendAttempt {
        let found = context.catalog.update(request.path) { stream -> CreateOutcome in
            if let existing = stream, !existing.isGoing { return .exists(existing) }
            if let expired = stream, !expired.withState({ $0.deletionIsPending }) {
                if case .mustWait(let ticket) = expired.attemptDelete(on: context.direct, completion: { _ in }) {
                    return .mustWait(ticket)
                }
            }
            do throws(LogRefusal) {
                let new = try makeStream(request, payload, predecessor: stream, on: lane, completion)
                stream = new
                return .isPending(new)
            } catch {
                if case .mustWait(let ticket) = error { return .mustWait(ticket) }
                return .refused(StreamError(error))
            }
        }
        switch found {
        case .isPending(let stream): context.sweeper.add(stream)
        case .mustWait(let ticket): return .mustWait(ticket)
        case .refused(let error): completion(.failure(error))
        case .exists(let stream): answerExisting(stream, request, on: lane, completion)
        }
        return .isDone
    }

    private enum CreateOutcome {
        case exists(Stream)
        case isPending(Stream)
        case mustWait(RoomTicket)
        case refused(StreamError)
    }

    private func makeStream(
        _ request: CreateRequest, _ payload: LogPayload, predecessor: Stream?, on lane: DeliveryLane,
        _ completion: @escaping @Sendable (Result<CreateReceipt, StreamError>) -> Void
    ) throws(LogRefusal) -> Stream {
        let now = WallClockTime(millisecondsSince1970: context.clock.wall)
        let configuration = context.configuration(for: request)
        let row = StreamRow(
            path: request.path, contentType: request.contentType, lifetime: request.lifetime,
            isClosedAtCreation: request.closed, createdAt: now, retention: request.retention
        ).encode()
        let receipt = CreateReceipt(
            isNew: true, contentType: request.contentType,
            tail: StreamPosition.start.advanced(by: payload.byteCount), isClosed: request.closed)
        var tag: EntryTag = [.isLast, .creates]
        if request.closed { tag.insert(.closes) }
        return try row.withUnsafeBufferPointer { (bytes) throws(LogRefusal) in
            try context.log.createStream(
                row: UnsafeRawBufferPointer(bytes), payload: payload, tag: tag.rawValue,
                completion: PendingAnswer(.success(receipt), on: lane, context.deliveries, completion)
            ) { logStream in
                let stream = Stream(
                    logStream, path: request.path, configuration: configuration, createdAt: now,
                    predecessor: predecessor)
                stream.withState { state in
                    state.didPut()
                    state.writer.apply(AppendRecord(closes: request.closed), byteCount: payload.byteCount)
                }
                return stream
            }
        }
    }

    private func answerExisting(
        _ stream: Stream, _ request: CreateRequest, on lane: DeliveryLane,
        _ completion: @escaping @Sendable (Result<CreateReceipt, StreamError>) -> Void
    ) {
        let (isPending, tail, isClosed) = stream.withState {
            ($0.hasPendingEntries, $0.writer.tail, $0.writer.isClosed)
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
        guard let stream = context.catalog[path], !stream.isExpired else { throw .notFound }
        // A body that cannot be appended anyway is not looked at: the refusal for that comes first.
        let isRefused = stream.withState { $0.writer.isClosed || $0.deletionIsPending }
        let isOfOtherType = request.contentType.map { !$0.matches(stream.contentType) } ?? false
        guard !isRefused, !isOfOtherType else { return (stream, .borrowed(payload, terminator: nil)) }
        return (stream, try StoredForm.make(payload, stream.contentType, isFirst: false))
    }

    // MARK: Delete

    /// Deletes the stream at a path. Followers are woken; the path is free at once for another stream.
    public func delete(
        _ path: StreamPath, on lane: DeliveryLane,
        completion: @escaping @Sendable (Result<Void, StreamError>) -> Void
    ) {
        guard let stream = context.catalog[path], !stream.isExpired else { return completion(.failure(.notFound)) }
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

extension Stream {
    /// Whether the path is free for another stream: this one is being deleted, or has expired.
    var isGoing: Bool { isExpired || withState { $0.deletionIsPending } }
}
