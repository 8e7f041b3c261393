/// Appends, as fast as the answers come or at a rate: what writers cost.
public struct AppendWorkload: Workload {
    public let name = "append"
    public var options: LoadOptions
    public var byteCount = 100
    public var streamCount = 1
    public var jsonBatchCount: Int?
    public var hasProducers = false
    /// Appends per second of all connections together; nil: as fast as the answers come.
    public var rate: Double?

    public init(options: LoadOptions = LoadOptions()) { self.options = options }

    public func run(on site: BenchmarkSite) throws(LoadError) -> Report {
        let style = AppendStyle(
            messageByteCount: byteCount, jsonBatchCount: jsonBatchCount, hasProducers: hasProducers)
        let client = BlockingClient(to: site.address)
        try site.createStreams(streamCount, contentType: style.contentType, by: client)

        let run = try LoadRun(on: site, options)
        var writers: [AppendClient] = []
        for writer in 0..<options.connectionCount {
            let streams = Self.streams(of: writer, writerCount: options.connectionCount, streamCount: streamCount)
            let client = try run.add(writer) { thread throws(LoadError) in
                try AppendClient(style, site: site, on: thread, writer: writer, streams: streams)
            }
            client.setRate(perSecond: rate, writerCount: options.connectionCount)
            writers.append(client)
        }
        let syncsBefore = site.syncCount(client)
        var outcome = try run.perform()
        let syncsAfter = site.syncCount(client)
        outcome.failures.merge(try Self.verify(writers, style, site, client))

        var report = Report(name, outcome)
        report.addRequests(outcome.last)
        if let jsonBatchCount {
            let rate = outcome.last.completedPerSecond * Double(jsonBatchCount)
            report.add("messagesPerSecond", "messages per second", rate, "/s")
        }
        report.addServer(outcome)
        if let syncsBefore, let syncsAfter, syncsAfter > syncsBefore {
            let appends = writers.reduce(0) { $0 + $1.requests.reduce(0) { $0 + $1.acknowledgedCount } }
            report.add(
                "appendsPerSync", "appends per fsync, with warm-up", Double(appends) / Double(syncsAfter - syncsBefore),
                "", decimals: 1)
        }
        report.addSettings([
            ("connections", options.connectionCount), ("streams", streamCount), ("bytes", byteCount),
            ("jsonBatch", jsonBatchCount ?? 0), ("producers", hasProducers ? 1 : 0), ("rate", Int(rate ?? 0)),
        ])
        return report
    }

    /// With more writers than streams each writes to one; with more streams than writers each writes to several in
    /// turn.
    static func streams(of writer: Int, writerCount: Int, streamCount: Int) -> [Int] {
        guard streamCount > writerCount else { return [writer % streamCount] }
        return Array(stride(from: writer, to: streamCount, by: writerCount))
    }

    /// Reads everything back.
    static func verify(
        _ writers: [AppendClient], _ style: AppendStyle, _ site: BenchmarkSite, _ client: BlockingClient
    ) throws(LoadError) -> FailureLog {
        var counts: [Int: [Int: Int]] = [:]
        for writer in writers {
            for request in writer.requests {
                counts[request.stream, default: [:]][writer.writer] =
                    request.acknowledgedCount * style.messagesPerRequest
            }
        }
        var verification = StreamVerification(site: site, style: style)
        for (stream, counts) in counts.sorted(by: { $0.key < $1.key }) {
            try verification.verify(path: site.path(ofStream: stream), counts: counts, by: client)
        }
        return verification.failures
    }
}
