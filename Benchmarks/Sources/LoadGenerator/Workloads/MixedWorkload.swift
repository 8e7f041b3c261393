/// Appends alone, and then the same appends while others follow the same streams and catch up on a large one: what
/// readers cost writers.
public struct MixedWorkload: Workload {
    public let name = "mixed"
    /// The connections are those of the writers.
    public var options: LoadOptions
    public var byteCount = 100
    public var streamCount = 4
    public var readerCount = 16
    public var catchUpReaderCount = 2
    public var catchUpByteCount = 16 << 20
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
        site.waitUntilServerIsIdle()
        let phase = LoadPhase(seconds: options.seconds)
        run.plan([phase, phase])
        let readers = try addReaders(to: run, style, progress, startTime: run.windows[0].end)
        let catchUps = try addCatchUpReaders(to: run, large, startTime: run.windows[0].end)
        var outcome = try run.perform()
        outcome.failures.merge(try AppendWorkload.verify(writers, style, site, blocking))

        var report = Report(name, outcome)
        for (name, window) in zip(["quiet", "loaded"], outcome.windows) {
            report.add("\(name)AppendsPerSecond", "appends per second, \(name)", window.completedPerSecond, "/s")
            report.addLatencies(window.counts.latencies, "\(name)Append", "append, \(name),")
        }
        let delivered = readers.reduce(0) { $0 + $1.reader.payloadCount }
        report.add("deliveries", "payloads delivered by SSE", Double(delivered), "")
        let wholeReads = catchUps.reduce(0) { $0 + $1.readCount }
        report.add("wholeReads", "whole reads of the large stream", Double(wholeReads), "")
        report.addServer(outcome, per: "append")
        report.addSettings([
            ("connections", options.connectionCount), ("streams", streamCount), ("readers", readerCount),
            ("catchUpReaders", catchUpReaderCount), ("catchUpBytes", catchUpByteCount),
            ("bytes", byteCount), ("rate", Int(rate ?? 0)),
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
