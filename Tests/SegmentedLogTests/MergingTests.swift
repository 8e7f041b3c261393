import SimulatedDisk
import Testing

@testable import SegmentedLog

/// Sealed segments are written anew, several as one or one alone, and nobody who reads notices.
struct `Merging` {
    private let disk = SimulatedDisk(seed: 1, recordsTrace: false)

    /// Several streams with content in every one of many sealed segments.
    private struct Content {
        var test: TestLog
        var streams: [TestStream] = []
        var models: [EntryModel] = []
        var generator: SeededGenerator

        init(_ test: TestLog, seed: UInt64, streamCount: Int = 3) throws {
            self.test = test
            generator = SeededGenerator(seed: seed)
            for number in 0 ..< streamCount {
                streams.append(try test.createNow(row: Array("row \(number)".utf8)))
                models.append(EntryModel())
            }
        }

        mutating func append(_ count: Int) throws {
            for _ in 0 ..< count {
                let index = generator.integer(below: streams.count)
                try test.appendRandomly(1, to: streams[index], &models[index], &generator)
            }
        }

        func compare(_ streams: [TestStream]) throws {
            for (stream, model) in zip(streams, models) {
                #expect(Int(stream.logStream.start.rawValue) == model.start)
                #expect(ComparableBytes(bytes: stream.bytes) == ComparableBytes(bytes: model.bytes))
                try model.expectChunks(of: stream.logStream, 7_000, splitsEntries: false)
            }
        }

        func found(in test: TestLog) throws -> [TestStream] {
            try streams.map { try #require(test.streams[$0.number]) }
        }
    }

    @Test(arguments: 1 ... 5 as ClosedRange<UInt64>)
    func `What is read is the same before and after merging, and after it was opened again`(_ seed: UInt64) throws {
        let test = try TestLog(disk, isMaintained: true) { $0.mergedSegmentCount = 2 + Int(seed) % 3 }
        var content = try Content(test, seed: seed)
        for _ in 0 ..< 6 {
            try content.append(15)
            try content.compare(content.streams)
            for (stream, model) in zip(content.streams, content.models) {
                let sealedEnd = max(0, model.tail - 130_000)
                try model.expectBoundaries(of: stream.logStream, sealedEnd: sealedEnd)
            }
        }
        #expect(test.events.count("merged segments") >= 2)
        #expect(test.log.statistics.sealedSegmentCount < test.events.count("sealed a segment") / 2 + 3)
        test.log.close()
        let again = try TestLog(disk)
        try content.compare(content.found(in: again))
        #expect(again.recovered.streams.values.map(\.row).sorted { $0.lexicographicallyPrecedes($1) }
            == (0 ..< 3).map { Array("row \($0)".utf8) })
    }

    @Test func `Merging comes to an end: then nothing more is done, however often it is asked for`() throws {
        let test = try TestLog(disk, isMaintained: true) {
            $0.mergedSegmentCount = 2
            $0.recycledSegmentCountLimit = 0
        }
        var content = try Content(test, seed: 9, streamCount: 6)
        for round in 0 ..< 12 {
            try content.append(10)
            if round % 3 == 2 {
                let index = round % content.streams.count
                let model = content.models[index]
                let start = max(model.start, model.entryStart(atOrBefore: model.tail * 2 / 3))
                try test.trimNow(content.streams[index], to: start)
                content.models[index].trim(to: start)
            }
            if round == 8 {
                try test.deleteNow(content.streams.removeFirst())
                content.models.removeFirst()
            }
            test.run()
            let (effects, events) = (disk.effectCount, test.events.all.count)
            for _ in 0 ..< 5 { test.run() }
            #expect(disk.effectCount == effects, "there was more to do")
            #expect(test.events.all.count == events)
        }
        try content.compare(content.streams)
        test.log.close()
        // Nor after an opening, which finds the same sizes and the same dead bytes.
        let again = try TestLog(disk, isMaintained: true) {
            $0.mergedSegmentCount = 2
            $0.recycledSegmentCountLimit = 0
        }
        again.run()
        #expect(again.events.count("merged segments") == 0)
        let effects = disk.effectCount
        again.run()
        #expect(disk.effectCount == effects)
    }

    @Test func `A segment that is half dead is written anew, and smaller`() throws {
        let test = try TestLog(disk, isMaintained: true)
        var generator = SeededGenerator(seed: 1)
        let keeper = try test.createNow(payload: generator.bytes(count: 20_000))
        let goner = try test.createNow(payload: generator.bytes(count: 35_000))
        try test.fillSegment()
        test.run()
        let before = test.log.statistics.sealedByteCount
        #expect(before > 55_000)
        try test.deleteNow(goner)
        #expect(test.events.count("merged segments") == 1)
        #expect((20_000 ..< 22_000).contains(test.log.statistics.sealedByteCount))
        #expect(keeper.bytes.count == 20_000)
        #expect(try disk.sealedModels().map(\.identity.generation) == [1])
        try test.trimNow(keeper, to: 20_000)
        #expect(test.log.statistics.sealedByteCount < 1_000, "the row stays, the bytes do not")
        test.log.close()
        let again = try TestLog(disk)
        #expect(again.recovered.streams[keeper.number]?.start.rawValue == 20_000)
        #expect(again.recovered.streams[keeper.number]?.logStream.tail.rawValue == 20_000)
    }

    @Test func `No segment is merged into a larger one than the limit`() throws {
        let test = try TestLog(disk, isMaintained: true) {
            $0.mergedSegmentCount = 2
            $0.sealedSegmentByteCountLimit = 130_000
        }
        var generator = SeededGenerator(seed: 1)
        let stream = try test.createNow()
        for _ in 0 ..< 20 { try test.appendNow(generator.bytes(count: 50_000), to: stream) }
        #expect(test.events.count("merged segments") >= 9)
        #expect(try disk.sealedSegments().allSatisfy { $0.byteCount < 135_000 })
        #expect(stream.bytes.count == 1_000_000)
    }

    @Test func `A stream that is idle needs no bytes of the segments that are merged without it`() throws {
        let test = try TestLog(disk, isMaintained: true) { $0.mergedSegmentCount = 2 }
        let idle = try test.createNow(row: Array("idle".utf8), payload: payload(1, byteCount: 100))
        var content = try Content(test, seed: 2)
        try content.append(60)
        #expect(test.events.count("merged segments") > 3)
        #expect(idle.bytes == payload(1, byteCount: 100))
        try test.appendNow([7], to: idle)
        #expect(idle.bytes == payload(1, byteCount: 100) + [7])
        try content.append(10)
        test.log.close()
        #expect(try TestLog(disk).recovered.streams[idle.number]?.bytes == payload(1, byteCount: 100) + [7])
    }
}
