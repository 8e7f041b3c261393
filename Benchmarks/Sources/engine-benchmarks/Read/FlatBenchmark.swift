import ArgumentParser
import SegmentedLog

/// Whether an append costs the same however many streams there are, and a read the same wherever in a stream it is and
/// however long that is.
struct FlatBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "flat", abstract: "Cost of appends by number of streams, and of reads by position and history.",
        discussion: "`ratio` is the CPU time beside that of the first row.")

    @Option(help: "Where to make directories, on the disk to measure.") var directory = "/var/tmp"
    @Option(parsing: .upToNextOption, help: "Streams.") var streams = [1, 10, 100, 1_000, 10_000, 100_000]
    @Option(parsing: .upToNextOption, help: "Lengths of streams to read, in MiB.") var mebibytes = [1, 16, 256]
    @Option(help: "Seconds for each number of streams and round.") var seconds = 1.0
    @Option(help: "Reads for each place and round.") var count = 50_000
    @Option(help: "Rounds.") var rounds = 3
    @OptionGroup var report: ReportOptions

    func run() throws {
        var report = Report("flat")
        try appends(&report)
        try reads(&report)
        try report.write(self.report)
    }

    // MARK: Appends

    private func appends(_ report: inout Report) throws {
        let text = SampleText(byteCount: 4 << 20)
        for system in [EngineAppend(), StoreAppend()] as [any AppendSystem] {
            let name = "append, 64 writers, 100 B, sync, \(system.name)"
            for round in 0..<rounds {
                for index in streams.indices {
                    let streams = streams[(index + round) % streams.count]
                    let appendCase = AppendCase(writers: 64, streams: streams, byteCount: 100, durability: .sync)
                    let result = try AppendMeasurement(system, appendCase, text, in: directory, seconds: seconds)
                    let row = "\(streams) streams"
                    report.add(result.processorMicroseconds / result.appends, .processorTime, of: row, in: name)
                    report.add(result.appends / result.seconds, .rate, of: row, in: name)
                }
            }
            addRatios(streams.map { "\($0) streams" }, name, &report)
            report.printCase(name)
        }
    }

    private func addRatios(_ rows: [String], _ name: String, _ report: inout Report) {
        guard let first = report.median(.processorTime, of: rows[0], in: name) else { return }
        for row in rows {
            report.add(report.median(.processorTime, of: row, in: name)! / first, .ratio, of: row, in: name)
        }
    }

    // MARK: Reads

    private func reads(_ report: inout Report) throws {
        for isCached in [true, false] {
            let name = "read of 128 B, sealed, \(isCached ? "cached" : "decoded")"
            let directory = try TemporaryDirectory(in: self.directory)
            defer { directory.remove() }
            let (log, streams) = try fill(directory.path, isCached: isCached)
            let places = self.places(streams)
            // Into memory first.
            for place in places { _ = measure(place) }
            for _ in 0..<rounds {
                for place in places { report.add(measure(place), .processorTime, of: place.name, in: name) }
            }
            log.close()
            addRatios(places.map(\.name), name, &report)
            report.printCase(name)
        }
    }

    private struct Place {
        var name: String
        var stream: LogStream
        /// Where reads begin: some places, all over the range, that stay in the cache.
        var positions: [StreamPosition]
    }

    private func places(_ streams: [BenchmarkStream]) -> [Place] {
        var places: [Place] = []
        for (stream, mebibytes) in zip(streams, mebibytes) {
            let byteCount = mebibytes << 20
            for (name, start) in [("start", 0), ("middle", byteCount / 2), ("end", byteCount - byteCount / 8)] {
                let positions = (0..<64).map { number in
                    StreamPosition(rawValue: UInt64(start + number * (byteCount / 8 / 64) / 128 * 128))
                }
                places.append(Place(name: "\(mebibytes) MiB, \(name)", stream: stream.logStream, positions: positions))
            }
        }
        return places
    }

    /// Microseconds of CPU for each read.
    private func measure(_ place: Place) -> Double {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 128, alignment: 64)
        defer { buffer.deallocate() }
        let before = threadProcessorNanoseconds()
        for number in 0..<count {
            let read = place.stream.read(
                from: place.positions[number % 64], upTo: place.stream.tail, byteCountLimit: 128, splitsEntries: true)
            precondition(read.byteCount == 128)
            do { try read.copyBytes(into: buffer) } catch { preconditionFailure("\(error)") }
        }
        return Double(threadProcessorNanoseconds() - before) / Double(count) / 1_000
    }

    private func fill(_ directory: String, isCached: Bool) throws -> (SegmentedLog, [BenchmarkStream]) {
        var configuration = LogConfiguration()
        configuration.durability = .none
        configuration.maintenanceBytesPerSecond = nil
        configuration.blockCacheByteCountLimit = isCached ? 1 << 30 : 0
        configuration.eventHandler = { if $0.level != .info { print($0) } }
        let log = try SegmentedLog.open(
            directory: directory, configuration: configuration, recoverRow: { _ in }, recover: { _ in })
        let streams = try log.makeStreams(mebibytes.count)
        let text = SampleText(byteCount: 4 << 20)
        // All of them grow all the time, each in its proportion.
        var rest = mebibytes.map { $0 << 10 }
        let steps = mebibytes.max()!
        for step in 0..<steps {
            for (number, stream) in streams.enumerated() {
                let count = mebibytes[number] << 10
                while rest[number] > count - count * (step + 1) / steps {
                    rest[number] -= 1
                    try text.withRecord(rest[number], byteCount: 1_024) { record in
                        try log.retrying { () throws(LogRefusal) in try stream.append(record, to: log, nil) }
                    }
                }
            }
        }
        try log.sealEverything(segmentByteCount: configuration.segmentByteCount)
        return (log, streams)
    }
}
