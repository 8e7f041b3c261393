internal import DurableStreams
internal import DurableStreamsHTTP
internal import Logging
internal import NIOCore
internal import Synchronization

/// What all event loops of a server share.
struct ServerShared: Sendable {
    let store: StreamStore
    let service: ProtocolService
    let bodyMemory: BodyMemory
    let gate: ConnectionGate
    let metrics: ServerMetrics
    let timeouts: ConnectionTimeouts
    let headByteCountLimit: Int
    let logger: Logger
    /// Bodies up to this size are received before anybody asks whether they are wanted.
    let casualBodyByteCount: Int
}

/// One event loop's share of a server: its lane, its connections, its counters.
///
/// Everything but ``lane`` and ``shared`` is confined to the event loop, hence `@unchecked Sendable`.
final class ServingLoop: @unchecked Sendable {
    let eventLoop: any EventLoop
    let shared: ServerShared
    private(set) var lane: DeliveryLane!
    let constants: ResponseConstants
    /// For connections whose requests are not all plain ones.
    let makeDecoder: @Sendable () -> any ChannelHandler

    /// Counts the sweeps; deadlines of connections are in these ticks.
    private(set) var tick: UInt32 = 0
    var tally = LoopTally()
    private var publishedLiveReaderCount = 0
    private(set) var isDraining = false
    /// In no order: a connection knows its index.
    private(set) var connections: [ConnectionHandler] = []
    private var sweeping: RepeatedTask?
    /// A buffer that responses are composed in, one after the other.
    private var scratch: ByteBuffer?
    private let isFirst: Bool

    static let continueBytes = ByteBuffer(string: "HTTP/1.1 100 Continue\r\n\r\n")
    static let lastChunk = ByteBuffer(string: "0\r\n\r\n")
    /// A comment of the event grammar, as a chunk: tells whether a client that closed its half still listens.
    static let commentChunk = ByteBuffer(string: "3\r\n:\n\n\r\n")
    private static let scratchByteCount = 4 << 10
    private static let scratchByteCountLimit = 64 << 10

    init(eventLoop: any EventLoop, shared: ServerShared, isFirst: Bool) {
        self.eventLoop = eventLoop
        self.shared = shared
        self.constants = shared.service.constants.copy()
        self.isFirst = isFirst
        let headByteCountLimit = shared.headByteCountLimit
        makeDecoder = { RequestDecoder.makeHandler(headByteCountLimit: headByteCountLimit) }
        let drain: @Sendable () -> Void = { [weak self] in self?.lane.drain() }
        let tick: @Sendable () -> Void = { [weak self] in self?.lane.tick() }
        self.lane = DeliveryLane(
            scheduleDrain: { eventLoop.execute(drain) },
            scheduleTick: { milliseconds in
                _ = eventLoop.scheduleTask(in: .milliseconds(Int64(milliseconds)), tick)
            }
        )
    }

    var service: ProtocolService { shared.service }
    var timeouts: ConnectionTimeouts { shared.timeouts }

    func deadline(in ticks: UInt32) -> UInt32 { tick &+ ticks }
}

// MARK: Connections

extension ServingLoop {
    func add(_ connection: ConnectionHandler) {
        connection.index = connections.count
        connections.append(connection)
        tally.acceptedConnectionCount += 1
    }

    func remove(_ connection: ConnectionHandler) {
        let last = connections.removeLast()
        if last !== connection {
            last.index = connection.index
            connections[connection.index] = last
        }
        connection.index = -1
    }

    /// A buffer to write a response into, empty. Give it back when the channel has it.
    func takeScratch() -> ByteBuffer {
        guard var buffer = scratch.take() else {
            return ByteBufferAllocator().buffer(capacity: Self.scratchByteCount)
        }
        // Where a socket hasn't taken the last response yet, this allocates.
        buffer.clear(minimumCapacity: Self.scratchByteCount)
        return buffer
    }

    func giveBack(_ buffer: consuming ByteBuffer) {
        guard scratch == nil, buffer.storageCapacity <= Self.scratchByteCountLimit else { return }
        scratch = buffer
    }
}

// MARK: Time and shutdown

extension ServingLoop {
    /// On the event loop.
    func start() {
        let interval = TimeAmount.milliseconds(Int64(timeouts.tickMilliseconds))
        sweeping = eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { [weak self] _ in
            self?.sweep()
        }
    }

    private func sweep() {
        tick &+= 1
        // Backwards, since closing a connection puts the last one in its place.
        for index in connections.indices.reversed() where index < connections.count {
            connections[index].sweep(tick)
        }
        publish()
    }

    private func publish() {
        let liveReaderChange = tally.liveReaderCount - publishedLiveReaderCount
        publishedLiveReaderCount = tally.liveReaderCount
        shared.metrics.publish(&tally, liveReaderChange: liveReaderChange, gate: shared.gate)
        if isFirst { shared.metrics.publish(shared.store.statistics) }
    }

    /// Closes what is idle; the rest closes after its answer. On the event loop.
    func drain() {
        isDraining = true
        for index in connections.indices.reversed() where index < connections.count {
            connections[index].drain()
        }
    }

    /// Cuts what is left and forgets about time. On the event loop.
    func stop() {
        sweeping?.cancel()
        sweeping = nil
        for index in connections.indices.reversed() where index < connections.count {
            connections[index].close()
        }
        publish()
    }
}
