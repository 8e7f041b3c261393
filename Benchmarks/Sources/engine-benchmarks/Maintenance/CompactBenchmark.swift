import ArgumentParser
import SegmentedLog

/// How fast sealed segments are merged.
struct CompactBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compact",
        abstract: "Merging sealed segments alone: throughput and CPU.",
        discussion: """
            Eight sealed segments become one, on one thread, without appends beside it, unthrottled; writing and syncing \
            the file included. MB are those of the segments' files before.
            """)

    @Option(help: "Where to make directories, on the disk to measure.") var directory = "/var/tmp"
    @Option(help: "Streams.") var streams = 1_000
    @Option(help: "Bytes of an append.") var byteCount = 1_024
    @Option(help: "Size of a journal segment, in MiB.") var segmentMebibytes = 32
    @Option(help: "Rounds.") var rounds = 3
    @OptionGroup var input: InputOptions
    @OptionGroup var report: ReportOptions

    func run() throws {
        var report = Report("compact")
        let (bytes, inputName) = try input.load()
        let name = "8 segments, \(streams) streams, \(inputName)"
        for _ in 0..<rounds {
            for deadPercent in [0, 40] { try round(deadPercent, bytes, name, &report) }
        }
        report.printCase(name)
        try report.write(self.report)
    }

    private func round(_ deadPercent: Int, _ input: [UInt8], _ name: String, _ report: inout Report) throws {
        let directory = try TemporaryDirectory(in: self.directory)
        defer { directory.remove() }
        let segmentByteCount = segmentMebibytes << 20
        var configuration = UnsealedStore.configuration(segmentByteCount: segmentByteCount, mergedSegmentCount: 1_000)
        try UnsealedStore.fill(
            directory.path, segments: 8, streamCount: streams, recordByteCount: byteCount, input: input, configuration)
        try seal(directory.path, configuration, deadPercent)
        configuration.mergedSegmentCount = 8
        let (log, _) = try UnsealedStore.open(directory.path, configuration)
        log.provisionSegments()
        precondition(log.statistics.sealedSegmentCount == 8)
        let before = log.statistics.sealedByteCount
        let cost = Cost { log.runPendingWork() }
        let after = log.statistics.sealedByteCount
        precondition(log.statistics.sealedSegmentCount == 1)
        let megabytes = Double(before) / 1e6
        let system = deadPercent == 0 ? "all live" : "\(deadPercent) % deleted"
        report.add(megabytes / cost.seconds, .throughput, of: system, in: name)
        report.add(cost.processorMilliseconds / megabytes, .processorTimePerMegabyte, of: system, in: name)
        report.add(Double(after) / Double(before), Metric(name: "bytes after / before", unit: "1"), of: system, in: name)
        log.close()
    }

    private func seal(_ directory: String, _ configuration: LogConfiguration, _ deadPercent: Int) throws {
        let (log, owners) = try UnsealedStore.open(directory, configuration)
        log.runPendingWork()
        for (number, owner) in owners.enumerated() where number % 100 < deadPercent {
            try log.deleteStream(owner, at: owner.logStream.tail)
        }
        log.runPendingWork()
        log.close()
    }
}
