internal import Glibc

/// One kind of load: prepares the streams, measures, and verifies what was stored and delivered.
public protocol Workload: Sendable {
    /// As on the command line.
    var name: String { get }
    /// Blocks the calling thread until it is over. Throws only if it can't be done.
    func run(on site: BenchmarkSite) throws(LoadError) -> Report
}

/// How much load, and for how long.
public struct LoadOptions: Sendable {
    public var connectionCount: Int
    public var threadCount: Int
    public var seconds: Double
    public var warmUpSeconds: Double
    /// What answers and deliveries may still take after the end; what is outstanding then is an error.
    var drainSeconds = 15.0

    public init(connectionCount: Int = 64, threadCount: Int = 1, seconds: Double = 10, warmUpSeconds: Double = 1) {
        self.connectionCount = connectionCount
        self.threadCount = threadCount
        self.seconds = seconds
        self.warmUpSeconds = warmUpSeconds
    }
}

/// The server that is measured.
public final class BenchmarkSite {
    let address: ServerAddress
    /// Whose CPU time and memory are reported; nil if they can't be.
    var processIdentifier: Int32?
    /// Nil if somebody else has started the server.
    let ownServer: OwnServer?
    /// What the names of this run's streams begin with: no earlier run has used them.
    let namePrefix: String

    /// A server that is running. Without its process's identifier its CPU time and memory are not reported.
    public init(url: String, processIdentifier: Int32? = nil) throws(LoadError) {
        address = try ServerAddress(url: url)
        if let processIdentifier, ProcessUsage.ofProcess(processIdentifier) == nil {
            throw LoadError("there is no process \(processIdentifier) to be looked at")
        }
        self.processIdentifier = processIdentifier
        ownServer = nil
        namePrefix = Self.makeNamePrefix()
    }

    /// A server that was started for the benchmark.
    public init(_ server: OwnServer) throws(LoadError) {
        address = try ServerAddress(url: server.url)
        processIdentifier = server.processIdentifier
        ownServer = server
        namePrefix = Self.makeNamePrefix()
    }

    private static func makeNamePrefix() -> String {
        "bench-" + String(UInt64(getpid()) << 40 ^ MonotonicClock.now, radix: 36)
    }

    var serverUsage: ProcessUsage? { processIdentifier.flatMap(ProcessUsage.ofProcess) }

    /// Returns once the server has used next to no CPU time for a second, and next to nothing was written to the disks
    /// of this machine, so that what is still done about earlier requests is not measured; after a minute at most.
    func waitUntilQuiet() {
        guard serverUsage != nil else { return }
        // What was written and removed before, by whomever: else the kernel gets to it whenever it likes.
        sync()
        func used() -> UInt64 { serverUsage.map { $0.userNanoseconds + $0.systemNanoseconds } ?? 0 }
        for _ in 0..<60 where !Interruption.isRequested {
            let (cpuBefore, diskBefore) = (used(), DiskUsage.now)
            MonotonicClock.sleep(nanoseconds: 1_000_000_000)
            if used() - cpuBefore < 30_000_000, DiskUsage.now.isNextToNothing(since: diskBefore) { return }
        }
    }

    func streamName(_ number: Int) -> String { "\(namePrefix)-\(number)" }

    func path(ofStream number: Int) -> String { address.path(of: streamName(number)) }

    /// Creates streams 0..<count; the answer has to be 201.
    func createStreams(_ count: Int, contentType: String, by client: BlockingClient) throws(LoadError) {
        for number in 0..<count {
            try createStream(path(ofStream: number), contentType: contentType, by: client)
        }
    }

    func createStream(_ path: String, contentType: String, by client: BlockingClient) throws(LoadError) {
        let response = try client.exchange("PUT", path, [("Content-Type", contentType)], body: [])
        guard response.head.status == 201 else {
            throw LoadError("PUT \(path) was answered \(response.head.status) instead of 201: \(response.excerpt)")
        }
    }

    /// How often a server of this project has synced its disk, as its `/healthz` says; nil for others.
    func syncCount(_ client: BlockingClient) -> Int? { count("syncs", client) }

    /// A count of a server of this project, as its `/healthz` says; nil for others.
    func count(_ name: String, _ client: BlockingClient) -> Int? {
        guard ownServer != nil, let response = try? client.exchange("GET", "/healthz") else { return nil }
        let text = String(decoding: response.body, as: UTF8.self)
        let fields = text.split { $0 == "," || $0 == "{" || $0 == "}" }
        let key = "\"\(name)\":"
        return fields.first { $0.hasPrefix(key) }.flatMap { Int($0.dropFirst(key.utf8.count)) }
    }

    /// Appends; the answer has to be 204. Returns the stream's next offset.
    @discardableResult
    func append(
        _ body: [UInt8], to path: String, contentType: String, by client: BlockingClient
    ) throws(LoadError) -> [UInt8] {
        let response = try client.exchange("POST", path, [("Content-Type", contentType)], body: body)
        guard response.head.status == 204, !response.head.nextOffset.isEmpty else {
            throw LoadError("POST \(path) was answered \(response.head.status) instead of 204: \(response.excerpt)")
        }
        return response.head.nextOffset
    }
}

extension WholeResponse {
    /// The beginning of the body, for messages.
    var excerpt: String { String(decoding: body.prefix(120), as: UTF8.self) }
}
