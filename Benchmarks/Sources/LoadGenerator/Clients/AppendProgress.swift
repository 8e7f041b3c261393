internal import Synchronization

/// Tells the readers of a stream how many payloads they have to wait for. Writers and readers may be on several
/// threads.
final class AppendProgress: Sendable {
    private struct State {
        var unfinishedWriterCount: Int
        var counts: [Int: Int] = [:]
    }

    private let state: Mutex<State>

    init(writerCount: Int) { state = Mutex(State(unfinishedWriterCount: writerCount)) }

    /// Once for each writer, after its last acknowledgement.
    func finish(writer: Int, count: Int) {
        state.withLock { state in
            state.unfinishedWriterCount -= 1
            state.counts[writer] = count
        }
    }

    /// Whether all writers have finished, and a reader that has got this far has got everything.
    func isComplete(_ nextNumbers: [Int: Int]) -> Bool {
        state.withLock { state in
            state.unfinishedWriterCount <= 0
                && state.counts.allSatisfy { $0.value == 0 || nextNumbers[$0.key] == $0.value }
        }
    }
}
