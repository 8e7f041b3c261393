internal import Glibc

/// Spreads background writing over time, so that it leaves the disk to the commits. For one thread.
final class WritingPace {
    private let bytesPerSecond: Int?
    private let clock: Clock
    private let isClosing: () -> Bool
    private var dueAt: Int64 = 0

    /// How long it sleeps at one time, so that closing a log does not wait for more, in nanoseconds.
    static let longestSleepNanoseconds: Int64 = 50_000_000

    /// A clock that nobody sets.
    struct Clock: Sendable {
        /// Nanoseconds since any moment.
        var now: @Sendable () -> Int64
        /// Sleeps for so many nanoseconds, at least 1 and less than a second; may wake up early.
        var sleep: @Sendable (Int64) -> Void
    }

    /// - Parameters:
    ///   - bytesPerSecond: Nil for as fast as it goes.
    ///   - isClosing: Whether time matters no more.
    init(bytesPerSecond: Int?, clock: Clock, isClosing: @escaping () -> Bool) {
        self.bytesPerSecond = bytesPerSecond
        self.clock = clock
        self.isClosing = isClosing
    }

    /// Sleeps as long as the writing so far was too fast.
    func willWrite(_ byteCount: Int) {
        guard let bytesPerSecond else { return }
        var now = clock.now()
        while dueAt > now, !isClosing() {
            clock.sleep(min(dueAt - now, Self.longestSleepNanoseconds))
            now = clock.now()
        }
        // Of a byte count and a rate that are both within their limits: no more than 2^32 seconds.
        dueAt = max(dueAt, now) + Int64(Double(byteCount) * 1_000_000_000 / Double(bytesPerSecond))
    }
}

extension WritingPace.Clock {
    static let system = WritingPace.Clock(
        now: {
            var time = timespec()
            clock_gettime(CLOCK_MONOTONIC, &time)
            return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
        },
        sleep: { nanoseconds in
            var time = timespec(tv_sec: 0, tv_nsec: Int(nanoseconds))
            nanosleep(&time, nil)
        })
}
