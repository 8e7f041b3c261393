internal import SegmentedLog

/// What is to be done about an append: a pure function of the stream's state and the request.
///
/// Everything but `accept` rests on state that may not be durable yet, and is answered only once it is.
enum AppendDecision {
    /// Put this record into the log, then answer with the receipt.
    case accept(AppendRecord, AppendReceipt)
    /// There is nothing to do.
    case answer(AppendReceipt)
    case refuse(StreamError)

    /// Decides, in the order closed, content type, producer, sequence.
    /// - Parameter byteCount: The stored bytes of the payload, 0 if there is none.
    static func decide(
        _ request: AppendRequest, byteCount: Int, contentType: ContentType, state: WriterState
    ) -> AppendDecision {
        if state.isClosed { return decideOnClosed(request, byteCount: byteCount, state) }
        if byteCount > 0, let given = request.contentType, !given.matches(contentType) {
            return .refuse(.contentTypeMismatch(stream: contentType))
        }
        guard byteCount > 0 || request.closes else { return .refuse(.emptyAppend) }
        if let stamp = request.producer {
            switch ProducerDecision.decide(stamp, state: state) {
            case .accept: break
            case .duplicate(let known):
                return .answer(
                    AppendReceipt(kind: .duplicate, tail: state.tail, isClosed: false, producer: known))
            case .refuse(let error): return .refuse(error)
            }
        }
        if let sequence = request.sequence, let last = state.lastSequence,
            !last.utf8.lexicographicallyPrecedes(sequence.utf8)
        {
            return .refuse(.sequenceNotGreater)
        }
        let receipt = AppendReceipt(
            kind: byteCount > 0 ? .appended : .closed, tail: state.tail.advanced(by: byteCount), isClosed: request.closes,
            producer: request.producer.map { ProducerState(epoch: $0.epoch, sequence: $0.sequence) })
        return .accept(
            AppendRecord(closes: request.closes, sequence: request.sequence, producer: request.producer), receipt)
    }

    /// A closed stream takes nothing; only asking once more for what has happened is fine.
    private static func decideOnClosed(
        _ request: AppendRequest, byteCount: Int, _ state: WriterState
    ) -> AppendDecision {
        if let stamp = request.producer {
            guard state.wasClosed(by: stamp) else { return .refuse(.closed(finalPosition: state.tail)) }
            return .answer(
                AppendReceipt(
                    kind: .duplicate, tail: state.tail, isClosed: true,
                    producer: ProducerState(epoch: stamp.epoch, sequence: stamp.sequence)))
        }
        if byteCount == 0, request.closes {
            return .answer(AppendReceipt(kind: .alreadyClosed, tail: state.tail, isClosed: true, producer: nil))
        }
        return .refuse(.closed(finalPosition: state.tail))
    }
}

/// What a producer's number says about an append to an open stream.
enum ProducerDecision {
    case accept
    /// It was accepted before; the state is the highest that was.
    case duplicate(ProducerState)
    case refuse(StreamError)

    static func decide(_ stamp: ProducerStamp, state: WriterState) -> ProducerDecision {
        guard let known = state.producerState(stamp.identifier) else {
            guard stamp.sequence == 0 else {
                return .refuse(.producerGap(expected: 0, received: stamp.sequence, tail: state.tail))
            }
            return .accept
        }
        if stamp.epoch < known.epoch { return .refuse(.producerEpochStale(current: known.epoch, tail: state.tail)) }
        if stamp.epoch > known.epoch {
            return stamp.sequence == 0 ? .accept : .refuse(.producerEpochMustStartAtZero(tail: state.tail))
        }
        if stamp.sequence <= known.sequence { return .duplicate(known) }
        guard stamp.sequence == known.sequence + 1 else {
            return .refuse(.producerGap(expected: known.sequence + 1, received: stamp.sequence, tail: state.tail))
        }
        return .accept
    }
}
