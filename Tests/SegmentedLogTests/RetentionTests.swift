import SegmentedLog
import SimulatedDisk
import Synchronization
import Testing

/// Where a stream may be trimmed to, so that no less is kept than is asked for.
struct `Retention` {
    private let disk = SimulatedDisk(seed: 1, recordsTrace: false)
    private static let origin: Int64 = 1_700_000_000_000

    /// A stream with one append each second, some of it sealed, some of it merged, some of it in the journal.
    private func makeStream(_ seed: UInt64) throws -> (TestLog, TestStream, EntryModel, now: Int64) {
        let clock = Mutex(Self.origin)
        let test = try TestLog(disk, isMaintained: true) {
            $0.mergedSegmentCount = 3
            $0.wallClock = { clock.withLock { $0 } }
        }
        var generator = SeededGenerator(seed: seed)
        var model = EntryModel()
        let stream = try test.createNow()
        for _ in 0 ..< 120 {
            let now = clock.withLock { now in
                now += 1 + Int64(generator.integer(below: 2_000))
                return now
            }
            try test.appendRandomly(1, to: stream, &model, &generator, committedAt: now)
        }
        #expect(test.events.count("merged segments") > 1)
        return (test, stream, model, clock.withLock { $0 })
    }

    @Test(arguments: 1 ... 4 as ClosedRange<UInt64>)
    func `By bytes, at least so many are kept, and not a block more`(_ seed: UInt64) throws {
        var (test, stream, model, now) = try makeStream(seed)
        for _ in 0 ..< 2 {
            for kept in [0, 1, 100, 16_384, 100_000, model.tail - model.start - 1, model.tail, .max] {
                let start = Int(stream.logStream.retentionStart(LogRetention(byteCount: kept), now: now).rawValue)
                #expect(model.boundaries.contains(start), "\(start) is no boundary")
                #expect(model.tail - start >= min(kept, model.tail - model.start), "\(kept) are to be kept")
                #expect(start >= model.start)
                // What goes as a whole: a block or a run, or the longest entry.
                #expect(model.tail - start < kept.addingReportingOverflow(66_000 + 58_000).partialValue || kept == .max)
            }
            let start = model.entryStart(atOrBefore: model.tail / 3)
            try test.trimNow(stream, to: start)
            model.trim(to: start)
        }
    }

    @Test(arguments: 1 ... 4 as ClosedRange<UInt64>)
    func `By age, everything that is young enough is kept, and not a block more`(_ seed: UInt64) throws {
        var (test, stream, model, now) = try makeStream(seed)
        for _ in 0 ..< 2 {
            for age in [0, 1, 999, 5_000, 30_000, 60_000, 1_000_000] as [Int64] {
                let start = Int(
                    stream.logStream.retentionStart(LogRetention(ageMilliseconds: age), now: now).rawValue)
                #expect(model.boundaries.contains(start), "\(start) is no boundary")
                #expect(start >= model.start)
                let firstYoung = model.entries.first { $0.committedAt >= now - age && $0.end > model.start }
                #expect(start <= max(firstYoung?.start ?? model.tail, model.start), "age \(age)")
                // A block, or the rest of an entry and a block; times in the journal are cut to seconds.
                let firstSurelyYoung = model.entries.first { $0.committedAt >= now - age - 1_000 && $0.end > model.start }
                #expect(start >= (firstSurelyYoung?.start ?? model.tail) - 66_000 - 58_000, "age \(age)")
            }
            let start = model.entryStart(atOrBefore: model.tail / 3)
            try test.trimNow(stream, to: start)
            model.trim(to: start)
        }
    }

    @Test func `Where all of it is too old, all of it may go; where time went backwards, nothing`() throws {
        let (test, stream, model, now) = try makeStream(5)
        let retention = LogRetention(ageMilliseconds: 10_000)
        #expect(Int(stream.logStream.retentionStart(retention, now: now + 20_000).rawValue) == model.tail)
        #expect(stream.logStream.retentionStart(retention, now: Self.origin - 1_000_000) == .start)
        #expect(stream.logStream.retentionStart(LogRetention(ageMilliseconds: .max), now: .min) == .start)
        #expect(stream.logStream.retentionStart(LogRetention(), now: now) == .start)
        _ = test
    }

    @Test func `With both limits the one that keeps less counts`() throws {
        let (test, stream, _, now) = try makeStream(6)
        for (age, byteCount) in [(30_000, 1_000), (1_000, 400_000)] as [(Int64, Int)] {
            let byAge = stream.logStream.retentionStart(LogRetention(ageMilliseconds: age), now: now)
            let byCount = stream.logStream.retentionStart(LogRetention(byteCount: byteCount), now: now)
            let both = LogRetention(ageMilliseconds: age, byteCount: byteCount)
            #expect(stream.logStream.retentionStart(both, now: now) == max(byAge, byCount))
        }
        _ = test
    }

    @Test func `An empty stream, and one that was trimmed to its end, keep their place`() throws {
        let test = try TestLog(disk)
        let stream = try test.createNow()
        let retention = LogRetention(ageMilliseconds: 0, byteCount: 0)
        #expect(stream.logStream.retentionStart(retention, now: Self.origin) == .start)
        try test.appendNow([1, 2, 3], to: stream)
        try test.trimNow(stream, to: 3)
        #expect(stream.logStream.retentionStart(retention, now: Self.origin) == StreamPosition(rawValue: 3))
    }
}
