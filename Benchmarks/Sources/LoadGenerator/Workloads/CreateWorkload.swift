/// Creates streams, one request at a time on each connection, until so many have been measured.
public struct CreateWorkload: Workload {
    public let name = "create"
    public var options: LoadOptions
    public var count = 100_000

    public init(options: LoadOptions = LoadOptions(connectionCount: 16)) { self.options = options }

    public func run(on site: BenchmarkSite) throws(LoadError) -> Report {
        let run = try LoadRun(on: site, options)
        let connectionCount = min(options.connectionCount, count)
        var clients: [CreateClient] = []
        for index in 0..<connectionCount {
            let share = count / connectionCount + (index < count % connectionCount ? 1 : 0)
            let client = try run.add(index) { thread throws(LoadError) in
                try CreateClient(site, on: thread, number: index, measuredCount: share)
            }
            clients.append(client)
        }
        var outcome = try run.perform([LoadPhase(seconds: nil)])
        outcome.failures.merge(try verify(clients, site))

        var report = Report(name, outcome)
        report.addRequests(outcome.last)
        report.addServer(outcome)
        if let before = outcome.memoryBefore, let after = outcome.memoryAfter {
            let created = clients.reduce(0) { $0 + $1.createdCount }
            let bytes = Double(after - before) / Double(max(1, created))
            report.add("serverMemoryBytesPerStream", "server memory per stream", bytes, "B")
        }
        report.addSettings([("connections", connectionCount), ("count", count)])
        return report
    }

    /// Looks at a hundred of them, the first and the last included.
    private func verify(_ clients: [CreateClient], _ site: BenchmarkSite) throws(LoadError) -> FailureLog {
        let blocking = BlockingClient(to: site.address)
        var failures = FailureLog()
        for client in clients {
            let step = max(1, client.createdCount * clients.count / 100)
            let numbers = Array(stride(from: 0, to: client.createdCount, by: step)) + [client.createdCount - 1]
            for number in numbers where number >= 0 {
                let path = client.path(number)
                let response = try blocking.exchange("HEAD", path)
                if response.head.status != 200 || response.head.nextOffset.isEmpty {
                    failures.add("HEAD \(path), which was created, was answered \(response.head.status)")
                }
            }
        }
        return failures
    }
}

private final class CreateClient: RequestClient {
    private static let digitCount = 8

    private(set) var createdCount = 0
    private var measuredCount = 0
    private let measuredLimit: Int
    private let pathPrefix: String
    private let request: RequestBytes
    private let place: UnsafeMutableRawBufferPointer

    init(_ site: BenchmarkSite, on thread: LoadThread, number: Int, measuredCount: Int) throws(LoadError) {
        measuredLimit = measuredCount
        pathPrefix = site.path(ofStream: number) + "-"
        let path = pathPrefix + String(repeating: "0", count: Self.digitCount)
        request = RequestBytes(
            "PUT", path, authority: site.address.authority, [("Content-Type", "application/octet-stream")], body: [])
        place = request.place(ofPathSuffix: Self.digitCount, path: path)
        try super.init(to: site.address, on: thread)
    }

    func path(_ number: Int) -> String {
        var digits = [UInt8](repeating: 0, count: Self.digitCount)
        digits.withUnsafeMutableBytes { HexadecimalDigits.write(UInt64(number), to: $0) }
        return pathPrefix + String(decoding: digits, as: UTF8.self)
    }

    override func nextRequest(at time: UInt64) -> RequestBytes? {
        guard measuredCount < measuredLimit else { return nil }
        HexadecimalDigits.write(UInt64(createdCount), to: place)
        return request
    }

    override func fault(in head: ResponseHead) -> String? {
        statusFault(head, 201, "PUT of a new stream")
            ?? (head.nextOffset.isEmpty ? "the answer to a PUT has no Stream-Next-Offset" : nil)
    }

    override func succeeded(at time: UInt64) {
        createdCount += 1
        if measurement.completed(from: requestTime, to: time) { measuredCount += 1 }
    }
}
