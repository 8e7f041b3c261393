import ArgumentParser
import Glibc
import SegmentedLog
import Synchronization

/// Latency of appends while segments are sealed and merged, beside that of the rest of the same run.
struct SealingLatency: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sealing", abstract: "Append latency with and without sealing going on, in one run.")

    @Argument(help: "An empty directory on the disk to measure.") var directory: String
    @Option(help: "Threads that append, each one append at a time.") var writers = 16
    @Option(help: "Bytes of an append.") var byteCount = 1_024
    @Option(help: "Streams.") var streams = 64
    @Option(help: "Seconds.") var seconds = 30
    @Option(help: "Size of a journal segment, in MiB.") var segmentMebibytes = 64
    @Option(help: "Background writing, in MiB/s; 0 for no limit.") var maintenanceMebibytes = 256

    func run() throws {
        var configuration = LogConfiguration()
        configuration.segmentByteCount = segmentMebibytes << 20
        configuration.maintenanceBytesPerSecond = maintenanceMebibytes == 0 ? nil : maintenanceMebibytes << 20
        configuration.eventHandler = { if $0.level != .info { print($0) } }
        let log = try SegmentedLog.open(
            directory: directory, configuration: configuration, recoverRow: { _ in }, recover: { _ in })
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
        let count = quiet.withLock { $0.count } + busy.withLock { $0.count }
        print("appends \(count), \(count / seconds)/s, CPU \((processorNanoseconds() - cpuBefore) / Int64(max(count, 1)) / 1_000) µs each")
        print("quiet:   \(quiet.withLock { $0 }.summary)")
        print("sealing: \(busy.withLock { $0 }.summary)")
        print("journal segments \(statistics.segmentCount), sealed \(statistics.sealedSegmentCount) with \(statistics.sealedByteCount >> 20) MiB")
        log.close()
    }
}
