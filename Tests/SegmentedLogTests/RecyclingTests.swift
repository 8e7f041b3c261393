import SegmentedLog
import SimulatedDisk
import Testing

/// What becomes of the files of segments that are not needed any more, and of the space of what is deleted or trimmed.
struct `Recycling` {
    private let disk = SimulatedDisk(seed: 1, recordsTrace: false)
    private static let modes = [Durability.sync, .interval(milliseconds: 3_600_000), .none]

    // MARK: Space

    @Test(arguments: modes)
    func `Creating and deleting streams takes no more space, however long it goes on`(_ durability: Durability) throws {
        let test = try TestLog(disk, isMaintained: true) { $0.durability = durability }
        var generator = SeededGenerator(seed: 1)
        var old = try test.createNow(payload: generator.bytes(count: 40_000))
        var largest = (early: 0, late: 0)
        for number in 1 ..< 200 {
            let new = try test.createNow(payload: generator.bytes(count: 40_000))
            try test.deleteNow(old)
            old = new
            if number < 50 {
                largest.early = max(largest.early, disk.usedByteCount)
            } else {
                largest.late = max(largest.late, disk.usedByteCount)
            }
        }
        #expect(largest.late <= largest.early)
        // The current segment, the next one, up to four to be written again, and what is sealed.
        #expect(largest.late <= 8 * 65_536)
        #expect(test.log.statistics.sealedSegmentCount <= 3)
        let bytes = old.bytes
        test.log.close()
        let again = try TestLog(disk)
        #expect(again.recovered.streams.keys.sorted() == [old.number])
        #expect(again.recovered.streams[old.number]?.bytes == bytes)
        #expect(again.events.warnings.isEmpty)
    }

    @Test(arguments: modes)
    func `The space of a stream that is trimmed as it grows stays bounded`(_ durability: Durability) throws {
        let test = try TestLog(disk, isMaintained: true) { $0.durability = durability }
        var generator = SeededGenerator(seed: 1)
        let stream = try test.createNow()
        var largest = (early: 0, late: 0)
        for number in 1 ..< 300 {
            try test.appendNow(generator.bytes(count: 20_000), to: stream)
            if number > 5 { try test.trimNow(stream, to: (number - 5) * 20_000) }
            if number < 100 {
                largest.early = max(largest.early, disk.usedByteCount)
            } else {
                largest.late = max(largest.late, disk.usedByteCount)
            }
        }
        // Rows grow by no annotation; what is left over from time to time differs a little.
        #expect(largest.late <= largest.early + 65_536)
        #expect(largest.late <= 12 * 65_536)
        #expect(stream.logStream.start.rawValue == 294 * 20_000)
        #expect(stream.logStream.bytes().count == 100_000)
    }

    @Test func `The space of deleted streams comes back without anyone touching them, all of it`() throws {
        let test = try TestLog(disk, isMaintained: true) { $0.recycledSegmentCountLimit = 0 }
        var generator = SeededGenerator(seed: 1)
        var streams: [TestStream] = []
        for _ in 0 ..< 30 { streams.append(try test.createNow(payload: generator.bytes(count: 50_000))) }
        #expect(test.log.statistics.sealedByteCount > 1_000_000)
        for stream in streams { try test.deleteNow(stream) }
        #expect(test.log.statistics.sealedByteCount < 65_536)
        try test.fillSegment()
        try test.fillSegment()
        #expect(test.log.statistics.sealedByteCount == 0)
        #expect(disk.usedByteCount <= 3 * 65_536)
        #expect(test.log.statistics.streamCount == 0)
    }

    // MARK: Files

    @Test func `A segment whose streams are all deleted leaves nothing, whatever comes before it`() throws {
        let test = try TestLog(disk)
        let first = try test.createNow(payload: payload(1, byteCount: 50_000))
        let second = try test.createNow(payload: payload(2, byteCount: 50_000))
        let third = try test.createNow(payload: payload(3, byteCount: 50_000))
        try test.deleteNow(second)
        test.log.runPendingWork()
        #expect(test.log.statistics.segmentCount == 1)
        #expect(test.log.statistics.sealedSegmentCount == 1)
        #expect(fileNames.filter { $0.hasSuffix(".sealed") } == ["0000000000000001-0000000000000001-00000000.sealed"])
        test.log.close()
        #expect(try TestLog(disk).recovered.streams.keys.sorted() == [first.number, third.number])
    }

    @Test func `A file is not written again while a read of it goes on`() throws {
        let test = try TestLog(disk, isMaintained: true)
        test.run()
        let old = try test.createNow(payload: payload(7, byteCount: 50_000))
        var read: LogRead? = old.logStream.read(
            from: .start, upTo: old.logStream.tail, byteCountLimit: 1 << 20, splitsEntries: true)
        var last = try test.createNow(payload: payload(8, byteCount: 50_000))
        try test.deleteNow(old)
        for number in 0 ..< 10 {
            let next = try test.createNow(payload: payload(100 + number, byteCount: 50_000))
            try test.deleteNow(last)
            last = next
        }
        #expect(fileNames.contains("0000000000000001.recycled"))
        #expect(read?.bytes == payload(7, byteCount: 50_000))
        read = nil
        for number in 0 ..< 10 {
            let next = try test.createNow(payload: payload(200 + number, byteCount: 50_000))
            try test.deleteNow(last)
            last = next
        }
        #expect(!fileNames.contains("0000000000000001.recycled"))
    }

    @Test func `What a file held before is never taken for frames of its new segment`() throws {
        let test = try TestLog(disk, isMaintained: true)
        test.run()
        // The first file is full of small frames, then written again up to places between them.
        let old = try test.createNow()
        for number in 0 ..< 400 { try test.appendNow(payload(number, byteCount: 60), to: old) }
        let next = try test.createNow(payload: payload(1, byteCount: 50_000))
        try test.deleteNow(old)
        for number in 0 ..< 3 { try test.appendNow(payload(number, byteCount: 30_000), to: next) }
        var bytes = next.bytes
        for number in 0 ..< 60 {
            try test.appendNow(payload(number, byteCount: 1 + number * 3), to: next)
            bytes += payload(number, byteCount: 1 + number * 3)
            let again = try TestLog(disk.processCopy())
            #expect(again.recovered.streams.keys.sorted() == [next.number])
            #expect(again.recovered.streams[next.number]?.bytes == bytes)
            #expect(again.events.warnings.isEmpty)
        }
        #expect(fileNames.contains("0000000000000001.journal") == false)
    }

    @Test func `No more dead files are kept than the limit says, here none`() throws {
        let test = try TestLog(disk, isMaintained: true) { $0.recycledSegmentCountLimit = 0 }
        var old = try test.createNow(payload: payload(0, byteCount: 40_000))
        for number in 1 ..< 10 {
            let new = try test.createNow(payload: payload(number, byteCount: 40_000))
            try test.deleteNow(old)
            old = new
        }
        test.run()
        #expect(fileNames.filter { $0.hasSuffix(".recycled") } == [])
        #expect(fileNames.filter { $0.hasSuffix(".journal") }.count == 2)
    }

    private var fileNames: [String] { disk.paths.map { String($0.dropFirst("/store/".count)) } }
}
