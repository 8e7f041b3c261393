internal import Glibc

/// What lifetimes are measured with.
///
/// An end at an instant is compared with the wall clock. A sliding lifetime is a duration: it is measured with a clock
/// that goes evenly, so that somebody who sets the wall clock ends no stream. Only across a restart the wall clock
/// counts for both, because no other one goes on.
struct LifetimeClock: Sendable {
    private let wallClock: @Sendable () -> Int64
    private let steadyClock: @Sendable () -> Int64
    /// What makes the steady clock agree with the wall clock at the moment when the store was opened.
    private let steadyOffset: Int64

    init(wallClock: @escaping @Sendable () -> Int64, steadyClock: @escaping @Sendable () -> Int64) {
        self.wallClock = wallClock
        self.steadyClock = steadyClock
        steadyOffset = wallClock() - steadyClock()
    }

    /// Milliseconds since 1970.
    var wall: Int64 { wallClock() }

    /// Milliseconds, the same as ``wall`` as long as nobody sets the wall clock.
    var steady: Int64 { steadyClock() + steadyOffset }

    /// Milliseconds since some moment, evenly, also while the machine sleeps.
    static func systemSteadyMilliseconds() -> Int64 {
        var time = timespec()
        // The only failures are an unknown clock and a bad address.
        precondition(clock_gettime(CLOCK_BOOTTIME, &time) == 0, "the steady clock cannot be read")
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
