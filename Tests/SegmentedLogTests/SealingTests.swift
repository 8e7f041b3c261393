import SegmentedLog
import SimulatedDisk
import Testing

/// Full journal segments become sealed ones, and nobody who reads notices.
struct `Sealing` {
    private let disk = SimulatedDisk(seed: 1, recordsTrace: false)

    private func open(_ change: (inout LogConfiguration) -> Void = { _ in }) throws -> TestLog {
        try TestLog(disk) {
            // Sealed segments stay as they are.
            $0.mergedSegmentCount = 1_000
            change(&$0)
        }
    }

    // MARK: Content

    @Test(arguments: 1 ... 6 as ClosedRange<UInt64>)
    func `What is read is the same before and after sealing, in chunks of every size and in both ways`(
        _ seed: UInt64
    ) throws {
        let test = try open()
        var generator = SeededGenerator(seed: seed)
        let streams = try (0 ..< 3).map { _ in try test.createNow() }
        var models = streams.map { _ in EntryModel() }
        for round in 0 ..< 2 {
            for _ in 0 ..< 25 {
                let index = generator.integer(below: 3)
                try test.appendRandomly(1, to: streams[index], &models[index], &generator)
            }
            try compare(streams, models, &generator)
            test.log.runPendingWork()
            #expect(test.log.statistics.segmentCount == 1)
            #expect(test.log.statistics.sealedSegmentCount > round)
            try compare(streams, models, &generator)
        }
        test.log.close()
        let again = try TestLog(disk)
        try compare(streams.map { try #require(again.streams[$0.number]) }, models, &generator)
    }

    private func compare(
        _ streams: [TestStream], _ models: [EntryModel], _ generator: inout SeededGenerator
    ) throws {
        for (stream, model) in zip(streams, models) {
            for limit in [1 << 20, 20_000, 3_000 + generator.integer(below: 30_000)] {
                for splitsEntries in [false, true] {
                    try model.expectChunks(of: stream.logStream, limit, splitsEntries: splitsEntries)
                }
            }
        }
    }

    @Test func `One read is one answer from several sealed segments and the journal`() throws {
        let test = try open()
        let stream = try test.createNow()
        var model = EntryModel()
        for number in 0 ..< 14 {
            let bytes = payload(number, byteCount: 25_000)
            try test.appendNow(bytes, to: stream)
            model.append([bytes])
        }
        test.log.runPendingWork()
        #expect(test.log.statistics.sealedSegmentCount == 6)
        #expect(test.log.statistics.segmentCount == 1)
        let read = stream.logStream.read(
            from: .start, upTo: stream.logStream.tail, byteCountLimit: 1 << 20, splitsEntries: false)
        #expect(read.byteCount == 350_000)
        #expect(!read.isResident, "more than four blocks are to be decoded")
        #expect(ComparableBytes(bytes: read.bytes) == model.content)
        #expect(read.isResident)
        let tail = stream.logStream.read(
            from: StreamPosition(rawValue: 300_001), upTo: stream.logStream.tail, byteCountLimit: 30_000,
            splitsEntries: true)
        #expect(tail.bytes == Array(model.bytes[300_001 ..< 330_001]))
    }

    @Test func `Reads that split no entry end behind a whole message, sealed or not`() throws {
        let test = try open()
        let stream = try test.createNow()
        var model = EntryModel()
        var generator = SeededGenerator(seed: 3)
        try test.appendRandomly(60, to: stream, &model, &generator, endingWith: 0x2C)
        for _ in 0 ..< 2 {
            for limit in [1, 2_000, 16_384, 50_000, 200_000] {
                var position = StreamPosition.start
                while position < stream.logStream.tail {
                    let read = stream.logStream.read(
                        from: position, upTo: stream.logStream.tail, byteCountLimit: limit, splitsEntries: false)
                    #expect(read.bytes.last == 0x2C)
                    position = read.end
                }
            }
            test.log.runPendingWork()
        }
        #expect(test.log.statistics.sealedSegmentCount > 2)
    }

    @Test func `Entry starts and append ends are exact in sealed segments and right in the journal`() throws {
        let test = try open()
        let stream = try test.createNow()
        var model = EntryModel()
        var generator = SeededGenerator(seed: 4)
        try test.appendRandomly(60, to: stream, &model, &generator)
        try model.expectBoundaries(of: stream.logStream, sealedEnd: 0)
        test.log.runPendingWork()
        try model.expectBoundaries(of: stream.logStream, sealedEnd: 0)
        try test.fillSegment()
        test.log.runPendingWork()
        try model.expectBoundaries(of: stream.logStream, sealedEnd: model.tail)
        // In the middle of what is sealed, and of what is not.
        for share in [3, 2] {
            let start = model.entryStart(atOrBefore: model.tail / share)
            try test.trimNow(stream, to: start)
            model.trim(to: start)
            try model.expectBoundaries(of: stream.logStream, sealedEnd: model.tail)
        }
        let sealedEnd = model.tail
        try test.appendNow(parts: (0 ..< 20).map { payload($0, byteCount: 50) }, to: stream)
        model.append((0 ..< 20).map { payload($0, byteCount: 50) })
        try test.trimNow(stream, to: sealedEnd + 500)
        model.trim(to: sealedEnd + 500)
        try model.expectBoundaries(of: stream.logStream, sealedEnd: sealedEnd)
    }

    @Test func `An entry that is longer than a segment is sealed like any other`() throws {
        let test = try open()
        let stream = try test.createNow(payload: [1])
        var model = EntryModel()
        model.append([[1]])
        var generator = SeededGenerator(seed: 5)
        for parts in [[generator.bytes(count: 100_000), [2]], [[3], generator.bytes(count: 1_000_000)]] {
            try test.appendNow(parts: parts, to: stream)
            model.append(parts)
        }
        // There is room left in one of a mebibyte.
        for _ in 0 ..< 2 { try test.fillSegment() }
        test.log.runPendingWork()
        #expect(test.log.statistics.sealedSegmentCount == 3)
        try model.expectBoundaries(of: stream.logStream, sealedEnd: model.tail)
        try model.expectChunks(of: stream.logStream, 10_000, splitsEntries: true)
        #expect(ComparableBytes(bytes: stream.bytes) == model.content)
    }

    // MARK: Readers

    @Test func `A read that was planned before its segments were sealed, merged and removed still gives the same bytes`() throws {
        let test = try open { $0.recycledSegmentCountLimit = 0 }
        let stream = try test.createNow()
        var model = EntryModel()
        var generator = SeededGenerator(seed: 6)
        try test.appendRandomly(60, to: stream, &model, &generator)
        func plan() -> LogRead {
            stream.logStream.read(
                from: .start, upTo: stream.logStream.tail, byteCountLimit: 1 << 20, splitsEntries: false)
        }
        var reads = [plan()]
        test.log.runPendingWork()
        reads.append(plan())
        #expect(fileCount(".recycled") > 3, "a journal segment's file stays while it is read")
        test.log.close()

        let merging = try TestLog(disk.processCopy()) { $0.mergedSegmentCount = 2 }
        let again = try #require(merging.streams[stream.number])
        reads.append(
            again.logStream.read(
                from: .start, upTo: again.logStream.tail, byteCountLimit: 1 << 20, splitsEntries: false))
        merging.log.runPendingWork()
        #expect(merging.events.count("merged segments") > 0)
        reads.append(
            again.logStream.read(
                from: .start, upTo: again.logStream.tail, byteCountLimit: 1 << 20, splitsEntries: false))
        try merging.deleteNow(again)
        merging.log.runPendingWork()
        #expect(merging.log.statistics.sealedSegmentCount == 0)
        #expect(merging.disk.paths.filter { $0.hasSuffix(".sealed") } == [])
        for read in reads { #expect(ComparableBytes(bytes: read.bytes) == model.content) }

        let used = merging.disk.usedByteCount
        reads = []
        #expect(merging.disk.usedByteCount < used, "the space of a removed file comes back when it is read no more")
        #expect(fileCount(".recycled") == 0)
    }

    @Test func `A stream's statistics and its segments' are those of the files`() throws {
        let test = try open()
        let stream = try test.createNow(payload: payload(1, byteCount: 50_000))
        try test.fillSegment()
        test.log.runPendingWork()
        let sealed = disk.paths.filter { $0.hasSuffix(".sealed") }
        #expect(sealed.count == 1)
        #expect(test.log.statistics.sealedByteCount == disk.content(sealed[0])?.count)
        _ = stream.bytes
        #expect(test.log.statistics.blockCacheMissCount == 4)
        _ = stream.bytes
        #expect(test.log.statistics.blockCacheMissCount == 4)
        #expect(test.log.statistics.blockCacheHitCount == 4)
        #expect(test.log.statistics.blockCacheByteCount > 50_000)
        try test.deleteNow(stream)
        test.log.runPendingWork()
        #expect(test.log.statistics.blockCacheByteCount == 0)
    }

    private func fileCount(_ suffix: String) -> Int { disk.paths.count { $0.hasSuffix(suffix) } }
}
