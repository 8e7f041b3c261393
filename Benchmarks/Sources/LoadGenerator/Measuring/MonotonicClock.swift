internal import Glibc

/// Nanoseconds that only go forward; the same on every thread.
enum MonotonicClock {
    static var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    /// Blocks the calling thread; returns earlier when the program is interrupted.
    static func sleep(until deadline: UInt64) {
        while !Interruption.isRequested {
            let now = Self.now
            guard now < deadline else { return }
            // In steps, so that an interruption is noticed whichever thread the signal went to.
            let step = min(deadline - now, 50_000_000)
            var time = timespec(tv_sec: 0, tv_nsec: Int(step))
            nanosleep(&time, nil)
        }
    }

    static func sleep(nanoseconds: UInt64) { sleep(until: now + nanoseconds) }
}

extension UInt64 {
    static func seconds(_ seconds: Double) -> UInt64 { Self(Swift.max(0, seconds) * 1e9) }
}
