import Glibc
import SegmentedLog
import Synchronization

/// Runs a session of a system whose calls block: each writer is a thread.
func runBlockingWriters(
    _ appendCase: AppendCase, nanoseconds: Int64, _ append: @escaping @Sendable (_ writer: Int, _ first: Int) -> Void
) -> AppendTally {
    let end = monotonicNanoseconds() + nanoseconds
    let sum = Mutex(AppendTally())
    runThreads(appendCase.writers) { writer in
        var tally = AppendTally()
        var now = monotonicNanoseconds()
        while now < end {
            append(writer, tally.appends)
            let before = now
            now = monotonicNanoseconds()
            tally.appends += appendCase.batch
            tally.latencies.record(now - before)
        }
        sum.withLock { [tally] in $0.add(tally) }
    }
    return sum.withLock { $0 }
}

/// A record's key: of a stream, and unique and growing within it, so that a range of keys is a stream.
struct RecordKeys: Sendable {
    private final class Counter: Sendable {
        let next = Atomic<UInt64>(0)
    }
    private let counter = Counter()

    func nextNumber() -> UInt64 { counter.next.add(1, ordering: .relaxed).oldValue }

    /// Big-endian, so that the order of the bytes is that of the numbers.
    static func withBytes<Result>(
        stream: Int, number: UInt64, _ body: (UnsafeMutableRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        var key = (UInt64(stream).bigEndian, number.bigEndian)
        return try withUnsafeMutableBytes(of: &key, body)
    }
}

extension Durability {
    /// Milliseconds between syncs that somebody else has to make.
    var intervalMilliseconds: Int? {
        if case .interval(let milliseconds) = self { milliseconds } else { nil }
    }
}
