/// From one client to another: an append, and the time until a reader that waits on another connection has it.
///
/// One at a time: the next append goes out once the one before was both answered and delivered.
public struct RoundTripWorkload: Workload {
    public let mode: LiveMode
    public var name: String { mode.rawValue }
    /// Pairs of a writer and a reader, each with a stream of its own.
    public var options: LoadOptions
    public var byteCount = 100
    /// A stream of bytes instead of text: its events are base64.
    public var isBinary = false

    public init(_ mode: LiveMode, options: LoadOptions = LoadOptions(connectionCount: 1)) {
        self.mode = mode
        self.options = options
    }

    public func run(on site: BenchmarkSite) throws(LoadError) -> Report {
        let style = AppendStyle(messageByteCount: byteCount, isText: !isBinary)
        let blocking = BlockingClient(to: site.address)
        try site.createStreams(options.connectionCount, contentType: style.contentType, by: blocking)
        let run = try LoadRun(on: site, options)
        var pairs: [RoundTripPair] = []
        for number in 0..<options.connectionCount {
            let pair = try run.add(number) { thread throws(LoadError) in
                try RoundTripPair(mode, style, site: site, on: thread, number: number)
            }
            pairs.append(pair)
        }
        try run.prepare { pairs.allSatisfy(\.isReady) }
        var outcome = try run.perform()
        var verification = StreamVerification(site: site, style: style)
        for pair in pairs {
            if pair.deliveredCount != pair.appendedCount {
                outcome.failures.add("\(pair.deliveredCount) of \(pair.appendedCount) appends were delivered")
            }
            try verification.verify(
                path: site.path(ofStream: pair.number), counts: [pair.number: pair.appendedCount], by: blocking)
        }
        outcome.failures.merge(verification.failures)

        let window = outcome.last
        var report = Report(name, outcome)
        report.addLatencies(window.counts.latencies, "delivery", "append to reader")
        report.addLatencies(window.counts.appendLatencies, "append", "append to answer")
        report.add("roundTrips", "round trips", Double(window.counts.completedCount), "")
        report.add("roundTripsPerSecond", "round trips per second", window.completedPerSecond, "/s")
        report.addServer(outcome, per: "round trip")
        report.addSettings([
            ("connections", options.connectionCount), ("bytes", byteCount), ("binary", isBinary ? 1 : 0),
        ])
        return report
    }
}

/// A writer and a reader of one stream.
private final class RoundTripPair: LoadClient {
    let number: Int
    private let measurement: Measurement
    private let appender: SingleAppender
    private let progress = AppendProgress(writerCount: 1)
    private var reader: LiveReader!
    private var isAnswered = true
    private var isDelivered = true
    private(set) var isFinished = false

    init(
        _ mode: LiveMode, _ style: AppendStyle, site: BenchmarkSite, on thread: LoadThread, number: Int
    ) throws(LoadError) {
        self.number = number
        measurement = thread.measurement
        let request = AppendRequest(style, site: site, stream: number, writer: number)
        appender = try SingleAppender(request, to: site.address, on: thread)
        reader = LiveReader(
            mode, site: site, path: site.path(ofStream: number), on: thread, format: style.format, progress: progress
        ) { [unowned self] payload, now in
            measurement.completed(from: payload.time, to: now)
            isDelivered = true
            // A long-poll asks anew only when this response has ended, so the append must not go out right here: it
            // goes out at the reader's next turn, or with the answer to the append.
            thread.loop.schedule(at: 0) { [weak self] in self?.proceed() }
        }
        appender.answered = { [unowned self] isAcknowledged, _ in
            isAnswered = true
            // Without an answer it isn't known whether anything will be delivered.
            if !isAcknowledged { return finish() }
            proceed()
        }
        try reader.open()
    }

    var isReady: Bool { reader.isReady }
    var appendedCount: Int { appender.acknowledgedCount }
    var deliveredCount: Int { reader.payloadCount }

    func start() { proceed() }

    private func proceed() {
        guard isAnswered, isDelivered, !isFinished else { return }
        let now = MonotonicClock.now
        guard now < measurement.stopTime else { return finish() }
        isAnswered = false
        isDelivered = false
        appender.append(dueAt: now)
    }

    private func finish() { isFinished = true }
}
