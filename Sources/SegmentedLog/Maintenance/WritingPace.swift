internal import Glibc

/// Spreads background writing over time, so that it leaves the disk to the commits. For one thread.
final class WritingPace {
    private let bytesPerSecond: Int?
    private var dueAt: Int64 = 0

    /// - Parameter bytesPerSecond: Nil for as fast as it goes.
    init(bytesPerSecond: Int?) { self.bytesPerSecond = bytesPerSecond }

    /// Sleeps as long as the writing so far was too fast.
    func willWrite(_ byteCount: Int) {
        guard let bytesPerSecond else { return }
        let now = Self.monotonicNanoseconds()
        if dueAt > now {
            var time = timespec(
                tv_sec: Int((dueAt - now) / 1_000_000_000), tv_nsec: Int((dueAt - now) % 1_000_000_000))
            nanosleep(&time, nil)
        }
        dueAt = max(dueAt, now) + Int64(byteCount) * 1_000_000_000 / Int64(bytesPerSecond)
    }

    private static func monotonicNanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
