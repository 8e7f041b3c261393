/// Connections that do nothing, and what each costs the server: memory, and CPU time for all together.
public struct IdleWorkload: Workload {
    public let name = "idle"
    /// The time that they are left alone; there is nothing to warm up.
    public var options: LoadOptions
    /// Nil: keep-alive connections on which one HEAD was answered.
    public var mode: LiveMode?

    public init(options: LoadOptions = LoadOptions(connectionCount: 1_000)) { self.options = options }

    public func run(on site: BenchmarkSite) throws(LoadError) -> Report {
        guard site.processIdentifier != nil else {
            throw LoadError("idle reports the memory of the server, which takes its process: give --pid")
        }
        let path = site.path(ofStream: 0)
        let blocking = BlockingClient(to: site.address)
        try site.createStream(path, contentType: "text/plain", by: blocking)
        let run = try LoadRun(on: site, options)
        let before = site.serverUsage
        let progress = AppendProgress(writerCount: 0)
        var readers: [LiveReader] = []
        var keepAlives: [IdleClient] = []
        for number in 0..<options.connectionCount {
            if let mode {
                let reader = try run.add(number) { thread in
                    LiveReader(
                        mode, site: site, path: path, on: thread,
                        format: PayloadFormat(byteCount: PayloadFormat.headerByteCount), progress: progress
                    ) { _, _ in }
                }
                try reader.open()
                readers.append(reader)
            } else {
                let client = try run.add(number) { thread throws(LoadError) in
                    try IdleClient(RequestBytes("HEAD", path, authority: site.address.authority), site, on: thread)
                }
                client.ask()
                keepAlives.append(client)
            }
        }
        try run.prepare { readers.allSatisfy(\.isReady) && keepAlives.allSatisfy(\.isAnswered) }
        let outcome = try run.perform()
        var report = Report(name, outcome)
        let count = Double(options.connectionCount)
        if let before, let after = outcome.memoryAfter {
            report.add(
                "serverMemoryBytesPerConnection", "server memory per connection",
                Double(after - before.anonymousByteCount) / count, "B")
        }
        if let processor = outcome.last.serverProcessor {
            report.add("serverCores", "server CPU while idle", processor / outcome.last.seconds, "cores", decimals: 3)
        }
        report.addMemory(before: outcome.memoryBefore, after: outcome.memoryAfter)
        report.addSettings([("connections", options.connectionCount)])
        return report
    }
}

/// Asks once, and then keeps the connection.
private final class IdleClient: LoadClient, ConnectionHandler {
    private let request: RequestBytes
    private let measurement: Measurement
    private var connection: Connection!
    private(set) var isAnswered = false
    var isFinished: Bool { true }

    init(_ request: RequestBytes, _ site: BenchmarkSite, on thread: LoadThread) throws(LoadError) {
        self.request = request
        measurement = thread.measurement
        connection = Connection(to: site.address, on: thread.loop, handler: self, answersHead: true)
        try connection.open()
    }

    func start() {}

    func ask() { connection.send(request) }

    func receivedHead(_ connection: Connection) {
        if connection.head.status != 200 {
            measurement.failures.add("HEAD was answered \(connection.head.status) instead of 200")
        }
    }

    func receivedBody(_ bytes: UnsafeRawBufferPointer, _ connection: Connection) {}

    func receivedEnd(_ connection: Connection) { isAnswered = true }

    func closed(_ connection: Connection, because reason: String?) {
        measurement.failures.add(reason ?? "the server has closed an idle connection")
        isAnswered = true
    }
}
