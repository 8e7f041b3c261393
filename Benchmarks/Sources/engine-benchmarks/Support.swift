import Glibc
import SegmentedLog
import Synchronization

/// Nanoseconds on the monotonic clock.
func monotonicNanoseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// Resident memory of this process that is not a file's, in bytes.
func anonymousMemoryByteCount() -> Int {
    guard let file = fopen("/proc/self/status", "r") else { return 0 }
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, 256, file) != nil {
        let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if text.hasPrefix("RssAnon:") {
            return (Int(text.split { !$0.isNumber }.first ?? "0") ?? 0) * 1024
        }
    }
    return 0
}

/// CPU time of this process so far, in nanoseconds.
func processorNanoseconds() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

final class BenchmarkStream: LogStreamOwner {
    let logStream: LogStream
    private let submitted: Mutex<StreamPosition>

    init(_ logStream: LogStream) {
        self.logStream = logStream
        submitted = Mutex(logStream.tail)
    }

    func entriesDidCommit(_ entries: CommittedEntries) {}

    /// Takes the place for so many bytes, and lets the body put them there before anyone else comes.
    func append(_ byteCount: Int, _ body: (StreamPosition) throws(LogRefusal) -> Void) throws(LogRefusal) {
        let result = submitted.withLock { end -> Result<Void, LogRefusal> in
            let result = Result { () throws(LogRefusal) in try body(end) }
            if case .success = result { end = end.advanced(by: byteCount) }
            return result
        }
        try result.get()
    }
}

/// Lets a thread wait for a commit.
final class Waiter: CommitCompletion {
    private let semaphore = SemaphoreBox()

    func commitDidFinish(_ failure: CommitFailure?) {
        precondition(failure == nil, "\(failure!)")
        semaphore.signal()
    }

    func wait() { semaphore.wait() }
}

final class SemaphoreBox: @unchecked Sendable {
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
    init() { sem_init(semaphore, 0, 0) }
    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }
    func signal() { sem_post(semaphore) }
    func wait() { while sem_wait(semaphore) != 0 {} }
}

/// Percentiles of latencies.
struct Latencies {
    private var values: [Int64]

    init(_ values: [Int64]) { self.values = values.sorted() }

    var count: Int { values.count }

    /// In microseconds.
    func percentile(_ percent: Double) -> Int64 {
        guard !values.isEmpty else { return 0 }
        return values[min(values.count - 1, Int(Double(values.count) * percent / 100))] / 1_000
    }

    var summary: String {
        "n \(count), p50 \(percentile(50)) µs, p99 \(percentile(99)) µs, p99.9 \(percentile(99.9)) µs, max \(percentile(100)) µs"
    }
}

func runThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    final class Start: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var handles: [pthread_t] = []
    for index in 0..<count {
        let start = Unmanaged.passRetained(Start { body(index) })
        var handle = pthread_t()
        pthread_create(&handle, nil, { argument in
            Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue().body()
            return nil
        }, start.toOpaque())
        handles.append(handle)
    }
    for handle in handles { pthread_join(handle, nil) }
}
