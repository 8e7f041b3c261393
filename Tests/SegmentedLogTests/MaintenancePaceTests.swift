import Glibc
import SegmentedLog
import SimulatedDisk
import Synchronization
import Testing

@testable import SegmentedLog

/// Sealing and merging leave the disk to the commits: they write no faster than they may, and no slower.
struct `The pace of maintenance` {
    private let clock = SteppedClock()
    private let full = WritingPace.longestSleepNanoseconds

    private func pace(bytesPerSecond: Int? = 1_000_000, isClosing: @escaping () -> Bool = { false }) -> WritingPace {
        WritingPace(bytesPerSecond: bytesPerSecond, clock: clock.clock, isClosing: isClosing)
    }

    // MARK: One write after the other

    @Test func `A write waits until those before it have had their time`() {
        let pace = pace()
        pace.willWrite(120_000)
        #expect(clock.sleeps == [])
        pace.willWrite(1)
        #expect(clock.sleeps == [full, full, 20_000_000])
        // The last one's own time is that of the next one to wait.
        pace.willWrite(50_000)
        #expect(clock.sleeps == [full, full, 20_000_000, 1_000])
        pace.willWrite(50_000)
        #expect(clock.sleeps == [full, full, 20_000_000, 1_000, full])
    }

    @Test func `The time that a write takes is a part of its own`() {
        let pace = pace()
        pace.willWrite(50_000)
        clock.advance(by: 30_000_000)
        pace.willWrite(50_000)
        #expect(clock.sleeps == [20_000_000])
        clock.advance(by: 50_000_000)
        pace.willWrite(50_000)
        #expect(clock.sleeps == [20_000_000])
    }

    @Test func `Time in which nothing was written gives no right to hurry`() {
        let pace = pace()
        pace.willWrite(50_000)
        clock.advance(by: 10_000_000_000)
        for _ in 0 ..< 3 { pace.willWrite(50_000) }
        #expect(clock.sleeps == [full, full])
    }

    @Test func `Who is woken up early sleeps on`() {
        clock.wakesEarly = true
        let pace = pace()
        pace.willWrite(40_000)
        pace.willWrite(0)
        #expect(clock.sleeps.first == 40_000_000)
        #expect(clock.sleeps.count > 10)
        #expect(clock.elapsedNanoseconds == 40_000_000)
    }

    @Test(arguments: [1, 7, 999_983, 256 << 20, 1 << 40]) func `The sum is right at every rate, to the nanosecond`(
        _ bytesPerSecond: Int
    ) {
        let pace = pace(bytesPerSecond: bytesPerSecond)
        let byteCounts = [1, 3, 5, 8, 2].map { $0 * bytesPerSecond / 10 + $0 }
        for byteCount in byteCounts { pace.willWrite(byteCount) }
        pace.willWrite(0)
        // Each write is cut off to whole nanoseconds.
        let exact = byteCounts.reduce(0.0) { $0 + Double($1) * 1_000_000_000 / Double(bytesPerSecond) }
        let slept = clock.sleeps.reduce(0, +)
        #expect(slept <= Int64(exact) && slept >= Int64(exact) - Int64(byteCounts.count))
        #expect(clock.sleeps.allSatisfy { (1 ... full).contains($0) })
    }

    @Test func `There is no waiting without a limit, or when the log is being closed`() {
        let unlimited = pace(bytesPerSecond: nil)
        // At this pace it would take weeks.
        let closing = pace(bytesPerSecond: 1) { true }
        for pace in [unlimited, closing] { for _ in 0 ..< 5 { pace.willWrite(1_000_000) } }
        #expect(clock.sleeps == [])
    }

    @Test func `Who waits when the log begins to close waits for no more than one sleep`() {
        let clock = clock
        let pace = pace(bytesPerSecond: 1) { clock.sleeps.count >= 3 }
        pace.willWrite(1_000_000)
        pace.willWrite(1)
        #expect(clock.sleeps == [full, full, full])
    }

    @Test func `The clock of the system goes on, and sleeps`() {
        let clock = WritingPace.Clock.system
        let start = clock.now()
        clock.sleep(20_000_000)
        #expect(clock.now() - start >= 20_000_000)
    }

    // MARK: A log

    /// Of a log: 500 ns for each byte.
    private let bytesPerSecond = 2_000_000

    /// All bytes but those of the last write, which nobody waits for.
    private func expectedNanoseconds(_ counting: CountingFileSystem) -> Int64 {
        counting.counts.sealingWriteByteCounts.dropLast().reduce(0) { $0 + 500 * Int64($1) }
    }

    private func eventually(_ condition: () -> Bool) -> Bool {
        for _ in 0 ..< 20_000 {
            if condition() { return true }
            usleep(1_000)
        }
        return false
    }

    /// A disk with so many sealed segments, which hold all but the end of one stream.
    private func disk(sealedSegmentCount: Int) throws -> SimulatedDisk {
        let disk = SimulatedDisk(seed: 1, recordsTrace: false)
        let test = try TestLog(disk, isMaintained: true) { $0.mergedSegmentCount = 1_000 }
        var generator = SeededGenerator(seed: 1)
        let stream = try test.createNow()
        for _ in 0 ... sealedSegmentCount { try test.appendNow(generator.bytes(count: 50_000), to: stream) }
        try #require(test.log.statistics.sealedSegmentCount == sealedSegmentCount)
        test.log.close()
        return disk
    }

    private func open(
        _ disk: SimulatedDisk, _ counting: CountingFileSystem, mergedSegmentCount: Int
    ) throws -> TestLog {
        try TestLog(disk, isMaintained: true, fileSystem: counting) {
            $0.threading = .threads
            $0.mergedSegmentCount = mergedSegmentCount
            $0.sealedSegmentByteCountLimit = 1_200_000
            $0.maintenanceBytesPerSecond = bytesPerSecond
            $0.maintenanceClock = clock.clock
        }
    }

    @Test func `A log seals its segments just as fast as it may`() throws {
        let disk = SimulatedDisk(seed: 1, recordsTrace: false)
        let counting = CountingFileSystem(disk)
        let test = try open(disk, counting, mergedSegmentCount: 1_000)
        var generator = SeededGenerator(seed: 1)
        let stream = try test.create()
        for _ in 0 ..< 20 {
            let done = Acknowledgement()
            let bytes = generator.bytes(count: 50_000)
            while (try? test.append(bytes, to: stream, completion: done)) == nil { usleep(1_000) }
            done.wait()
            try done.require()
        }
        #expect(eventually { test.log.statistics.sealedSegmentCount == 19 })
        test.log.close()
        // A segment of so few bytes is written at once.
        #expect(counting.counts.sealingWriteByteCounts.count == 19)
        #expect(counting.counts.sealingWriteByteCounts.allSatisfy { $0 > 50_000 })
        #expect(clock.sleeps.reduce(0, +) == expectedNanoseconds(counting))
    }

    @Test func `A log merges its sealed segments just as fast as it may`() throws {
        let disk = try disk(sealedSegmentCount: 60)
        let counting = CountingFileSystem(disk)
        let test = try open(disk, counting, mergedSegmentCount: 4)
        #expect(eventually { test.log.statistics.sealedSegmentCount == 3 })
        test.log.close()
        #expect(test.events.count("sealed a segment") == 0)
        #expect(test.events.count("merged segments") == 3)
        // Twice 23 segments, which are too much for one write, and 14.
        #expect(counting.counts.sealingWriteByteCounts.count == 5)
        #expect(counting.counts.sealingWriteByteCounts.count { $0 == SealedOutput.bufferByteCount } == 2)
        #expect(counting.counts.sealingWriteByteCounts.reduce(0, +) > 3_000_000)
        #expect(clock.sleeps.reduce(0, +) == expectedNanoseconds(counting))
    }
}

/// A clock that goes on only while somebody sleeps, or when it is told to.
private final class SteppedClock: Sendable {
    private let state = Mutex(State())

    private struct State {
        var now: Int64 = 1_000_000_000_000
        var sleeps: [Int64] = []
        var wakesEarly = false
    }

    var clock: WritingPace.Clock {
        WritingPace.Clock(now: { self.state.withLock { $0.now } }, sleep: { self.sleep($0) })
    }

    /// What was asked for, in nanoseconds.
    var sleeps: [Int64] { state.withLock { $0.sleeps } }
    var elapsedNanoseconds: Int64 { state.withLock { $0.now } - State().now }
    /// Whether half of a sleep is slept.
    var wakesEarly: Bool {
        get { state.withLock { $0.wakesEarly } }
        set { state.withLock { $0.wakesEarly = newValue } }
    }

    func advance(by nanoseconds: Int64) { state.withLock { $0.now += nanoseconds } }

    private func sleep(_ nanoseconds: Int64) {
        state.withLock { state in
            state.sleeps.append(nanoseconds)
            state.now += state.wakesEarly ? (nanoseconds + 1) / 2 : nanoseconds
        }
    }
}
