import SegmentedLog
import SimulatedDisk
import Testing

/// What remains of deleted streams in sealed segments, and for how long.
struct `Tombstones` {
    private let disk = SimulatedDisk(seed: 1, recordsTrace: false)

    private func open(mergedSegmentCount: Int = 1_000) throws -> TestLog {
        try TestLog(disk, isMaintained: true) { $0.mergedSegmentCount = mergedSegmentCount }
    }

    private func tombstones() throws -> [UInt64] {
        try disk.sealedModels().flatMap { $0.streams.filter(\.isTombstone).map(\.number) }
    }

    /// The numbers of streams with a row, by segment.
    private func rows() throws -> [[UInt64]] {
        try disk.sealedModels().map { $0.streams.filter { !$0.isTombstone }.map(\.number) }
    }

    private func expectStreams(_ numbers: [UInt64]) throws {
        let again = try TestLog(disk.processCopy())
        #expect(again.recovered.streams.keys.sorted() == numbers.sorted())
        #expect(again.events.warnings.isEmpty)
        #expect(again.log.statistics.streamCount == numbers.count)
    }

    @Test func `A stream that an older segment has a row of leaves a tombstone, and does not come back`() throws {
        let test = try open()
        var generator = SeededGenerator(seed: 1)
        let keeper = try test.createNow(payload: generator.bytes(count: 40_000))
        let goner = try test.createNow(payload: generator.bytes(count: 10_000))
        try test.fillSegment()
        #expect(try rows() == [[keeper.number, goner.number]])
        try test.deleteNow(goner)
        try test.fillSegment()
        try test.fillSegment()
        #expect(try tombstones() == [goner.number])
        #expect(try rows() == [[keeper.number, goner.number], []])
        try expectStreams([keeper.number])
    }

    @Test func `A stream that no older segment can have a row of leaves nothing`() throws {
        let test = try open()
        let keeper = try test.createNow(payload: [1])
        try test.fillSegment()
        let goner = try test.createNow(payload: payload(1, byteCount: 100))
        let other = try test.createNow(payload: [2])
        try test.deleteNow(goner)
        try test.fillSegment()
        try test.fillSegment()
        #expect(try tombstones() == [])
        #expect(try rows() == [[keeper.number], [other.number]])
        try expectStreams([keeper.number, other.number])
    }

    @Test func `A tombstone goes with the oldest segment that needed it, if nothing else holds its segment`() throws {
        let test = try open()
        var generator = SeededGenerator(seed: 1)
        let keeper = try test.createNow(payload: generator.bytes(count: 40_000))
        let goner = try test.createNow(payload: generator.bytes(count: 10_000))
        try test.fillSegment()
        try test.deleteNow(goner)
        try test.fillSegment()
        try test.fillSegment()
        #expect(try tombstones() == [goner.number])
        try test.deleteNow(keeper)
        #expect(try disk.sealedModels().isEmpty)
        try expectStreams([])
    }

    @Test func `A tombstone that is not needed any more is left out when its segment is merged`() throws {
        let test = try open(mergedSegmentCount: 3)
        var generator = SeededGenerator(seed: 1)
        // Larger than what is merged later, so that it is not merged with it.
        let goner = try test.createNow(payload: [1])
        let large = try test.createNow()
        for _ in 0 ..< 3 { try test.appendNow(generator.bytes(count: 55_000), to: large) }
        try test.fillSegment()
        #expect(test.events.count("merged segments") == 1)
        #expect(try rows() == [[goner.number, large.number]])
        try test.deleteNow(goner)
        let other = try test.createNow(payload: generator.bytes(count: 1_000))
        try test.fillSegment()
        for _ in 0 ..< 2 {
            try test.appendNow(generator.bytes(count: 1_000), to: other)
            try test.fillSegment()
        }
        #expect(test.events.count("merged segments") == 2)
        #expect(try tombstones() == [goner.number], "the large segment still has the row of the stream")
        try expectStreams([large.number, other.number])

        try test.deleteNow(large)
        for _ in 0 ..< 4 {
            try test.appendNow(generator.bytes(count: 1_000), to: other)
            try test.fillSegment()
        }
        #expect(test.events.count("merged segments") > 2)
        #expect(try tombstones() == [])
        #expect(try rows().allSatisfy { $0 == [other.number] })
        try expectStreams([other.number])
    }

    @Test(arguments: [[""], ["append"], ["trim"], ["trim", "append"], ["append", "trim"], ["note", "trim"]])
    func `A deleted stream whose newest bytes are gone is no damage, whatever the journal says of it before`(
        _ changes: [String]
    ) throws {
        let test = try open()
        var generator = SeededGenerator(seed: 1)
        // Something of it is in an old segment that stays, the rest in one that goes.
        let keeper = try test.createNow(payload: generator.bytes(count: 40_000))
        let goner = try test.createNow(payload: generator.bytes(count: 100))
        try test.fillSegment()
        try test.appendNow(generator.bytes(count: 30_000), to: goner)
        try test.fillSegment()
        #expect(try rows() == [[keeper.number, goner.number], [goner.number]])
        for change in changes {
            switch change {
            case "append": try test.appendNow([1, 2, 3], annotation: [4], to: goner)
            case "trim": try test.trimNow(goner, to: 30_100)
            case "note":
                try test.append(nil, annotation: [5], to: goner)
                test.run()
            default: break
            }
        }
        try test.deleteNow(goner)
        #expect(try rows() == [[keeper.number, goner.number]])
        try expectStreams([keeper.number])
        test.log.close()
        let again = try open()
        #expect(again.recovered.streams.keys.sorted() == [keeper.number])
        try again.fillSegment()
        try expectStreams([keeper.number])
        #expect(try tombstones() == [goner.number])
    }

    @Test func `Wherever the power fails while segments die one after the other, no deleted stream comes back`() throws {
        var effect = 1
        var isReached = true
        while isReached, effect < 500 {
            let disk = SimulatedDisk(seed: UInt64(effect), recordsTrace: false)
            let test = try TestLog(disk, isMaintained: true) { $0.mergedSegmentCount = 3 }
            var generator = SeededGenerator(seed: 1)
            let streams = try (0 ..< 8).map { _ in try test.createNow(payload: generator.bytes(count: 24_000)) }
            for stream in streams[..<4] { try test.appendNow(generator.bytes(count: 24_000), to: stream) }
            disk.crash(atEffect: disk.effectCount + effect)
            var (deletions, isDeleted) = ([Acknowledgement](), [Bool]())
            for stream in streams.dropLast() {
                let completion = Acknowledgement()
                _ = try? test.patiently { () throws(LogRefusal) in try test.delete(stream, completion: completion) }
                test.run()
                deletions.append(completion)
                isDeleted.append(completion.isDurable)
                _ = try? test.fillSegment()
            }
            isReached = disk.isDead
            let again = try TestLog(disk.powerLoss(seed: UInt64(effect)), isMaintained: true)
            again.run()
            for (stream, isDeleted) in zip(streams, isDeleted) where isDeleted {
                #expect(again.recovered.streams[stream.number] == nil, "effect \(effect)")
            }
            #expect(again.recovered.streams[streams[7].number]?.bytes.count == 24_000, "effect \(effect)")
            effect += 1
        }
        #expect((50 ..< 500).contains(effect))
    }
}
