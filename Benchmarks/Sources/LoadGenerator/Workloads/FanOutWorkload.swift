/// Many readers follow one stream to which is appended at a fixed rate: how long until each has each append.
public struct FanOutWorkload: Workload {
    public let name = "fan-out"
    public var options: LoadOptions
    public var readerCount = 1_000
    /// Appends per second.
    public var rate = 20.0
    public var mode = LiveMode.eventStream
    public var byteCount = 100
    /// A stream of bytes instead of text: its events are base64.
    public var isBinary = false

    public init(options: LoadOptions = LoadOptions(connectionCount: 1)) { self.options = options }

    public func run(on site: BenchmarkSite) throws(LoadError) -> Report {
        let style = AppendStyle(messageByteCount: byteCount, isText: !isBinary)
        let path = site.path(ofStream: 0)
        let blocking = BlockingClient(to: site.address)
        try site.createStream(path, contentType: style.contentType, by: blocking)
        let progress = AppendProgress(writerCount: 1)
        let run = try LoadRun(on: site, options)
        let (readers, memory) = try connectReaders(run, path, style, progress)
        let request = AppendRequest(style, site: site, stream: 0, writer: 0)
        let appender = try run.add(0) { thread throws(LoadError) in
            try PacedAppender(
                request, site: site, on: thread, writer: 0, perSecond: rate, progress: progress)
        }
        var outcome = try run.perform()
        for (number, reader) in readers.enumerated() where reader.payloadCount != appender.acknowledgedCount {
            outcome.failures.add(
                "reader \(number) got \(reader.payloadCount) of \(appender.acknowledgedCount) appends")
        }
        var verification = StreamVerification(site: site, style: style)
        try verification.verify(path: path, counts: [0: appender.acknowledgedCount], by: blocking)
        outcome.failures.merge(verification.failures)

        let window = outcome.last
        var report = Report(name, outcome)
        report.addLatencies(window.counts.latencies, "delivery", "append to reader")
        report.addLatencies(window.counts.appendLatencies, "append", "append to answer")
        report.add("deliveries", "deliveries", Double(window.counts.completedCount), "")
        report.add("deliveriesPerSecond", "deliveries per second", window.completedPerSecond, "/s")
        report.addServer(outcome, per: "delivery")
        if let memory {
            report.add(
                "serverMemoryBytesPerReader", "server memory per waiting reader", memory / Double(readerCount), "B")
        }
        report.addSettings([
            ("readers", readerCount), ("rate", Int(rate)), ("bytes", byteCount), ("binary", isBinary ? 1 : 0),
        ])
        return report
    }

    /// Also gives the memory that they cost the server before anything is delivered.
    private func connectReaders(
        _ run: LoadRun, _ path: String, _ style: AppendStyle, _ progress: AppendProgress
    ) throws(LoadError) -> ([LiveReader], Double?) {
        let before = run.site.serverUsage
        var readers: [LiveReader] = []
        for number in 0..<readerCount {
            let reader = try run.add(number) { thread in
                let measurement = thread.measurement
                return LiveReader(
                    mode, site: run.site, path: path, on: thread, format: style.format, progress: progress
                ) { payload, now in
                    measurement.completed(dueAt: payload.time, at: now)
                }
            }
            try reader.open()
            readers.append(reader)
        }
        try run.prepare { readers.allSatisfy(\.isReady) }
        MonotonicClock.sleep(nanoseconds: 200_000_000)
        guard let before, let after = run.site.serverUsage else { return (readers, nil) }
        return (readers, Double(after.anonymousByteCount - before.anonymousByteCount))
    }
}
