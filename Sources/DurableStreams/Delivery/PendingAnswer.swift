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

/// The same for appends, which are what a store mostly does: a generic class looks its types up with each call.
final class PendingAppend: CommitCompletion, LaneItem, @unchecked Sendable {
    private let receipt: AppendReceipt
    /// Set at most once, on the writer's thread, before the answer is handed to the lane.
    private var failure: StreamError?
    private let lane: DeliveryLane
    private let deliveries: CommitDeliveries
    private let completion: @Sendable (Result<AppendReceipt, StreamError>) -> Void

    init(
        _ receipt: AppendReceipt, on lane: DeliveryLane, _ deliveries: CommitDeliveries,
        _ completion: @escaping @Sendable (Result<AppendReceipt, StreamError>) -> Void
    ) {
        self.receipt = receipt
        self.lane = lane
        self.deliveries = deliveries
        self.completion = completion
    }

    func commitDidFinish(_ failure: CommitFailure?) {
        if let failure { self.failure = .unavailable(reason: failure.reason) }
        deliveries.add(self, on: lane)
    }

    func deliver() { completion(failure.map { .failure($0) } ?? .success(receipt)) }
}
