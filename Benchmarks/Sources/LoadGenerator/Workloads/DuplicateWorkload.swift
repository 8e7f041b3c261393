/// Repeats one append of an idempotent producer, as clients do that have not got an answer: 204, and nothing is stored.
public struct DuplicateWorkload: Workload {
    public let name = "duplicate"
    public var options: LoadOptions
    public var byteCount = 100

    public init(options: LoadOptions = LoadOptions()) { self.options = options }

    public func run(on site: BenchmarkSite) throws(LoadError) -> Report {
        let style = AppendStyle(messageByteCount: byteCount, hasProducers: true)
        let blocking = BlockingClient(to: site.address)
        try site.createStreams(1, contentType: style.contentType, by: blocking)
        let path = site.path(ofStream: 0)
        let run = try LoadRun(on: site, options)
        var tail: [UInt8] = []
        var clients: [DuplicateClient] = []
        for writer in 0..<options.connectionCount {
            // The first one is new: 200. From then on it is a duplicate.
            let request = AppendRequest(style, site: site, stream: 0, writer: writer)
            let first = try blocking.exchange(request.first())
            guard first.head.status == 200, !first.head.nextOffset.isEmpty else {
                throw LoadError("a producer's first append was answered \(first.head.status): \(first.excerpt)")
            }
            tail = first.head.nextOffset
            let client = try run.add(writer) { thread throws(LoadError) in
                try DuplicateClient(request.first(), to: site.address, on: thread)
            }
            clients.append(client)
        }
        for client in clients { client.tail = tail }
        var outcome = try run.perform()

        var verification = StreamVerification(site: site, style: style)
        let counts = Dictionary(uniqueKeysWithValues: (0..<options.connectionCount).map { ($0, 1) })
        try verification.verify(path: path, counts: counts, by: blocking)
        outcome.failures.merge(verification.failures)
        var report = Report(name, outcome)
        report.addRequests(outcome.last)
        report.addServer(outcome)
        report.addSettings([("connections", options.connectionCount), ("bytes", byteCount)])
        return report
    }
}

private final class DuplicateClient: RequestClient {
    private let request: RequestBytes
    var tail: [UInt8] = []

    init(_ request: RequestBytes, to address: ServerAddress, on thread: LoadThread) throws(LoadError) {
        self.request = request
        try super.init(to: address, on: thread)
    }

    override func nextRequest(at time: UInt64) -> RequestBytes? { request }

    override func fault(in head: ResponseHead) -> String? {
        if let fault = statusFault(head, 204, "a duplicate") { return fault }
        if head.producerSequence != 0 { return "the answer to a duplicate has no Producer-Seq: 0" }
        return head.nextOffset == tail ? nil : "a duplicate has moved the stream's end"
    }
}
