/// Small requests that change nothing: a read of a whole small stream, HEAD, or a read at the tail.
public struct ReadWorkload: Workload {
    public enum Kind: String, Sendable {
        /// GET from the start of a stream of a few bytes.
        case read
        case head
        /// GET with `offset=now`.
        case tail
    }

    public let kind: Kind
    public var name: String { kind.rawValue }
    public var options: LoadOptions
    /// The length of each stream.
    public var byteCount = 1_024
    public var streamCount = 1

    public init(_ kind: Kind, options: LoadOptions = LoadOptions()) {
        self.kind = kind
        self.options = options
    }

    public func run(on site: BenchmarkSite) throws(LoadError) -> Report {
        let contentType = "application/octet-stream"
        let client = BlockingClient(to: site.address)
        try site.createStreams(streamCount, contentType: contentType, by: client)
        var tails: [[UInt8]] = []
        for stream in 0..<streamCount {
            // Each stream has other bytes.
            let content = PatternBytes.bytes(from: stream, count: byteCount)
            tails.append(
                try site.append(content, to: site.path(ofStream: stream), contentType: contentType, by: client))
        }
        let run = try LoadRun(on: site, options)
        for index in 0..<options.connectionCount {
            let streams = AppendWorkload.streams(
                of: index, writerCount: options.connectionCount, streamCount: streamCount)
            _ = try run.add(index) { thread throws(LoadError) in
                try ReadClient(kind, site, on: thread, streams: streams, tails: tails, byteCount: byteCount)
            }
        }
        let outcome = try run.perform()
        var report = Report(name, outcome)
        report.addRequests(outcome.last)
        report.addServer(outcome)
        report.addSettings([
            ("connections", options.connectionCount), ("streams", streamCount), ("bytes", byteCount),
        ])
        return report
    }
}

private final class ReadClient: RequestClient {
    private struct Target {
        var stream: Int
        var request: RequestBytes
        var tail: [UInt8]
    }

    private let kind: ReadWorkload.Kind
    private let byteCount: Int
    private let targets: [Target]
    private var current = 0
    private var receivedByteCount = 0

    init(
        _ kind: ReadWorkload.Kind, _ site: BenchmarkSite, on thread: LoadThread, streams: [Int], tails: [[UInt8]],
        byteCount: Int
    ) throws(LoadError) {
        self.kind = kind
        self.byteCount = kind == .read ? byteCount : 0
        targets = streams.map { stream in
            let path = site.path(ofStream: stream)
            let authority = site.address.authority
            let request =
                switch kind {
                case .read: RequestBytes("GET", "\(path)?offset=-1", authority: authority)
                case .head: RequestBytes("HEAD", path, authority: authority)
                case .tail: RequestBytes("GET", "\(path)?offset=now", authority: authority)
                }
            return Target(stream: stream, request: request, tail: tails[stream])
        }
        try super.init(to: site.address, on: thread, answersHead: kind == .head)
    }

    override func nextRequest(at time: UInt64) -> RequestBytes? {
        receivedByteCount = 0
        return targets[current].request
    }

    override func fault(in head: ResponseHead) -> String? {
        if let fault = statusFault(head, 200, kind.rawValue) { return fault }
        if head.nextOffset != targets[current].tail {
            return "\(kind) gives another Stream-Next-Offset than the append"
        }
        if kind != .head, !head.isUpToDate { return "\(kind) up to the tail is not Stream-Up-To-Date" }
        return nil
    }

    override func fault(inBody piece: UnsafeRawBufferPointer) -> String? {
        let position = receivedByteCount
        receivedByteCount += piece.count
        guard receivedByteCount <= byteCount,
            PatternBytes.matches(piece, from: targets[current].stream + position)
        else { return "\(kind) gives other bytes than were written, from byte \(position) of the body on" }
        return nil
    }

    override func faultAtEnd() -> String? {
        receivedByteCount == byteCount ? nil : "\(kind) gives \(receivedByteCount) bytes instead of \(byteCount)"
    }

    override func succeeded(at time: UInt64) {
        current = current + 1 == targets.count ? 0 : current + 1
        measurement.completed(from: requestTime, to: time, byteCount: byteCount)
    }
}
