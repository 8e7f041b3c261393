import DurableStreams

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// What the protocol asks of the world besides the store, so that tests can answer.
struct ProtocolEnvironment: Sendable {
    var now: @Sendable () -> WallClockTime = { WallClockTime.now() }
    /// A random number in the range.
    var random: @Sendable (ClosedRange<Int>) -> Int = { Int.random(in: $0) }
    /// Whether a read from a position can be planned without waiting for the disk.
    var planIsResident: @Sendable (Stream, StreamPosition, _ byteLimit: Int) -> Bool = {
        $0.planIsResident(from: $1, byteLimit: $2)
    }
    /// Whether a planned read can be copied without waiting for the disk.
    var isResident: @Sendable (StreamRead) -> Bool = { $0.isResident }
    /// Milliseconds of a clock that never jumps, accurate to a few of them.
    var monotonicMilliseconds: @Sendable () -> Int64 = { Self.coarseMonotonicMilliseconds() }

    private static func coarseMonotonicMilliseconds() -> Int64 {
        var time = timespec()
        precondition(clock_gettime(CLOCK_MONOTONIC_COARSE, &time) == 0, "the monotonic clock cannot be read")
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}
