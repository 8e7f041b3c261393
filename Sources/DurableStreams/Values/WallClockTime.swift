#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// An instant of the wall clock, to the millisecond. Leap seconds are not counted, as in POSIX time.
///
/// Lifetimes use it, because they must survive a restart. The wall clock may jump; measure waits with a monotonic one.
public struct WallClockTime: Hashable, Comparable, Sendable {
    /// Milliseconds since 1970-01-01T00:00:00Z, negative before.
    public var millisecondsSince1970: Int64

    public init(millisecondsSince1970: Int64) {
        self.millisecondsSince1970 = millisecondsSince1970
    }

    /// The current time.
    public static func now() -> WallClockTime {
        var time = timespec()
        // The only failures are an unknown clock and a bad address.
        precondition(clock_gettime(CLOCK_REALTIME, &time) == 0, "the wall clock cannot be read")
        return WallClockTime(millisecondsSince1970: Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000)
    }

    public static func < (left: WallClockTime, right: WallClockTime) -> Bool {
        left.millisecondsSince1970 < right.millisecondsSince1970
    }

    /// This instant some seconds later, or the last one there is.
    public func adding(seconds: UInt64) -> WallClockTime {
        let (milliseconds, productOverflows) = seconds.multipliedReportingOverflow(by: 1_000)
        guard !productOverflows, let milliseconds = Int64(exactly: milliseconds) else {
            return WallClockTime(millisecondsSince1970: .max)
        }
        let (sum, sumOverflows) = millisecondsSince1970.addingReportingOverflow(milliseconds)
        return WallClockTime(millisecondsSince1970: sumOverflows ? .max : sum)
    }
}
