import Dispatch
import DurableStreams
import Synchronization

/// A lane on a serial dispatch queue, in the place of an event loop.
final class TestLane: Sendable {
    let queue: DispatchQueue
    let lane: DeliveryLane

    init() {
        let queue = DispatchQueue(label: "lane")
        // The lane's closures need the lane, which does not exist yet.
        let itself = Reference()
        lane = DeliveryLane(
            scheduleDrain: { queue.async { itself.lane?.drain() } },
            scheduleTick: { milliseconds in
                queue.asyncAfter(deadline: .now() + .milliseconds(milliseconds)) { itself.lane?.tick() }
            }
        )
        self.queue = queue
        itself.set(lane)
    }

    func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            queue.async { continuation.resume(returning: work()) }
        }
    }

    private final class Reference: Sendable {
        private let content = Mutex<DeliveryLane?>(nil)
        var lane: DeliveryLane? { content.withLock { $0 } }
        func set(_ lane: DeliveryLane) { content.withLock { $0 = lane } }
    }
}
