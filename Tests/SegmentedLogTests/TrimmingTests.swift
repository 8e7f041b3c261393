import SegmentedLog
import SimulatedDisk
import Testing

/// The beginning of a stream is taken away.
struct `Trimming` {
    private let disk = SimulatedDisk(seed: 1, recordsTrace: false)
    private static let modes = [Durability.sync, .interval(milliseconds: 3_600_000), .none]

    private func position(_ value: Int) -> StreamPosition { StreamPosition(rawValue: UInt64(value)) }

    @Test func `A trim moves the start, tells it to the owner, and changes nothing behind it`() throws {
        let test = try TestLog(disk)
        let stream = try test.createNow()
        for number in 0 ..< 5 { try test.appendNow(payload(number, byteCount: 100), to: stream) }
        let bytes = stream.bytes
        let completion = Acknowledgement()
        try test.log.trim(stream, to: position(200), tag: 9, completion: completion)
        #expect(stream.logStream.start == .start, "not before it is durable")
        test.run()
        #expect(completion.isDurable)
        #expect(stream.logStream.start == position(200))
        #expect(stream.logStream.tail == position(500))
        let commit = try #require(stream.commits.last)
        #expect(commit.kind == .trim && commit.end == position(200) && commit.tag == 9)
        #expect(stream.logStream.bytes() == Array(bytes[200...]))
        try test.appendNow([1, 2, 3], to: stream)
        #expect(stream.logStream.bytes() == Array(bytes[200...]) + [1, 2, 3])
    }

    @Test func `A read from before the start begins at the start`() throws {
        let test = try TestLog(disk)
        let stream = try test.createNow(payload: payload(1, byteCount: 100))
        try test.appendNow(payload(2, byteCount: 100), to: stream)
        try test.trimNow(stream, to: 100)
        for _ in 0 ..< 2 {
            for (asked, expected) in [(0, 100), (99, 100), (100, 100), (101, 101), (200, 200)] {
                let read = stream.logStream.read(
                    from: position(asked), upTo: position(200), byteCountLimit: 50, splitsEntries: true)
                #expect(read.start == position(expected))
                #expect(read.byteCount == min(50, 200 - expected))
                #expect(read.tail == position(200))
            }
            #expect(try stream.logStream.appendEnd(holding: position(99)) == nil)
            #expect(try stream.logStream.appendEnd(holding: position(100)) == position(200))
            #expect(try stream.logStream.entryStart(atOrBefore: position(150)) == position(100))
            try test.fillSegment()
            test.log.runPendingWork()
        }
        #expect(test.log.statistics.sealedSegmentCount == 1)
    }

    @Test func `Trimming to the same place again, to the start, and to the end changes no more than it says`() throws {
        let test = try TestLog(disk, isMaintained: true)
        let stream = try test.createNow(payload: payload(1, byteCount: 100))
        try test.trimNow(stream, to: 0)
        #expect(stream.logStream.start == .start)
        try test.trimNow(stream, to: 100)
        try test.trimNow(stream, to: 100)
        #expect(stream.logStream.start == position(100))
        #expect(stream.bytes == [])
        try test.fillSegment()
        try test.trimNow(stream, to: 100)
        try test.appendNow([1, 2], to: stream)
        #expect(stream.logStream.bytes() == [1, 2])
        try test.fillSegment()
        test.log.close()
        let again = try TestLog(disk)
        let found = try #require(again.recovered.streams[stream.number])
        #expect(found.start == position(100) && found.bytes == [1, 2])
        #expect(found.logStream.start == position(100) && found.logStream.tail == position(102))
    }

    @Test(arguments: modes)
    func `The start is found again after each opening: in the journal, sealed, and merged`(
        _ durability: Durability
    ) throws {
        var disk = disk
        var model = EntryModel()
        var generator = SeededGenerator(seed: 7)
        var number: UInt64?
        var mergeCount = 0
        for life in 0 ..< 12 {
            let test = try TestLog(disk, isMaintained: true) {
                $0.durability = durability
                $0.mergedSegmentCount = 2
            }
            let stream = try number.map { try #require(test.streams[$0]) } ?? test.createNow()
            number = stream.number
            #expect(Int(stream.logStream.start.rawValue) == model.start)
            #expect(ComparableBytes(bytes: stream.bytes) == ComparableBytes(bytes: model.bytes))
            try test.appendRandomly(20, to: stream, &model, &generator)
            if life % 3 == 0 { try test.fillSegment() }
            let start = max(model.start, model.entryStart(atOrBefore: model.tail - 100_000))
            try test.trimNow(stream, to: start)
            model.trim(to: start)
            #expect(ComparableBytes(bytes: stream.bytes) == ComparableBytes(bytes: model.bytes))
            mergeCount += test.events.count("merged segments")
            if life % 2 == 0 {
                test.log.close()
                disk = disk.powerLoss(seed: UInt64(life), mode: .everythingLost)
            } else {
                disk = durability == .sync ? disk.powerLoss(seed: UInt64(life)) : disk.processCrash()
            }
        }
        #expect(mergeCount > 3)
        let test = try TestLog(disk)
        let stream = try #require(test.streams[number ?? 0])
        #expect(Int(stream.logStream.start.rawValue) == model.start)
        #expect(ComparableBytes(bytes: stream.bytes) == ComparableBytes(bytes: model.bytes))
    }

    @Test(arguments: [Durability.interval(milliseconds: 3_600_000), .none])
    func `In the weaker modes a segment that is sealed to nothing goes no sooner than the deletions are durable`(
        _ durability: Durability
    ) throws {
        for seed in 0 ..< 200 as Range<UInt64> {
            let disk = SimulatedDisk(seed: seed, recordsTrace: false)
            let test = try TestLog(disk, isMaintained: true) { $0.durability = durability }
            test.run()
            let deleted = try test.createNow(payload: payload(1, byteCount: 50_000))
            // All of it is written before the first segment is sealed.
            let kept = try test.create(payload: payload(2, byteCount: 50_000))
            test.log.writePendingCommits()
            try test.delete(deleted)
            test.run()
            #expect(test.log.statistics.segmentCount == 1 && test.log.statistics.sealedSegmentCount == 0)
            let found = try TestLog(disk.powerLoss(seed: seed)).recovered.streams
            // The segment is gone, so that the deletion must be there, and what came before it.
            #expect(found.keys.sorted() == [kept.number], "seed \(seed)")
        }
    }

    @Test(arguments: [Durability.interval(milliseconds: 3_600_000), .none])
    func `In the weaker modes nothing goes before the trim or the deletion that killed it is durable`(
        _ durability: Durability
    ) throws {
        var foundCounts: Set<Int> = []
        for seed in 0 ..< 300 as Range<UInt64> {
            let disk = SimulatedDisk(seed: seed, recordsTrace: false)
            let test = try TestLog(disk, isMaintained: true) { $0.durability = durability }
            var generator = SeededGenerator(seed: seed)
            var model = LogModel()
            func create(_ byteCount: Int) throws -> TestStream {
                let payload = generator.bytes(count: byteCount)
                let stream = try test.createNow(payload: payload)
                model.submit(.create(number: stream.number, row: [], payload: payload))
                return stream
            }
            let trimmed = try create(40_000)
            let deleted = try create(50_000)
            _ = try create(50_000)
            if generator.chance(1, outOf: 2) {
                try test.deleteNow(deleted)
                model.submit(.delete(number: deleted.number))
            }
            try test.appendNow([1], to: trimmed)
            model.submit(.append(number: trimmed.number, payload: [1], annotation: []))
            try test.trimNow(trimmed, to: 40_000)
            model.submit(.trim(number: trimmed.number, start: 40_000))
            for _ in 0 ..< generator.integer(below: 4) { _ = try create(60_000) }
            // What is found is what there was at some time.
            let found = try LogModel.state(of: try TestLog(disk.powerLoss(seed: seed)).recovered)
            do { try model.check(found, isSettled: true) } catch { Issue.record("seed \(seed): \(error)") }
            foundCounts.insert(found.count)
        }
        #expect(foundCounts.count > 2)
    }
}
