internal import SegmentedLog

/// An answer that has been decided and waits for the commit that makes it true. If the commit fails, so does it.
final class PendingAnswer<Value: Sendable>: CommitCompletion, LaneItem, @unchecked Sendable {
    /// Changed once, on the writer's thread, before the answer is handed to the lane.
    private var result: Result<Value, StreamError>
    private let lane: DeliveryLane
    private let deliveries: CommitDeliveries
    private let completion: @Sendable (Result<Value, StreamError>) -> Void

    init(
        _ result: Result<Value, StreamError>, on lane: DeliveryLane, _ deliveries: CommitDeliveries,
        _ completion: @escaping @Sendable (Result<Value, StreamError>) -> Void
    ) {
        self.result = result
        self.lane = lane
        self.deliveries = deliveries
        self.completion = completion
    }

    func commitDidFinish(_ failure: CommitFailure?) {
        if let failure { result = .failure(.unavailable(reason: failure.reason)) }
        deliveries.add(self, on: lane)
    }

    func deliver() { completion(result) }
}
