/// Kills the server with SIGKILL and starts it again: the time until it answers, and whether everything that it had
/// acknowledged is there.
public struct RestartWorkload: Workload {
    public let name = "restart"
    public var streamCount = 1_000
    /// Appends to each stream.
    public var appendCount = 10
    public var byteCount = 100
    /// Writers that fill the streams.
    public var connectionCount = 16

    public init() {}

    public func run(on site: BenchmarkSite) throws(LoadError) -> Report {
        guard let server = site.ownServer else {
            throw LoadError("restart kills the server, and therefore only one that it has started: leave out --url")
        }
        let style = AppendStyle(messageByteCount: byteCount)
        let blocking = BlockingClient(to: site.address)
        try site.createStreams(streamCount, contentType: style.contentType, by: blocking)
        let (writers, failures) = try fill(site, style)
        var allFailures = failures
        let memoryBefore = site.serverUsage?.anonymousByteCount

        blocking.disconnect()
        server.kill()
        let begin = MonotonicClock.now
        try server.start()
        site.processIdentifier = server.processIdentifier
        try server.waitUntilItAnswers()
        let answered = MonotonicClock.now - begin
        let last = try blocking.exchange("GET", "\(site.path(ofStream: streamCount - 1))?offset=-1")
        let read = MonotonicClock.now - begin
        if last.head.status != 200 { allFailures.add("the first read was answered \(last.head.status)") }
        allFailures.merge(try AppendWorkload.verify(writers, style, site, blocking))

        var report = Report(name, failures: allFailures)
        report.add("firstAnswerMilliseconds", "start to first answer", Double(answered) / 1e6, "ms", decimals: 2)
        report.add("firstReadMilliseconds", "start to first read", Double(read) / 1e6, "ms", decimals: 2)
        report.addMemory(before: memoryBefore, after: site.serverUsage?.anonymousByteCount)
        report.addSettings([("streams", streamCount), ("appends", appendCount), ("bytes", byteCount)])
        return report
    }

    private func fill(
        _ site: BenchmarkSite, _ style: AppendStyle
    ) throws(LoadError) -> ([AppendClient], FailureLog) {
        let writerCount = min(connectionCount, streamCount)
        let run = try LoadRun(on: site, LoadOptions(connectionCount: writerCount, warmUpSeconds: 0))
        var writers: [AppendClient] = []
        for writer in 0..<writerCount {
            let streams = AppendWorkload.streams(of: writer, writerCount: writerCount, streamCount: streamCount)
            let client = try run.add(writer) { thread throws(LoadError) in
                try AppendClient(
                    style, site: site, on: thread, writer: writer, streams: streams,
                    requestLimit: streams.count * appendCount)
            }
            writers.append(client)
        }
        let outcome = try run.perform([LoadPhase(seconds: nil)])
        return (writers, outcome.failures)
    }
}
