internal import DurableStreams
internal import NIOCore

/// An event loop that requests are decided on, and the lane that leads back to it from the store's threads.
final class ProtocolLoop: @unchecked Sendable {
    let eventLoop: any EventLoop
    /// Set once, in the initializer; hence `@unchecked Sendable`.
    private(set) var lane: DeliveryLane!

    init(_ eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        let drain: @Sendable () -> Void = { [weak self] in self?.lane.drain() }
        let tick: @Sendable () -> Void = { [weak self] in self?.lane.tick() }
        lane = DeliveryLane(
            scheduleDrain: { eventLoop.execute(drain) },
            scheduleTick: { milliseconds in
                _ = eventLoop.scheduleTask(in: .milliseconds(Int64(milliseconds)), tick)
            }
        )
    }

    /// Runs work on the event loop and waits for what it gives.
    func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            eventLoop.execute { continuation.resume(returning: work()) }
        }
    }
}

/// The loops of a group. The service keeps something for each lane for ever, so there is one lane for each event loop.
struct ProtocolLoops: Sendable {
    private let loops: [ProtocolLoop]
    private let loopsByIdentity: [ObjectIdentifier: ProtocolLoop]

    init(_ group: any EventLoopGroup) {
        loops = group.makeIterator().map { ProtocolLoop($0) }
        precondition(!loops.isEmpty, "an event loop group without event loops")
        loopsByIdentity = Dictionary(
            loops.map { (ObjectIdentifier($0.eventLoop), $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The loop of the connection, if it is one of these. Otherwise any, but the same one for the same connection.
    func loop(of channel: any Channel) -> ProtocolLoop {
        if let loop = loopsByIdentity[ObjectIdentifier(channel.eventLoop)] { return loop }
        return loops[Int(UInt(bitPattern: ObjectIdentifier(channel).hashValue) % UInt(loops.count))]
    }
}
