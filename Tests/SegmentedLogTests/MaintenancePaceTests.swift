import Glibc
import Dispatch
import SegmentedLog
import SimulatedDisk
import Testing

@testable import SegmentedLog

/// Sealing and merging leave the disk to the commits: they write no faster than they may.
///
/// The pace has a clock of its own, so these take the time that they are about. A slow machine makes it longer, and
/// nobody asks for less.
struct `The pace of maintenance` {
    private func milliseconds(_ body: () throws -> Void) rethrows -> Int {
        let start = DispatchTime.now().uptimeNanoseconds
        try body()
        return Int((DispatchTime.now().uptimeNanoseconds - start) / 1_000_000)
    }

    @Test func `A write waits until those before it have had their time`() {
        let pace = WritingPace(bytesPerSecond: 1_000_000) { false }
        let duration = milliseconds { for _ in 0 ..< 5 { pace.willWrite(50_000) } }
        // The last one's own time is that of the next one to wait.
        #expect(duration >= 200)
    }

    @Test func `Time in which nothing was written gives no right to hurry`() {
        let pace = WritingPace(bytesPerSecond: 1_000_000) { false }
        pace.willWrite(1)
        pace.willWrite(1)
        usleep(200_000)
        #expect(milliseconds { for _ in 0 ..< 3 { pace.willWrite(50_000) } } >= 100)
    }

    @Test func `There is no waiting without a limit, or when the log is being closed`() {
        let unlimited = WritingPace(bytesPerSecond: nil) { false }
        let closing = WritingPace(bytesPerSecond: 1) { true }
        // At the pace of the second it would take weeks.
        let duration = milliseconds {
            for pace in [unlimited, closing] { for _ in 0 ..< 5 { pace.willWrite(1_000_000) } }
        }
        #expect(duration < 10_000)
    }
}
