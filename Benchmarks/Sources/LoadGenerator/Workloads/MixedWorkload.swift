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
        let blocking = BlockingClient(to: site.address)
        // First of all, before the disk is given much to do.
        let quiet = try measure(on: site, firstStream: 0, by: blocking) { (_, _) throws(LoadError) in }
        let large = site.path(ofStream: 2 * options.connectionCount)
        try CatchUpClient.fill(site, path: large, byteCount: catchUpByteCount, by: blocking)
        site.waitUntilQuiet()
        if catchUpByteCount >= Self.largeByteCount { MonotonicClock.sleep(nanoseconds: Self.settlingNanoseconds) }
        var readers: [JoiningReader] = []
        var catchUps: [CatchUpClient] = []
        var bulk: [AppendClient] = []
        let before = MaintenanceCounts(site, blocking)
        var outcome = try measure(on: site, firstStream: options.connectionCount, by: blocking) {
            (run, progress) throws(LoadError) in
            readers = try addReaders(to: run, progress)
            catchUps = try addCatchUpReaders(to: run, large)
            bulk = try addBulkWriters(to: run, 2 * options.connectionCount + 1, by: blocking)
        }
        let maintenance = MaintenanceCounts(site, blocking) - before
        outcome.failures.merge(quiet.failures)
        outcome.failures.merge(try AppendWorkload.verify(bulk, Self.bulkStyle, site, blocking))
        if bulkBytesPerSecond > 0, maintenance.sealingCount == 0 {
            outcome.failures.add("no segment was sealed meanwhile: smaller segments or more bytes are needed")
        }

        var report = Report(name, outcome)
        for (name, window) in [("quiet", quiet.last), ("loaded", outcome.last)] {
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
            ("connections", options.connectionCount), ("streams", usedStreamCount), ("readers", readerCount),
            ("catchUpReaders", catchUpReaderCount), ("catchUpBytes", catchUpByteCount),
            ("bytes", byteCount), ("rate", Int(rate ?? 0)), ("bulkBytesPerSecond", bulkBytesPerSecond),
        ])
        return report
    }

    /// A disk that is given back much space, when sealed segments have been merged, stalls now and then for some seconds
    /// more, whoever writes to it.
    private static let settlingNanoseconds: UInt64 = 15_000_000_000
    private static let largeByteCount = 256 << 20

    private var usedStreamCount: Int { min(streamCount, options.connectionCount) }
    private var style: AppendStyle { AppendStyle(messageByteCount: byteCount, isText: true) }

    /// Appends to new streams, beside what `joins` adds.
    private func measure(
        on site: BenchmarkSite, firstStream: Int, by blocking: BlockingClient,
        joins: (LoadRun, [(path: String, progress: AppendProgress)]) throws(LoadError) -> Void
    ) throws(LoadError) -> LoadOutcome {
        let run = try LoadRun(on: site, options)
        var streams: [(path: String, progress: AppendProgress)] = []
        for number in 0..<usedStreamCount {
            let path = site.path(ofStream: firstStream + number)
            try site.createStream(path, contentType: style.contentType, by: blocking)
            let writerCount = (0..<options.connectionCount).count { $0 % usedStreamCount == number }
            streams.append((path, AppendProgress(writerCount: writerCount)))
        }
        var writers: [AppendClient] = []
        for writer in 0..<options.connectionCount {
            let stream = writer % usedStreamCount
            let progress = streams[stream].progress
            let client = try run.add(writer) { thread throws(LoadError) in
                try AppendClient(style, site: site, on: thread, writer: writer, streams: [firstStream + stream]) { client in
                    progress.finish(writer: writer, count: client.requests[0].acknowledgedCount)
                }
            }
            client.setRate(perSecond: rate, writerCount: options.connectionCount)
            writers.append(client)
        }
        try joins(run, streams)
        site.waitUntilQuiet()
        var outcome = try run.perform()
        outcome.failures.merge(try AppendWorkload.verify(writers, style, site, blocking))
        return outcome
    }

    private func addReaders(
        to run: LoadRun, _ streams: [(path: String, progress: AppendProgress)]
    ) throws(LoadError) -> [JoiningReader] {
        var readers: [JoiningReader] = []
        for number in 0..<readerCount {
            let stream = streams[number % streams.count]
            let reader = try run.add(number) { thread in
                JoiningReader(
                    LiveReader(
                        .eventStream, site: run.site, path: stream.path, on: thread, format: style.format, from: "now",
                        progress: stream.progress) { _, _ in },
                    on: thread)
            }
            readers.append(reader)
        }
        return readers
    }

    private static let bulkStyle = AppendStyle(messageByteCount: 64 << 10)
    private static let bulkWriterCount = 4

    private func addBulkWriters(
        to run: LoadRun, _ firstStream: Int, by client: BlockingClient
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
            writer.setRate(
                perSecond: Double(bulkBytesPerSecond) / Double(Self.bulkStyle.messageByteCount),
                writerCount: Self.bulkWriterCount)
            writers.append(writer)
        }
        return writers
    }

    private func addCatchUpReaders(to run: LoadRun, _ path: String) throws(LoadError) -> [CatchUpClient] {
        var clients: [CatchUpClient] = []
        for number in 0..<catchUpReaderCount {
            let client = try run.add(number) { thread throws(LoadError) in
                try CatchUpClient(run.site, on: thread, path: path, byteCount: catchUpByteCount, isMeasured: false)
            }
            clients.append(client)
        }
        return clients
    }
}

/// A reader that joins in when the run begins.
private final class JoiningReader: LoadClient {
    let reader: LiveReader
    private let thread: LoadThread

    init(_ reader: LiveReader, on thread: LoadThread) {
        self.reader = reader
        self.thread = thread
    }

    func start() {
        do throws(LoadError) { try reader.open() } catch { thread.measurement.failures.add("\(error)") }
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
