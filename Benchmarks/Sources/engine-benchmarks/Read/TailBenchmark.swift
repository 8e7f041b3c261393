import ArgumentParser
import DurableStreams
import Glibc
import Synchronization

/// How long after the call of an append its bytes are with those who follow the stream.
struct TailBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail",
        abstract: "From the call of an append until followers have its bytes.",
        discussion: """
            One append at a time. Followers read, on an event loop that is not the writer's, as soon as they are told; or \
            they are Swift tasks in a `for try await` loop.
            """)

    @Option(help: "Where to make directories, on the disk to measure.") var directory = "/var/tmp"
    @Option(parsing: .upToNextOption, help: "Followers of the stream.") var followers = [1, 100]
    @Option(help: "Bytes of an append.") var byteCount = 100
    @Option(help: "Seconds for each case and round.") var seconds = 1.0
    @Option(help: "Rounds.") var rounds = 3
    @OptionGroup var report: ReportOptions

    func run() throws {
        var report = Report("tail")
        for durability in [Durability.sync, .none] {
            for followers in followers {
                let name = "\(followers) follower\(followers == 1 ? "" : "s"), \(byteCount) B, \(durability)"
                for _ in 0..<rounds {
                    for kind in [TailFollowers.Kind.loop, .tasks] {
                        let run = try TailFollowers(
                            kind, count: followers, byteCount: byteCount, durability: durability, in: directory,
                            seconds: seconds)
                        report.add(run.acknowledged.microseconds(50), .median, of: "acknowledgement, \(kind.rawValue)", in: name)
                        report.add(
                            run.acknowledged.microseconds(99), .percentile99, of: "acknowledgement, \(kind.rawValue)",
                            in: name)
                        report.add(run.delivered.microseconds(50), .median, of: "delivery, \(kind.rawValue)", in: name)
                        report.add(
                            run.delivered.microseconds(99), .percentile99, of: "delivery, \(kind.rawValue)", in: name)
                        report.add(
                            run.processorMicroseconds / Double(run.delivered.count), .processorTime,
                            of: "delivery, \(kind.rawValue)", in: name)
                    }
                }
                report.printCase(name)
            }
        }
        try report.write(self.report)
    }
}

/// Followers of one stream, and one who appends to it.
struct TailFollowers {
    enum Kind: String, Sendable {
        case loop = "event loop"
        case tasks = "tasks"
    }

    let acknowledged: Latencies
    let delivered: Latencies
    /// Of the whole process, for all deliveries together.
    let processorMicroseconds: Double

    private final class Shared: Sendable {
        let startedAt = Atomic<Int64>(0)
        let delivered = Mutex(Latencies())
        /// Deliveries of the append that is under way.
        let deliveries = SemaphoreBox()

        func didReceive() {
            let latency = monotonicNanoseconds() - startedAt.load(ordering: .acquiring)
            delivered.withLock { $0.record(latency) }
            deliveries.signal()
        }
    }

    init(
        _ kind: Kind, count: Int, byteCount: Int, durability: Durability, in parent: String, seconds: Double
    ) throws {
        let directory = try TemporaryDirectory(in: parent)
        defer { directory.remove() }
        let store = try StreamStore.open(directory.path, durability)
        let (writerLoop, readerLoop) = (BenchmarkLoop(), BenchmarkLoop())
        let path = store.makeStreams(1, on: writerLoop)[0]
        let stream = store.stream(at: path)!
        let shared = Shared()
        let followers = Self.follow(stream, kind, count, byteCount, on: readerLoop, shared)

        let payload = [UInt8](repeating: 65, count: byteCount)
        var acknowledged = Latencies()
        var processorBefore: Int64 = 0
        let start = monotonicNanoseconds()
        var isWarm = false
        while true {
            let now = monotonicNanoseconds()
            if !isWarm, now - start > 200_000_000 {
                isWarm = true
                shared.delivered.withLock { $0 = Latencies() }
                acknowledged = Latencies()
                processorBefore = processorNanoseconds()
            }
            if isWarm, now - start > 200_000_000 + Int64(seconds * 1e9) { break }
            let answer = Answer()
            writerLoop.lane.run {
                shared.startedAt.store(monotonicNanoseconds(), ordering: .releasing)
                payload.withUnsafeBytes { payload in
                    store.append(AppendRequest(), payload: payload, to: path, on: writerLoop.lane) { result in
                        guard case .success = result else { preconditionFailure("\(result)") }
                        answer.receivedAt.store(monotonicNanoseconds(), ordering: .releasing)
                        answer.done.signal()
                    }
                }
            }
            answer.done.wait()
            acknowledged.record(
                answer.receivedAt.load(ordering: .acquiring) - shared.startedAt.load(ordering: .acquiring))
            for _ in 0..<count { shared.deliveries.wait() }
        }
        processorMicroseconds = Double(processorNanoseconds() - processorBefore) / 1_000
        self.acknowledged = acknowledged
        delivered = shared.delivered.withLock { $0 }
        followers()
        store.close()
        writerLoop.stop()
        readerLoop.stop()
    }

    private final class Answer: Sendable {
        let receivedAt = Atomic<Int64>(0)
        let done = SemaphoreBox()
    }

    /// - Returns: What ends the following.
    private static func follow(
        _ stream: DurableStreams.Stream, _ kind: Kind, _ count: Int, _ byteCount: Int, on loop: BenchmarkLoop,
        _ shared: Shared
    ) -> () -> Void {
        switch kind {
        case .loop:
            let readers = (0..<count).map { _ in LoopReader(stream, byteCount, shared) }
            let subscriptions = readers.map { reader in stream.subscribe(on: loop.lane) { reader.read() } }
            return { for subscription in subscriptions { subscription.cancel() } }
        case .tasks:
            let ready = SemaphoreBox()
            let tasks = (0..<count).map { _ in
                Task.detached {
                    ready.signal()
                    for try await chunk in stream.follow(from: .start) {
                        precondition(chunk.bytes.count % byteCount == 0)
                        shared.didReceive()
                    }
                }
            }
            for _ in tasks { ready.wait() }
            // They have begun, and are waiting soon.
            usleep(50_000)
            return { for task in tasks { task.cancel() } }
        }
    }

    /// Confined to the loop.
    private final class LoopReader: @unchecked Sendable {
        private let stream: DurableStreams.Stream
        private let shared: Shared
        private var position = StreamPosition.start
        private let buffer: UnsafeMutableRawBufferPointer

        init(_ stream: DurableStreams.Stream, _ byteCount: Int, _ shared: Shared) {
            self.stream = stream
            self.shared = shared
            buffer = .allocate(byteCount: byteCount, alignment: 1)
        }

        deinit { buffer.deallocate() }

        func read() {
            do {
                let read = try stream.read(from: position, byteLimit: buffer.count)
                guard read.byteCount > 0 else { return }
                try read.copyBytes(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<read.byteCount]))
                position = read.end
                shared.didReceive()
            } catch {
                preconditionFailure("\(error)")
            }
        }
    }
}
