import ArgumentParser
import Glibc
import SegmentedLog

/// Time of opening stores that hold the same, after more and more was written and given up.
struct OpenHistory: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "history",
        abstract: "Time of opening by how much was written before, with the same data alive.",
        discussion: """
            All streams are written again and again, each time trimmed to the last of it. Each case is a directory of \
            its own; it is opened several times when its segments are sealed and merged.
            """)

    @Option(help: "Where to make directories, on the disk to measure.") var directory = "/var/tmp"
    @Option(help: "Streams.") var streams = 2_000
    @Option(help: "Bytes that are alive in each stream.") var byteCount = 32 << 10
    @Option(parsing: .upToNextOption, help: "How often all streams are written.") var passes = [1, 4, 16]
    @Option(help: "Size of a journal segment, in MiB.") var segmentMebibytes = 16
    @Option(help: "Openings of each store.") var rounds = 5
    @OptionGroup var report: ReportOptions

    private static let openingTime = Metric(name: "opening", unit: "ms")
    private static let size = Metric(name: "files", unit: "MB")

    private static func mebibytes(_ byteCount: Int) -> Int { byteCount >> 20 }

    func run() throws {
        var report = Report("history")
        let name = "\(streams) streams, \(Self.mebibytes(streams * byteCount)) MiB alive"
        for passCount in passes { try measure(passCount, name, &report) }
        report.printCase(name)
        try report.write(self.report)
    }

    private func measure(_ passCount: Int, _ name: String, _ report: inout Report) throws {
        let directory = try TemporaryDirectory(in: self.directory)
        defer { directory.remove() }
        try fill(directory.path, passCount)
        let system = "\(Self.mebibytes(streams * byteCount * passCount)) MiB written"
        for _ in 0..<rounds {
            var owners: [BenchmarkStream] = []
            let before = monotonicNanoseconds()
            let log = try SegmentedLog.open(
                directory: directory.path, recoverRow: { owners.append(BenchmarkStream($0.stream)) },
                recover: { if $0.kind == .create { owners.append(BenchmarkStream($0.stream)) } })
            report.add(Double(monotonicNanoseconds() - before) / 1e6, Self.openingTime, of: system, in: name)
            report.add(Double(directory.byteCount) / 1e6, Self.size, of: system, in: name)
            precondition(owners.count == streams)
            precondition(owners.allSatisfy { $0.logStream.tail.distance(from: $0.logStream.start) == byteCount })
            log.close()
        }
    }

    private func fill(_ directory: String, _ passCount: Int) throws {
        var configuration = LogConfiguration()
        configuration.durability = .none
        configuration.segmentByteCount = segmentMebibytes << 20
        configuration.maintenanceBytesPerSecond = nil
        configuration.eventHandler = { if $0.level != .info { print($0) } }
        let log = try SegmentedLog.open(
            directory: directory, configuration: configuration, recoverRow: { _ in }, recover: { _ in })
        let owners = try log.makeStreams(streams)
        let text = SampleText(byteCount: byteCount + (1 << 20))
        for _ in 0..<passCount {
            let starts = owners.map { $0.logStream.tail }
            for (number, owner) in owners.enumerated() {
                let waiter = number == owners.count - 1 ? Waiter() : nil
                try log.retrying { () throws(LogRefusal) in
                    try text.withRecord(number, byteCount: byteCount) { (payload) throws(LogRefusal) in
                        try owner.append(payload, to: log, waiter)
                    }
                }
                waiter?.wait()
            }
            for (owner, start) in zip(owners, starts) where start > owner.logStream.start {
                try log.retrying { () throws(LogRefusal) in try log.trim(owner, to: start) }
            }
            log.waitUntilMaintained()
        }
        log.close()
    }
}

extension SegmentedLog {
    /// Waits until there is nothing to be sealed, merged or removed. Blocks.
    func waitUntilMaintained() {
        while statistics.pendingByteCount > 0 || statistics.unsealedSegmentCount > 0 || statistics.isMaintaining {
            usleep(100_000)
        }
    }
}
