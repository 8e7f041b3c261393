internal import Dispatch

/// Calls a store's sweeper now and then, on one thread at a time.
final class SweepTimer: @unchecked Sendable {
    /// Only cancelled after it was set up, which Dispatch allows from any thread.
    private let timer: any DispatchSourceTimer
    private let queue = DispatchQueue(label: "store-sweep")

    init(_ sweeper: StreamSweeper, everyMilliseconds milliseconds: Int) {
        let milliseconds = min(max(milliseconds, 1), 20_000)
        timer = DispatchSource.makeTimerSource(queue: queue)
        timer.schedule(deadline: .now() + .milliseconds(milliseconds), repeating: .milliseconds(milliseconds))
        timer.setEventHandler { sweeper.step(afterMilliseconds: milliseconds) }
        timer.activate()
    }

    /// Returns when no step is being made any more.
    func stop() {
        timer.cancel()
        queue.sync {}
    }
}
