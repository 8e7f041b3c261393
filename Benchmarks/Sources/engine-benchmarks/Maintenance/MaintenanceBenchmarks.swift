import ArgumentParser
import Foundation
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
        // Almost all of a full segment is payload.
        let payload = owners.reduce(0) { $0 + $1.logStream.tail.distance(from: .start) }
        let megabytes = Double(segments * 64 << 20) / 1e6
        let system = "\(streams) stream\(streams == 1 ? "" : "s")"
        report.add(megabytes / cost.seconds, .throughput, of: system, in: name)
        report.add(cost.processorMilliseconds / megabytes, .processorTimePerMegabyte, of: system, in: name)
        let sealedShare = Double(segments) / (Double(segments) + 0.5)
        let ratio = Double(payload) * sealedShare / Double(log.statistics.sealedByteCount)
        report.add(ratio, Metric(name: "payload / file", unit: "1"), of: system, in: name)
        log.close()
    }
}

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

/// What some work on this thread took.
struct Cost {
    let seconds: Double
    let processorMilliseconds: Double

    init(_ work: () -> Void) {
        let processorBefore = threadProcessorNanoseconds()
        let before = monotonicNanoseconds()
        work()
        seconds = Double(monotonicNanoseconds() - before) / 1e9
        processorMilliseconds = Double(threadProcessorNanoseconds() - processorBefore) / 1e6
    }
}
