internal import DurableStreams
internal import Metrics
internal import Synchronization

/// The server's metrics, created once. Event loops count for themselves and hand their counts over once in a while, so
/// nothing here is on the path of a request.
final class ServerMetrics: Sendable {
    private let requests: [Counter]
    private let receivedBodyBytes: Counter
    private let deliveredEvents: Counter
    private let acceptedConnections: Counter
    private let refusedConnections: Counter
    private let connections: Gauge
    private let liveReaders: Gauge
    private let liveReaderTotal = Atomic<Int>(0)

    private let streams: Gauge
    private let commits: Gauge
    private let syncs: Gauge
    private let sealings: Gauge
    private let merges: Gauge
    private let appends: Gauge
    private let appendedBytes: Gauge
    private let pendingBytes: Gauge

    /// - Parameter durability: what an acknowledgement promises, as a dimension of everything about the store.
    init(durability: String) {
        let dimensions = [("durability", durability)]
        streams = Gauge(label: "durable_streams_streams", dimensions: dimensions)
        commits = Gauge(label: "durable_streams_commits", dimensions: dimensions)
        syncs = Gauge(label: "durable_streams_syncs", dimensions: dimensions)
        sealings = Gauge(label: "durable_streams_sealings", dimensions: dimensions)
        merges = Gauge(label: "durable_streams_merges", dimensions: dimensions)
        appends = Gauge(label: "durable_streams_appends", dimensions: dimensions)
        appendedBytes = Gauge(label: "durable_streams_appended_bytes", dimensions: dimensions)
        pendingBytes = Gauge(label: "durable_streams_pending_bytes", dimensions: dimensions)
        requests = LoopTally.methodNames.flatMap { method in
            LoopTally.statusClasses.map { status in
                Counter(label: "durable_streams_http_requests", dimensions: [("method", method), ("status", status)])
            }
        }
        receivedBodyBytes = Counter(label: "durable_streams_http_received_body_bytes")
        deliveredEvents = Counter(label: "durable_streams_delivered_events")
        acceptedConnections = Counter(label: "durable_streams_connections_accepted")
        refusedConnections = Counter(label: "durable_streams_connections_refused")
        connections = Gauge(label: "durable_streams_connections")
        liveReaders = Gauge(label: "durable_streams_live_readers")
    }

    /// Live readers of all loops, as of their last hand-over.
    var liveReaderCount: Int { liveReaderTotal.load(ordering: .relaxed) }

    /// Takes over what a loop has counted and sets its counts to zero.
    func publish(_ tally: inout LoopTally, liveReaderChange: Int, gate: ConnectionGate) {
        for index in tally.requestCounts.indices where tally.requestCounts[index] > 0 {
            requests[index].increment(by: tally.requestCounts[index])
            tally.requestCounts[index] = 0
        }
        Self.move(&tally.receivedBodyByteCount, to: receivedBodyBytes)
        Self.move(&tally.deliveredEventCount, to: deliveredEvents)
        Self.move(&tally.acceptedConnectionCount, to: acceptedConnections)
        Self.move(&tally.refusedConnectionCount, to: refusedConnections)
        liveReaders.record(liveReaderTotal.add(liveReaderChange, ordering: .relaxed).newValue)
        connections.record(gate.connectionCount)
    }

    private static func move(_ count: inout Int, to counter: Counter) {
        guard count > 0 else { return }
        counter.increment(by: count)
        count = 0
    }

    /// The store counts for itself, since it was opened.
    func publish(_ statistics: StoreStatistics) {
        streams.record(statistics.streamCount)
        commits.record(statistics.commitCount)
        syncs.record(statistics.syncCount)
        sealings.record(statistics.sealingCount)
        merges.record(statistics.mergeCount)
        appends.record(statistics.entryCount)
        appendedBytes.record(statistics.payloadByteCount)
        pendingBytes.record(statistics.pendingByteCount)
    }
}
