internal import SegmentedLog
internal import Synchronization

/// What a store and all of its streams share.
final class StoreContext: @unchecked Sendable {
    /// Set once, by the opening, before anybody else sees the context.
    private(set) var log: SegmentedLog!
    let deliveries = CommitDeliveries()
    let catalog = Catalog()
    /// Threads for what may block or take long.
    let workers: WorkerPool
    /// Where tasks are told: their continuations may be resumed on any thread.
    let direct = DeliveryLane(direct: ())
    private let configurations = Mutex(StreamConfigurationTable())
    let appendByteCountLimit: Int
    let eventHandler: @Sendable (StoreEvent) -> Void
    let clock: LifetimeClock
    let sweeper: StreamSweeper
    /// For streams that have none of their own.
    let retention: Retention

    init(_ configuration: StoreConfiguration) {
        workers = WorkerPool(threadCount: configuration.workerThreadCount)
        appendByteCountLimit = configuration.appendByteCountLimit
        clock = LifetimeClock(wallClock: configuration.wallClock, steadyClock: configuration.steadyClock)
        sweeper = StreamSweeper(clock: clock)
        retention = configuration.retention
        eventHandler = configuration.eventHandler
    }

    func attach(_ log: SegmentedLog) { self.log = log }

    /// The same object for streams that are alike.
    func configuration(for creation: StreamRow, _ fork: ForkOrigin?) -> StreamConfiguration {
        configurations.withLock { $0.configuration(for: creation, fork, in: self) }
    }

    /// Lets go of everything that holds the context in turn. Streams that somebody else holds go on working.
    func removeAll() {
        catalog.removeAll()
        sweeper.removeAll()
        configurations.withLock { $0 = StreamConfigurationTable() }
    }

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

    init(_ error: LogReadError) { self = .damaged(reason: error.description) }
}
