import ArgumentParser
import Glibc
import SegmentedLog
import Synchronization

/// Latency of appends while segments are sealed and merged, beside that of the rest of the same run.
struct SealingLatency: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sealing", abstract: "Append latency with and without sealing going on, in one run.")

    @Option(help: "Where to make a directory, on the disk to measure.") var directory = "/var/tmp"
    @Option(help: "Threads that append, each one append at a time.") var writers = 16
    @Option(help: "Bytes of an append.") var byteCount = 1_024
    @Option(help: "Streams.") var streams = 64
    @Option(help: "Seconds.") var seconds = 30
    @Option(help: "Size of a journal segment, in MiB.") var segmentMebibytes = 64
    @Option(help: "Background writing, in MiB/s; 0 for no limit.") var maintenanceMebibytes = 256
    @OptionGroup var report: ReportOptions

    func run() throws {
        let directory = try TemporaryDirectory(in: self.directory)
        defer { directory.remove() }
        var configuration = LogConfiguration()
        configuration.segmentByteCount = segmentMebibytes << 20
        configuration.maintenanceBytesPerSecond = maintenanceMebibytes == 0 ? nil : maintenanceMebibytes << 20
        configuration.eventHandler = { if $0.level != .info { print($0) } }
        let log = try SegmentedLog.open(
            directory: directory.path, configuration: configuration, recoverRow: { _ in }, recover: { _ in })
        let shared = try log.makeStreams(streams)
        let quiet = Mutex(Latencies())
        let busy = Mutex(Latencies())
        let text = SampleText(byteCount: byteCount + (1 << 20))
        let start = monotonicNanoseconds()
        let end = start + Int64(seconds) * 1_000_000_000
        let cpuBefore = processorNanoseconds()
        let isBusy = Atomic(false)
        let sampler = PeriodicThread(everyMicroseconds: 500) {
            isBusy.store(log.statistics.isMaintaining, ordering: .relaxed)
        }
        runThreads(writers) { writer in
            var quietOnes = Latencies()
            var busyOnes = Latencies()
            var number = writer
            while monotonicNanoseconds() < end {
                let stream = shared[number % shared.count]
                number += 7
                let waiter = Waiter()
                let before = monotonicNanoseconds()
                let wasBusy = isBusy.load(ordering: .relaxed)
                text.withRecord(number, byteCount: byteCount) { payload in
                    do { try log.retrying { () throws(LogRefusal) in try stream.append(payload, to: log, waiter) } }
                    catch { preconditionFailure("\(error)") }
                }
                waiter.wait()
                let latency = monotonicNanoseconds() - before
                if wasBusy || isBusy.load(ordering: .relaxed) {
                    busyOnes.record(latency)
                } else {
                    quietOnes.record(latency)
                }
            }
            quiet.withLock { [quietOnes] in $0.add(quietOnes) }
            busy.withLock { [busyOnes] in $0.add(busyOnes) }
        }
        sampler.stop()
        let statistics = log.statistics
        precondition(statistics.sealedSegmentCount > 0, "nothing was sealed: more seconds or smaller segments are needed")
        log.close()
        var report = Report("sealing")
        let name = "\(writers) writers, \(streams) streams, \(byteCount) B"
        let processorTime = processorNanoseconds() - cpuBefore
        let latencies = [("quiet", quiet.withLock { $0 }), ("sealing and merging", busy.withLock { $0 })]
        let count = latencies.reduce(0) { $0 + $1.1.count }
        for (system, latencies) in latencies {
            report.add(Double(latencies.count) / Double(count), Self.share, of: system, in: name)
            report.add(latencies.microseconds(50), .median, of: system, in: name)
            report.add(latencies.microseconds(99), .percentile99, of: system, in: name)
            report.add(latencies.microseconds(99.9), .percentile999, of: system, in: name)
        }
        report.add(Double(count) / Double(seconds), .rate, of: "all", in: name)
        report.add(Double(processorTime) / Double(max(count, 1)) / 1_000, .processorTime, of: "all", in: name)
        report.printCase(name)
        try report.write(self.report)
    }

    private static let share = Metric(name: "share of the appends", unit: "1")
}
