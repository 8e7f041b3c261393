/// Appends alone, and then the same appends while others follow the same streams, catch up on a large one, and write so
/// much to further ones that segments are sealed and merged all the time: what all that costs who appends.
public struct MixedWorkload: Workload {
    public let name = "mixed"
    /// The connections are those of the writers.
    public var options: LoadOptions
    public var byteCount = 100
    public var streamCount = 4
    public var readerCount = 16
    public var catchUpReaderCount = 2
    public var catchUpByteCount = 16 << 20
    /// What others write to streams of their own meanwhile, in bytes per second; 0: nobody does.
    public var bulkBytesPerSecond = 0
    /// Appends per second of all writers together; nil: as fast as the answers come.
    public var rate: Double?

    public init(options: LoadOptions = LoadOptions(connectionCount: 16)) { self.options = options }

    public func run(on site: BenchmarkSite) throws(LoadError) -> Report {
        let style = AppendStyle(messageByteCount: byteCount, isText: true)
        let blocking = BlockingClient(to: site.address)
        let streamCount = min(streamCount, options.connectionCount)
        try site.createStreams(streamCount, contentType: style.contentType, by: blocking)
        let large = site.path(ofStream: streamCount)
        try CatchUpClient.fill(site, path: large, byteCount: catchUpByteCount, by: blocking)

        let run = try LoadRun(on: site, options)
        let writersPerStream = (0..<streamCount).map { stream in
            (0..<options.connectionCount).count { $0 % streamCount == stream }
        }
        let progress = writersPerStream.map { AppendProgress(writerCount: $0) }
        var writers: [AppendClient] = []
        for writer in 0..<options.connectionCount {
            let stream = writer % streamCount
            let client = try run.add(writer) { thread throws(LoadError) in
                try AppendClient(style, site: site, on: thread, writer: writer, streams: [stream]) { client in
                    progress[stream].finish(writer: writer, count: client.requests[0].acknowledgedCount)
                }
            }
            client.setRate(perSecond: rate, writerCount: options.connectionCount)
            writers.append(client)
        }
        site.waitUntilQuiet()
        let phase = LoadPhase(seconds: options.seconds)
        run.plan([phase, phase])
        let readers = try addReaders(to: run, style, progress, startTime: run.windows[0].end)
        let catchUps = try addCatchUpReaders(to: run, large, startTime: run.windows[0].end)
        let bulk = try addBulkWriters(to: run, streamCount + 1, by: blocking, startTime: run.windows[0].end)
        let before = MaintenanceCounts(site, blocking)
        var outcome = try run.perform()
        let maintenance = MaintenanceCounts(site, blocking) - before
        outcome.failures.merge(try AppendWorkload.verify(writers, style, site, blocking))
        outcome.failures.merge(try AppendWorkload.verify(bulk, Self.bulkStyle, site, blocking))
        if bulkBytesPerSecond > 0, maintenance.sealingCount == 0 {
            outcome.failures.add("no segment was sealed meanwhile: smaller segments or more bytes are needed")
        }

        var report = Report(name, outcome)
        for (name, window) in zip(["quiet", "loaded"], outcome.windows) {
            report.add("\(name)AppendsPerSecond", "appends per second, \(name)", window.completedPerSecond, "/s")
            report.addLatencies(window.counts.latencies, "\(name)Append", "append, \(name),")
        }
        if let quiet = report["quietAppendP99Microseconds"], let loaded = report["loadedAppendP99Microseconds"] {
            report.add("loadedToQuietP99", "append p99, loaded to quiet", loaded / quiet, "", decimals: 2)
        }
        maintenance.add(to: &report)
        let delivered = readers.reduce(0) { $0 + $1.reader.payloadCount }
        report.add("deliveries", "payloads delivered by SSE", Double(delivered), "")
        let wholeReads = catchUps.reduce(0) { $0 + $1.readCount }
        report.add("wholeReads", "whole reads of the large stream", Double(wholeReads), "")
        report.addServer(outcome, per: "append")
        report.addSettings([
            ("connections", options.connectionCount), ("streams", streamCount), ("readers", readerCount),
            ("catchUpReaders", catchUpReaderCount), ("catchUpBytes", catchUpByteCount),
            ("bytes", byteCount), ("rate", Int(rate ?? 0)), ("bulkBytesPerSecond", bulkBytesPerSecond),
        ])
        return report
    }

    private func addReaders(
        to run: LoadRun, _ style: AppendStyle, _ progress: [AppendProgress], startTime: UInt64
    ) throws(LoadError) -> [LateReader] {
        var readers: [LateReader] = []
        for number in 0..<readerCount {
            let stream = number % progress.count
            let reader = try run.add(number) { thread in
                LateReader(
                    LiveReader(
                        .eventStream, site: run.site, path: run.site.path(ofStream: stream), on: thread,
                        format: style.format, from: "now", progress: progress[stream]) { _, _ in },
                    on: thread, startTime: startTime)
            }
            readers.append(reader)
        }
        return readers
    }

    private static let bulkStyle = AppendStyle(messageByteCount: 64 << 10)
    private static let bulkWriterCount = 4

    private func addBulkWriters(
        to run: LoadRun, _ firstStream: Int, by client: BlockingClient, startTime: UInt64
    ) throws(LoadError) -> [AppendClient] {
        guard bulkBytesPerSecond > 0 else { return [] }
        var writers: [AppendClient] = []
        for number in 0..<Self.bulkWriterCount {
            let stream = firstStream + number
            let path = run.site.path(ofStream: stream)
            try run.site.createStream(path, contentType: Self.bulkStyle.contentType, by: client)
            let writer = try run.add(number) { thread throws(LoadError) in
                try AppendClient(
                    Self.bulkStyle, site: run.site, on: thread, writer: number, streams: [stream], isMeasured: false)
            }
            writer.startTime = startTime
            writer.setRate(
                perSecond: Double(bulkBytesPerSecond) / Double(Self.bulkStyle.messageByteCount),
                writerCount: Self.bulkWriterCount)
            writers.append(writer)
        }
        return writers
    }

    private func addCatchUpReaders(
        to run: LoadRun, _ path: String, startTime: UInt64
    ) throws(LoadError) -> [CatchUpClient] {
        var clients: [CatchUpClient] = []
        for number in 0..<catchUpReaderCount {
            let client = try run.add(number) { thread throws(LoadError) in
                let client = try CatchUpClient(
                    run.site, on: thread, path: path, byteCount: catchUpByteCount, isMeasured: false)
                client.startTime = startTime
                return client
            }
            clients.append(client)
        }
        return clients
    }
}

/// A reader that joins in when the quiet time is over.
private final class LateReader: LoadClient {
    let reader: LiveReader
    private let thread: LoadThread
    private let startTime: UInt64

    init(_ reader: LiveReader, on thread: LoadThread, startTime: UInt64) {
        self.reader = reader
        self.thread = thread
        self.startTime = startTime
    }

    func start() {
        thread.loop.schedule(at: startTime) { [reader, thread] in
            do throws(LoadError) { try reader.open() } catch { thread.measurement.failures.add("\(error)") }
        }
    }

    var isFinished: Bool { reader.isFinished }
}

/// What a server of this project has done in the background; of others it is not known.
private struct MaintenanceCounts {
    var sealingCount: Int?
    var mergeCount: Int?

    init(_ site: BenchmarkSite, _ client: BlockingClient) {
        sealingCount = site.count("sealings", client)
        mergeCount = site.count("merges", client)
    }

    static func - (after: Self, before: Self) -> Self {
        var difference = after
        difference.sealingCount = after.sealingCount.flatMap { count in before.sealingCount.map { count - $0 } }
        difference.mergeCount = after.mergeCount.flatMap { count in before.mergeCount.map { count - $0 } }
        return difference
    }

    func add(to report: inout Report) {
        if let sealingCount { report.add("sealings", "segments sealed meanwhile", Double(sealingCount), "") }
        if let mergeCount { report.add("merges", "merges meanwhile", Double(mergeCount), "") }
    }
}
