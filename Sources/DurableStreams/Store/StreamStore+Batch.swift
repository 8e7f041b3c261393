internal import SegmentedLog
internal import Synchronization

/// One of several appends that are made together.
public struct BatchedAppend: Sendable {
    public var path: StreamPath
    /// Bytes, or in a JSON stream one JSON text.
    public var content: [UInt8]
    public var request: AppendRequest

    public init(_ content: some Sequence<UInt8>, to path: StreamPath, _ request: AppendRequest = AppendRequest()) {
        self.path = path
        self.content = Array(content)
        self.request = request
    }
}

extension StreamStore {
    /// Makes several appends, to one stream or to many, and waits for all of them together: they share commits, so a
    /// thousand take hardly longer than one.
    ///
    /// Each append is atomic by itself, and the batch as a whole is not: one may be refused, or lost in a crash, while
    /// others are not. They are taken in the order of the batch, so those to the same stream are stored in it. Where
    /// one must wait for room, those behind it wait too. A task that is cancelled while it waits changes nothing: all
    /// of them are made.
    ///
    /// - Returns: What became of each, in the order of the batch, once all of it is durable.
    public func appendAll(_ batch: [BatchedAppend]) async -> [Result<AppendReceipt, StreamError>] {
        let answers = BatchAnswers(count: batch.count)
        for (index, append) in batch.enumerated() {
            var attempt = attemptFirst(append) { answers.set($0, at: index) }
            while case .mustWait(let ticket, let retry) = attempt {
                await withCheckedContinuation { continuation in
                    context.log.whenRoom(ticket) { continuation.resume() }
                }
                attempt = retry()
            }
        }
        return await answers.all()
    }

    private enum Attempt {
        case isDone
        case mustWait(RoomTicket, retry: () -> Attempt)
    }

    private func attemptFirst(
        _ append: BatchedAppend, _ completion: @escaping @Sendable (Result<AppendReceipt, StreamError>) -> Void
    ) -> Attempt {
        append.content.withUnsafeBytes { content in
            do throws(StreamError) {
                let (stream, payload) = try prepareAppend(append.request, payload: content, to: append.path)
                let first = stream.attemptAppend(
                    append.request, payload: payload, on: context.direct, completion: completion)
                guard case .mustWait(let ticket) = first else { return .isDone }
                let kept = StoredForm.owned(payload)
                return .mustWait(ticket) { [self] in retry(append.request, kept, stream, completion) }
            } catch {
                completion(.failure(error))
                return .isDone
            }
        }
    }

    private func retry(
        _ request: AppendRequest, _ kept: StoredForm.Kept, _ stream: Stream,
        _ completion: @escaping @Sendable (Result<AppendReceipt, StreamError>) -> Void
    ) -> Attempt {
        switch stream.attemptAppend(request, payload: kept.payload, on: context.direct, completion: completion) {
        case .isDone: .isDone
        case .mustWait(let ticket):
            .mustWait(ticket) { [self] in retry(request, kept, stream, completion) }
        }
    }
}

/// Collects the answers of a batch, which come on any thread and in any order.
private final class BatchAnswers: Sendable {
    typealias Answer = Result<AppendReceipt, StreamError>

    private let state: Mutex<State>

    private struct State {
        var answers: [Answer?]
        var missingCount: Int
        var waiter: CheckedContinuation<Void, Never>?
    }

    init(count: Int) { state = Mutex(State(answers: Array(repeating: nil, count: count), missingCount: count)) }

    func set(_ answer: Answer, at index: Int) {
        let waiter = state.withLock { state -> CheckedContinuation<Void, Never>? in
            state.answers[index] = answer
            state.missingCount -= 1
            return state.missingCount == 0 ? state.waiter : nil
        }
        waiter?.resume()
    }

    /// To be called once.
    func all() async -> [Answer] {
        await withCheckedContinuation { continuation in
            let isComplete = state.withLock { state in
                state.waiter = continuation
                return state.missingCount == 0
            }
            if isComplete { continuation.resume() }
        }
        return state.withLock { $0.answers.compactMap { $0 } }
    }
}
