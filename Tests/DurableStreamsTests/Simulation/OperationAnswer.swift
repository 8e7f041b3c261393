import Synchronization

@testable import DurableStreams

/// What a store said of an operation.
final class OperationAnswer: Sendable {
    enum Answer: Equatable {
        case outcome(StoreModel.Outcome)
        /// The store cannot do it: the disk is full, or something on it failed.
        case trouble(String)
    }

    private let state = Mutex<(answer: Answer?, count: Int)>((nil, 0))

    var answer: Answer? { state.withLock { $0.answer } }
    /// More than one is one too many.
    var count: Int { state.withLock { $0.count } }

    func set<Value>(_ result: Result<Value, StreamError>, _ outcome: (Value) -> StoreModel.Outcome) {
        let answer: Answer
        switch result {
        case .success(let value): answer = .outcome(outcome(value))
        case .failure(.diskFull), .failure(.unavailable), .failure(.shuttingDown), .failure(.damaged):
            answer = .trouble("\(result)")
        case .failure(let error):
            // Without its particulars.
            answer = .outcome(.refused(String("\(error)".prefix { $0 != "(" })))
        }
        state.withLock { $0 = (answer, $0.count + 1) }
    }
}
