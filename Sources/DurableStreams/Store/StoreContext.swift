internal import SegmentedLog

/// What a store and all of its streams share.
final class StoreContext: @unchecked Sendable {
    /// Set once, by the opening, before anybody else sees the context.
    private(set) var log: SegmentedLog!
    let deliveries = CommitDeliveries()
    let catalog = Catalog()
    let appendByteCountLimit: Int
    let wallClock: @Sendable () -> Int64

    init(_ configuration: StoreConfiguration) {
        appendByteCountLimit = configuration.appendByteCountLimit
        wallClock = configuration.wallClock
    }

    func attach(_ log: SegmentedLog) { self.log = log }

    /// Gives an answer once everything is durable that it may rest on: at once, or with the commit that is pending.
    func answer<Value: Sendable>(
        _ result: Result<Value, StreamError>, afterPending isPending: Bool, on lane: DeliveryLane,
        _ completion: @escaping @Sendable (Result<Value, StreamError>) -> Void
    ) {
        guard isPending else { return completion(result) }
        let answer = PendingAnswer(result, on: lane, deliveries, completion)
        do throws(LogRefusal) {
            if try log.afterPending(answer) { return }
            completion(result)
        } catch {
            completion(.failure(StreamError(error)))
        }
    }
}

extension StreamError {
    /// How a refusal of the log looks to a client. Waiting is dealt with before.
    init(_ refusal: LogRefusal) {
        switch refusal {
        case .mustWait: self = .unavailable(reason: "too many appends are pending")
        case .diskFull: self = .diskFull
        case .unavailable(let reason), .stopped(let reason): self = .unavailable(reason: reason)
        case .entryTooLarge: self = .tooLarge(byteCountLimit: 1 << 30)
        case .closing: self = .shuttingDown
        }
    }
}
