internal import SegmentedLog

extension StreamStore {
    /// What a fork is to be made of.
    struct ForkPlan: Sendable {
        var request: ForkRequest
        var source: Stream
        /// Nil for the source's tail when the fork is made.
        var divergence: StreamPosition?
    }

    /// Creates a stream that goes on where another one is, or was. Costs the same however long that is.
    func createFork(
        _ request: CreateRequest, _ fork: ForkRequest, payload: UnsafeRawBufferPointer, on lane: DeliveryLane,
        completion: @escaping @Sendable (Result<CreateReceipt, StreamError>) -> Void
    ) {
        let source: Stream
        let stored: LogPayload
        do throws(StreamError) {
            source = try forkSource(fork.source)
            if let given = request.contentType, !given.matches(source.contentType) {
                throw .contentTypeMismatch(stream: source.contentType)
            }
            stored = try StoredForm.make(payload, source.contentType, isFirst: true)
        } catch {
            return completion(.failure(error))
        }
        guard let offset = fork.offset, fork.subOffset > 0 || source.contentType.isJSON else {
            guard fork.subOffset == 0 else { return completion(.failure(.subOffsetBeyondAppend)) }
            do throws(StreamError) {
                try checkRange(fork.offset, of: source)
            } catch {
                return completion(.failure(error))
            }
            let plan = ForkPlan(request: fork, source: source, divergence: fork.offset)
            return create(request, fork: plan, payload: stored, on: lane, completion: completion)
        }
        // Where appends end and messages begin may have to be read from the disk.
        let kept = StoredForm.owned(stored)
        offload { [self] in
            // Everything is answered by way of the lane, because this is another thread.
            let completion = { @Sendable result in lane.run { completion(result) } }
            do throws(StreamError) {
                let divergence = try divergence(of: fork, at: offset, from: source)
                let plan = ForkPlan(request: fork, source: source, divergence: divergence)
                create(request, fork: plan, payload: kept.payload, on: lane, completion: completion)
            } catch {
                completion(.failure(error))
            }
        }
    }

    private func forkSource(_ path: StreamPath) throws(StreamError) -> Stream {
        guard let source = context.catalog[path]?.visible else { throw .forkSourceNotFound }
        guard !source.isSoftDeleted else { throw .forkSourceGone }
        return source
    }

    private func checkRange(_ offset: StreamPosition?, of source: Stream) throws(StreamError) {
        let snapshot = source.snapshot
        guard let offset else { return }
        guard offset <= snapshot.tail else { throw .positionBeyondTail(tail: snapshot.tail) }
        guard offset >= snapshot.earliest else { throw .trimmed(earliest: snapshot.earliest) }
    }

    private func divergence(
        of fork: ForkRequest, at offset: StreamPosition, from source: Stream
    ) throws(StreamError) -> StreamPosition {
        try checkRange(offset, of: source)
        if source.contentType.isJSON, try !source.isMessageBoundary(offset) { throw .positionInsideMessage }
        return fork.subOffset == 0 ? offset : try source.position(fork.subOffset, behind: offset)
    }
}

extension StreamStore.ForkPlan {
    /// The fork's record, once it counts as one.
    func row(_ inheritance: Stream.Inheritance, inheritsLifetime: Bool) -> ForkRow {
        ForkRow(
            source: source.number, sourcePath: request.source, start: inheritance.start,
            offset: request.offset ?? inheritance.divergence, subOffset: request.subOffset,
            divergence: inheritance.divergence, inheritsLifetime: inheritsLifetime)
    }
}
