internal import Dispatch
internal import SegmentedLog

/// Deletes expired streams now and then, so that their space comes back without anyone touching them.
/// They are invisible from the moment they expire.
final class ExpirySweeper: @unchecked Sendable {
    /// Only cancelled after it was set up, which Dispatch allows from any thread.
    private let timer: any DispatchSourceTimer

    init(_ context: StoreContext, everyMilliseconds milliseconds: Int) {
        timer = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "store-expiry"))
        timer.schedule(deadline: .now() + .milliseconds(milliseconds), repeating: .milliseconds(milliseconds))
        timer.setEventHandler { Self.sweep(context) }
        timer.activate()
    }

    func stop() { timer.cancel() }

    static func sweep(_ context: StoreContext) {
        for stream in context.catalog.streamsWithLifetime() where stream.isExpired {
            // What must wait is found again by the next sweep.
            _ = stream.attemptDelete(on: context.direct) { _ in }
        }
    }
}
