internal import Glibc

/// Spreads background writing over time, so that it leaves the disk to the commits. For one thread.
final class WritingPace {
    private let bytesPerSecond: Int?
    private let isClosing: () -> Bool
    private var dueAt: Int64 = 0

    /// How long it sleeps at one time, so that closing a log does not wait for more, in nanoseconds.
    private static let longestSleepNanoseconds: Int64 = 50_000_000

    /// - Parameters:
    ///   - bytesPerSecond: Nil for as fast as it goes.
    ///   - isClosing: Whether time matters no more.
    init(bytesPerSecond: Int?, isClosing: @escaping () -> Bool) {
        self.bytesPerSecond = bytesPerSecond
        self.isClosing = isClosing
    }

    /// Sleeps as long as the writing so far was too fast.
    func willWrite(_ byteCount: Int) {
        guard let bytesPerSecond else { return }
        var now = Self.monotonicNanoseconds()
        while dueAt > now, !isClosing() {
            var time = timespec(tv_sec: 0, tv_nsec: Int(min(dueAt - now, Self.longestSleepNanoseconds)))
            nanosleep(&time, nil)
            now = Self.monotonicNanoseconds()
        }
        // Of a byte count and a rate that are both within their limits: no more than 2^32 seconds.
        dueAt = max(dueAt, now) + Int64(Double(byteCount) * 1_000_000_000 / Double(bytesPerSecond))
    }

    private static func monotonicNanoseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
