/// Reads one large stream whole, again and again, as clients do that have been away: throughput.
public struct CatchUpWorkload: Workload {
    public let name = "catch-up"
    public var options: LoadOptions
    public var byteCount = 64 << 20

    public init(options: LoadOptions = LoadOptions(connectionCount: 4)) { self.options = options }

    public func run(on site: BenchmarkSite) throws(LoadError) -> Report {
        let path = site.path(ofStream: 0)
        try CatchUpClient.fill(site, path: path, byteCount: byteCount, by: BlockingClient(to: site.address))
        let run = try LoadRun(on: site, options)
        var clients: [CatchUpClient] = []
        for index in 0..<options.connectionCount {
            let client = try run.add(index) { thread throws(LoadError) in
                try CatchUpClient(site, on: thread, path: path, byteCount: byteCount)
            }
            clients.append(client)
        }
        let outcome = try run.perform()
        let window = outcome.last
        // As disks and networks are sold: a megabyte is 1,000,000 bytes.
        let megabytes = Double(window.counts.payloadByteCount) / 1e6

        var report = Report(name, outcome)
        report.add("megabytesPerSecond", "read", megabytes / window.seconds, "MB/s")
        if let processor = window.serverProcessor, megabytes > 0 {
            report.add(
                "serverMillisecondsPerMegabyte", "server CPU per MB", processor * 1e3 / megabytes, "ms", decimals: 3)
            report.add(
                "clientMillisecondsPerMegabyte", "load generator CPU per MB", window.clientProcessor * 1e3 / megabytes,
                "ms", decimals: 3)
        }
        report.add("wholeReads", "whole reads, with warm-up", Double(clients.reduce(0) { $0 + $1.readCount }), "")
        report.addRequests(window)
        report.addServer(outcome)
        report.addSettings([("connections", options.connectionCount), ("bytes", byteCount)])
        return report
    }
}
