import Dispatch
import SegmentedLog
import Synchronization

/// Remembers what became of a commit, and lets a test wait for it.
final class Acknowledgement: CommitCompletion {
    enum Outcome: Equatable {
        case durable
        case failed(CommitFailure)
    }

    struct NotDurable: Error {
        var outcome: Outcome?
    }

    private let state = Mutex<[Outcome]>([])
    private let finished = DispatchSemaphore(value: 0)

    func commitDidFinish(_ failure: CommitFailure?) {
        state.withLock { $0.append(failure.map(Outcome.failed) ?? .durable) }
        finished.signal()
    }

    var outcome: Outcome? { state.withLock { $0.first } }
    /// At most 1, or the log has broken its promise.
    var callCount: Int { state.withLock { $0.count } }
    var isDurable: Bool { outcome == .durable }

    /// Waits for threads that work on it; not for the test itself to do so.
    func wait() { finished.wait() }

    func require() throws {
        guard isDurable else { throw NotDurable(outcome: outcome) }
    }
}
