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
        var owners: [BenchmarkStream] = []
        for _ in 0..<streams {
            let waiter = Waiter()
            owners.append(
                try log.createStream(row: UnsafeRawBufferPointer(start: nil, count: 0), completion: waiter) {
                    BenchmarkStream($0)
                })
            waiter.wait()
        }
        let shared = owners
        let quiet = Mutex<[Int64]>([])
        let busy = Mutex<[Int64]>([])
        let text = sampleText(byteCount: byteCount + 64)
        let start = monotonicNanoseconds()
        let end = start + Int64(seconds) * 1_000_000_000
        let cpuBefore = processorNanoseconds()
        let isBusy = Atomic(false)
        let sampler = SamplerThread { isBusy.store(log.statistics.isMaintaining, ordering: .relaxed) }
        runThreads(writers) { writer in
            var quietOnes: [Int64] = []
            var busyOnes: [Int64] = []
            var number = writer
            while monotonicNanoseconds() < end {
                let stream = shared[number % shared.count]
                number += 7
                let waiter = Waiter()
                let before = monotonicNanoseconds()
                let wasBusy = isBusy.load(ordering: .relaxed)
                text.withUnsafeBytes { text in
                    let payload = UnsafeRawBufferPointer(rebasing: text[(number % 64)..<(number % 64 + byteCount)])
                    append(payload, to: stream, log, waiter)
                }
                waiter.wait()
                let latency = monotonicNanoseconds() - before
                if wasBusy || isBusy.load(ordering: .relaxed) { busyOnes.append(latency) } else { quietOnes.append(latency) }
            }
            quiet.withLock { [quietOnes] in $0 += quietOnes }
            busy.withLock { [busyOnes] in $0 += busyOnes }
        }
        sampler.stop()
        let statistics = log.statistics
        let count = quiet.withLock { $0.count } + busy.withLock { $0.count }
        print("appends \(count), \(count / seconds)/s, CPU \((processorNanoseconds() - cpuBefore) / Int64(max(count, 1)) / 1_000) µs each")
        print("quiet:   \(Latencies(quiet.withLock { $0 }).summary)")
        print("sealing: \(Latencies(busy.withLock { $0 }).summary)")
        print("journal segments \(statistics.segmentCount), sealed \(statistics.sealedSegmentCount) with \(statistics.sealedByteCount >> 20) MiB")
        log.close()
    }

    private func append(_ payload: UnsafeRawBufferPointer, to stream: BenchmarkStream, _ log: SegmentedLog, _ waiter: Waiter) {
        while true {
            do throws(LogRefusal) {
                return try stream.append(payload.count) { (position) throws(LogRefusal) in
                    try log.append(
                        to: stream, at: position, annotation: UnsafeRawBufferPointer(start: nil, count: 0),
                        payload: .borrowed(payload, terminator: nil), completion: waiter)
                }
            } catch {
                guard case .mustWait(let ticket) = error else { preconditionFailure("\(error)") }
                let room = SemaphoreBox()
                log.whenRoom(ticket) { room.signal() }
                room.wait()
            }
        }
    }
}

/// Calls a body each half millisecond on a thread of its own.
final class SamplerThread: @unchecked Sendable {
    private let mustStop = Atomic(false)
    private let done = SemaphoreBox()

    init(_ body: @escaping @Sendable () -> Void) {
        final class Start: Sendable {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        let start = Start { [self] in
            while !mustStop.load(ordering: .relaxed) {
                body()
                usleep(500)
            }
            done.signal()
        }
        var handle = pthread_t()
        pthread_create(&handle, nil, { argument in
            Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue().body()
            return nil
        }, Unmanaged.passRetained(start).toOpaque())
        pthread_detach(handle)
    }

    func stop() {
        mustStop.store(true, ordering: .relaxed)
        done.wait()
    }
}

/// Words, so that compression has something to do.
func sampleText(byteCount: Int) -> [UInt8] {
    let words = ["the", "stream", "offset", "reader", "append", "durable", "commit", "{\"id\":", "\"value\":", "segment", "42,", "true,"]
    var generator = SystemRandomNumberGenerator()
    var text = ""
    while text.utf8.count < byteCount { text += words[Int.random(in: 0..<words.count, using: &generator)] + " " }
    return Array(text.utf8.prefix(byteCount))
}
