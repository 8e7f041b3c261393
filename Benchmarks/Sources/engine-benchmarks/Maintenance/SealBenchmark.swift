import ArgumentParser
import SegmentedLog

/// How fast full journal segments become sealed ones, and how small.
struct SealBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "seal",
        abstract: "Sealing alone: throughput, CPU and compression ratio.",
        discussion: "On one thread, without appends beside it, unthrottled; writing and syncing the files included.")

    @Option(help: "Where to make directories, on the disk to measure.") var directory = "/var/tmp"
    @Option(help: "Journal segments of 64 MiB to seal in each round.") var segments = 4
    @Option(parsing: .upToNextOption, help: "Streams.") var streams = [1, 64, 10_000]
    @Option(help: "Bytes of an append.") var byteCount = 1_024
    @Option(help: "Rounds.") var rounds = 3
    @OptionGroup var input: InputOptions
    @OptionGroup var report: ReportOptions

    func run() throws {
        var report = Report("seal")
        let (bytes, inputName) = try input.load()
        let name = "\(inputName), appends of \(byteCount) B"
        for _ in 0..<rounds {
            for streams in streams { try round(streams, bytes, name, &report) }
        }
        report.printCase(name)
        try report.write(self.report)
    }

    private func round(_ streams: Int, _ input: [UInt8], _ name: String, _ report: inout Report) throws {
        let directory = try TemporaryDirectory(in: self.directory)
        defer { directory.remove() }
        let configuration = UnsealedStore.configuration(segmentByteCount: 64 << 20, mergedSegmentCount: 1_000)
        try UnsealedStore.fill(
            directory.path, segments: segments, streamCount: streams, recordByteCount: byteCount, input: input,
            configuration)
        let (log, owners) = try UnsealedStore.open(directory.path, configuration)
        log.provisionSegments()
        let rawBefore = log.statistics.unsealedSegmentCount
        precondition(rawBefore == segments, "\(rawBefore) full segments")
        let cost = Cost { log.runPendingWork() }
        precondition(log.statistics.sealedSegmentCount == segments)
        // All but the last half segment is sealed now.
        let payload = owners.reduce(0) { $0 + $1.logStream.tail.distance(from: .start) }
        let megabytes = Double(segments * 64 << 20) / 1e6
        let system = "\(streams) stream\(streams == 1 ? "" : "s")"
        report.add(megabytes / cost.seconds, .throughput, of: system, in: name)
        report.add(cost.processorMilliseconds / megabytes, .processorTimePerMegabyte, of: system, in: name)
        let sealedPayload = Double(payload) * Double(2 * segments) / Double(2 * segments + 1)
        let ratio = sealedPayload / Double(log.statistics.sealedByteCount)
        report.add(ratio, Metric(name: "payload / file", unit: "1"), of: system, in: name)
        log.close()
    }
}
