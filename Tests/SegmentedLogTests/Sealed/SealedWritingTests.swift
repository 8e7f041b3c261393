import Glibc
import SimulatedDisk
import Testing

@testable import SegmentedLog

struct `Writing and reading sealed segments` {
    /// Bytes that compress well, yet differ from place to place.
    static func compressible(_ count: Int, seed: Int = 0) -> [UInt8] {
        (0 ..< count).map { UInt8(truncatingIfNeeded: ($0 / 50 + seed) % 251) }
    }

    static func incompressible(_ count: Int, seed: UInt64 = 1) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        return generator.bytes(count: count)
    }

    /// Streams of all kinds, with entries of all sizes.
    static func randomModels(_ generator: inout SeededGenerator) -> [SealedModel] {
        var number: UInt64 = 0
        return (0 ..< 1 + generator.integer(below: 12)).map { _ in
            number += UInt64(1 + generator.integer(below: 1_000))
            var model = SealedModel(number: number)
            model.isTombstone = generator.chance(1, outOf: 8)
            if model.isTombstone { return model }
            model.row = generator.bytes(count: generator.integer(below: 60))
            model.position = UInt64(generator.integer(below: 1 << 40))
            model.newestCommitAt = Int64(generator.integer(below: 1 << 40))
            let limit = [1, 100, 5_000, 20_000, 60_000][generator.integer(below: 5)]
            for _ in 0 ..< generator.integer(below: 2 + 200_000 / max(limit, 2_000)) {
                model.entries.append(randomEntry(byteCount: 1 + generator.integer(below: limit), &generator))
            }
            model.start = UInt64(generator.integer(below: Int(model.end) + 1))
            if model.entries.isEmpty { model.position = 0 }
            model.distanceToTail = generator.chance(1, outOf: 4) ? model.start : 0
            model.start = min(model.start, model.end + model.distanceToTail)
            return model
        }
    }

    static func randomEntry(byteCount: Int, _ generator: inout SeededGenerator) -> SealedModel.Entry {
        let bytes =
            generator.chance(1, outOf: 2)
            ? generator.bytes(count: byteCount) : compressible(byteCount, seed: generator.integer(below: 251))
        return .init(
            bytes, endsAppend: generator.chance(3, outOf: 4), committedAt: Int64(generator.integer(below: 1_000_000)))
    }

    /// The entries' times are those of their blocks: not compared.
    static func withoutTimes(_ models: [SealedModel]) -> [SealedModel] {
        models.map { model in
            var model = model
            for index in model.entries.indices { model.entries[index].committedAt = 0 }
            return model
        }
    }

    @Test(arguments: 1 ... 25) func `What was written is read`(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed, purpose: "sealed round trip")
        let models = Self.randomModels(&generator)
        let disk = try SealedFixture.newDisk()
        let segment = try SealedFixture.make(on: disk, models)
        #expect(segment.streamCount == models.count)
        // A comparison of arrays, were it to fail, would print megabytes.
        let isSame = try Self.withoutTimes(segment.models()) == Self.withoutTimes(models)
        #expect(isSame, "seed \(seed)")
        #expect(segment.faults.isEmpty)
        for row in 0 ..< segment.streamCount { try expectPositionsAreFound(segment, row, &generator) }
        for block in segment.blocks {
            #expect(block.payloadByteCount <= SealedBlock.payloadByteCountTarget)
            let saved = block.decodedByteCount - block.storedByteCount
            #expect(block.codec == .stored ? saved == 0 : saved * 16 > block.decodedByteCount)
        }
    }

    private func expectPositionsAreFound(
        _ segment: SealedSegment, _ row: Int, _ generator: inout SeededGenerator
    ) throws {
        let stream = segment.stream(at: row)
        let blocks = stream.blocks.map(segment.block(at:))
        let storedByteCount = blocks.map(\.storedByteCount).reduce(0, +)
        #expect(segment.storedByteCount(of: stream) == storedByteCount)
        for (offset, block) in blocks.enumerated() {
            let positions = [
                block.position, StreamPosition(rawValue: block.end.rawValue - 1),
                block.position.advanced(by: generator.integer(below: block.payloadByteCount)),
            ]
            for position in positions {
                #expect(segment.blockIndex(holding: position, of: stream) == stream.firstBlock + offset)
            }
        }
    }

    @Test func `A block is closed before an entry that would make it larger than 16 KiB`() throws {
        let disk = try SealedFixture.newDisk()
        let entries = [10_000, 6_384, 1, 16_383, 1, 16_384].map { SealedModel.Entry(Self.compressible($0)) }
        let segment = try SealedFixture.make(on: disk, [SealedModel(number: 1, entries: entries)])
        #expect(segment.blocks.map(\.payloadByteCount) == [16_384, 16_384, 1, 16_384])
        #expect(segment.blocks.allSatisfy { $0.beginsEntry })
    }

    @Test func `A longer entry begins a block, is cut every 16 KiB, and shares its last block`() throws {
        let disk = try SealedFixture.newDisk()
        let entries = [100, 40_000, 200, 300].map { SealedModel.Entry(Self.compressible($0)) }
        let segment = try SealedFixture.make(on: disk, [SealedModel(number: 1, entries: entries)])
        #expect(segment.blocks.map(\.payloadByteCount) == [100, 16_384, 16_384, 7_732])
        #expect(segment.blocks.map(\.beginsEntry) == [true, true, false, false])
        #expect(try segment.model(at: 0).entries == entries)
        var pieces: [[Bool]] = []
        for block in segment.blocks {
            var ends: [Bool] = []
            try segment.decode(block).forEachPiece { ends.append($1) }
            pieces.append(ends)
        }
        #expect(pieces == [[true], [false], [false], [true, true, true]])
    }

    @Test func `A full block of one-byte entries has as many boundaries as bytes`() throws {
        let disk = try SealedFixture.newDisk()
        let entries = (0 ..< 16_385).map { SealedModel.Entry([UInt8(truncatingIfNeeded: $0)], endsAppend: $0 % 3 == 0) }
        let segment = try SealedFixture.make(on: disk, [SealedModel(number: 1, entries: entries)])
        #expect(segment.blocks.map(\.boundaryByteCount) == [16_384, 1])
        let isSame = try segment.model(at: 0).entries == entries
        #expect(isSame)
    }

    @Test func `A block has the time of the newest of its entries`() throws {
        let disk = try SealedFixture.newDisk()
        let entries = [(9_000, 5), (2_000, -9), (7_000, 3), (1_000, 4)].map {
            SealedModel.Entry(Self.compressible($0.0), committedAt: Int64($0.1))
        }
        let segment = try SealedFixture.make(on: disk, [SealedModel(number: 1, entries: entries)])
        #expect(segment.blocks.map(\.committedAt) == [5, 4])
    }

    @Test func `An entry without bytes leaves no trace`() throws {
        let disk = try SealedFixture.newDisk()
        let segment = try SealedFixture.make(on: disk, [SealedModel(number: 1, entries: [.init([]), .init([])])])
        #expect(segment.blockCount == 0)
        #expect(segment.stream(at: 0).blockCount == 0)
        #expect(segment.storedByteCount(of: segment.stream(at: 0)) == 0)
        #expect(segment.indexIsResident(of: segment.stream(at: 0)))
    }

    @Test func `The caller is told of every write before it, a mebibyte at most`() throws {
        let disk = try SealedFixture.newDisk()
        let entries = (0 ..< 40).map { SealedModel.Entry(Self.incompressible(80_000, seed: UInt64($0))) }
        var announced: [Int] = []
        let writeCount = disk.callCount(.write)
        var writer: SealedSegmentWriter?
        let segment = try SealedFixture.make(on: disk, willWrite: { announced.append($0) }) {
            writer = $0
            try $0.add(SealedModel(number: 1, entries: entries))
        }
        #expect(announced.count == disk.callCount(.write) - writeCount)
        #expect(announced.dropLast().allSatisfy { $0 == 1 << 20 })
        #expect(announced.count == 4)
        #expect(announced.reduce(0, +) == segment.byteCount)
        #expect(writer?.fileByteCount == segment.byteCount)
        #expect(writer?.streamCount == 1)
    }

    @Test(arguments: [DiskCall.write, .synchronize]) func `A failed call is passed on`(_ call: DiskCall) throws {
        let disk = try SealedFixture.newDisk()
        disk.inject(DiskFault([call], errno: EIO))
        let error = #expect(throws: FileSystemError.self) {
            _ = try SealedFixture.make(on: disk, [SealedModel(number: 1)])
        }
        #expect(error?.errno == EIO)
    }

    @Test(arguments: [DiskCall.openFile, .byteCount, .map]) func `A call that fails at opening is no damage`(
        _ call: DiskCall
    ) throws {
        let disk = try SealedFixture.newDisk()
        disk.setContent(SealedFixture.path, `The format of sealed segments`.file)
        disk.inject(DiskFault([call], errno: EIO))
        let error = #expect(throws: LogOpenError.self) {
            _ = try SealedSegment.open(SealedFixture.path, identity: SealedFixture.identity, fileSystem: disk)
        }
        guard case .system = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `Residency is asked of the mapping`() throws {
        let disk = try SealedFixture.newDisk()
        let segment = try SealedFixture.make(on: disk, `The format of sealed segments`.models)
        for isResident in [true, false] {
            disk.mappingsAreResident = isResident
            #expect(segment.isResident(segment.block(at: 1)) == isResident)
            #expect(segment.indexIsResident(of: segment.stream(at: 2)) == isResident)
        }
    }

    @Test func `A segment on the real disk is read as on the simulated one`() throws {
        let directory = "/tmp/sealed-\(getpid())-\(UInt64.random(in: .min ... .max))"
        let disk = LinuxFileSystem()
        try disk.createDirectory(directory)
        let path = "\(directory)/\(SealedFixture.identity.name())"
        defer {
            try? disk.unlink(path)
            rmdir(directory)
        }
        var generator = SeededGenerator(seed: 7)
        let models = Self.randomModels(&generator)
        let segment = try SealedFixture.make(path, on: disk, models)
        let isSame = try Self.withoutTimes(segment.models()) == Self.withoutTimes(models)
        #expect(isSame)
        for block in segment.blocks { #expect(segment.isResident(block)) }
        for row in 0 ..< segment.streamCount { #expect(segment.indexIsResident(of: segment.stream(at: row))) }
    }
}
