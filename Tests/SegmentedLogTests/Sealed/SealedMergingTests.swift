import SimulatedDisk
import Testing

@testable import SegmentedLog

struct `Copying blocks into another sealed segment` {
    typealias Entry = SealedModel.Entry

    static let otherPath = "/store/0000000000000008-0000000000000008-00000000.sealed"
    static let otherIdentity = SealedIdentity(first: 8, last: 8, generation: 0)
    static let mergedPath = "/store/0000000000000003-0000000000000008-00000000.sealed"
    static let mergedIdentity = SealedIdentity(first: 3, last: 8, generation: 0)

    static func entries(_ byteCounts: Int..., committedAt: Int64 = 1_000) -> [Entry] {
        byteCounts.enumerated().map { offset, count in
            Entry(
                `Writing and reading sealed segments`.compressible(count, seed: offset), endsAppend: offset % 2 == 0,
                committedAt: committedAt)
        }
    }

    /// Merges segments that hold the given entries of one stream, one after the other, and then adds the last ones.
    static func merge(
        _ parts: [[Entry]], adding added: [Entry] = [], on disk: SimulatedDisk, position: UInt64 = 0
    ) throws -> SealedSegment {
        var sources: [SealedSegment] = []
        var model = SealedModel(number: 1, position: position)
        for (offset, part) in parts.enumerated() {
            let identity = SealedIdentity(first: UInt64(100 + offset), last: UInt64(100 + offset), generation: 0)
            let part = SealedModel(number: 1, position: model.end, entries: part)
            sources.append(
                try SealedFixture.make("/store/\(identity.name())", identity: identity, on: disk, [part]))
            model.entries += part.entries
        }
        return try SealedFixture.make(mergedPath, identity: mergedIdentity, on: disk) { writer in
            writer.beginStream(StreamNumber(rawValue: 1))
            for source in sources { try writer.copyBlocks(of: source.stream(at: 0), from: source) }
            try writer.add(added, at: model.end)
            model.entries += added
            try writer.end(model)
        }
    }

    static func expect(
        _ segment: SealedSegment, has entries: [Entry], payloadByteCounts: [Int],
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        #expect(segment.blocks.map(\.payloadByteCount) == payloadByteCounts, sourceLocation: sourceLocation)
        let isSame = try segment.model(at: 0).entries == entries
        #expect(isSame, sourceLocation: sourceLocation)
        #expect(segment.faults.isEmpty, sourceLocation: sourceLocation)
    }

    @Test func `A block keeps its stored bytes, and its row but for the place in the file`() throws {
        let disk = try SealedFixture.newDisk()
        let source = try SealedFixture.make(
            on: disk,
            [
                SealedModel(number: 1, entries: Self.entries(10)),
                SealedModel(number: 2, position: 77, entries: Self.entries(9_000, 7_000, 9_000, 30_000)),
            ])
        let stream = source.stream(at: 1)
        let merged = try SealedFixture.make(Self.mergedPath, identity: Self.mergedIdentity, on: disk) { writer in
            writer.beginStream(stream.number)
            try writer.copyBlocks(of: stream, from: source)
            try writer.endStream(row: source.row(of: stream), start: stream.start, tail: stream.tail, newestCommitAt: 0)
        }
        let expected = stream.blocks.map(source.block(at:))
        #expect(merged.blocks.count == expected.count)
        for (block, original) in zip(merged.blocks, expected) {
            var moved = original
            moved.fileOffset = block.fileOffset
            #expect(block == moved)
            #expect(Array(try merged.verifiedBytes(of: block)) == Array(try source.verifiedBytes(of: original)))
        }
    }

    @Test func `Small blocks are joined as long as they have 16 KiB together`() throws {
        let parts = [Self.entries(100, 200), Self.entries(300), Self.entries(15_784), Self.entries(5), Self.entries(6)]
        let merged = try Self.merge(parts, on: try SealedFixture.newDisk())
        try Self.expect(merged, has: parts.flatMap { $0 }, payloadByteCounts: [16_384, 11])
    }

    @Test func `A block that does not fit begins anew, and may be joined with the next`() throws {
        let parts = [Self.entries(10_000), Self.entries(6_385), Self.entries(9_999), Self.entries(1)]
        let merged = try Self.merge(parts, on: try SealedFixture.newDisk())
        try Self.expect(merged, has: parts.flatMap { $0 }, payloadByteCounts: [10_000, 16_384, 1])
    }

    @Test func `A joined block has the newest time of all`() throws {
        let parts = [
            Self.entries(10, committedAt: 7), Self.entries(10, committedAt: 9), Self.entries(10, committedAt: 8),
        ]
        let merged = try Self.merge(parts, on: try SealedFixture.newDisk())
        #expect(merged.blocks.map(\.committedAt) == [9])
    }

    @Test func `An entry is joined with the small block before it, whether copied or joined itself`() throws {
        let added = Self.entries(20, 30)
        for parts in [[Self.entries(100)], [Self.entries(100), Self.entries(200)]] {
            let merged = try Self.merge(parts, adding: added, on: try SealedFixture.newDisk())
            let all = parts.flatMap { $0 } + added
            try Self.expect(merged, has: all, payloadByteCounts: [all.reduce(0) { $0 + $1.bytes.bytes.count }])
        }
    }

    @Test func `An entry that does not fit behind a copied block leaves it as it is`() throws {
        let parts = [Self.entries(16_000)]
        let added = Self.entries(385, 40_000)
        let merged = try Self.merge(parts, adding: added, on: try SealedFixture.newDisk())
        try Self.expect(
            merged, has: parts.flatMap { $0 } + added, payloadByteCounts: [16_000, 385, 16_384, 16_384, 7_232])
    }

    @Test func `A copied block is joined with entries that were added before it`() throws {
        let disk = try SealedFixture.newDisk()
        let entries = Self.entries(100, 200, 300)
        let source = try SealedFixture.make(
            on: disk, [SealedModel(number: 1, position: 300, entries: [entries[2]])])
        let merged = try SealedFixture.make(Self.mergedPath, identity: Self.mergedIdentity, on: disk) { writer in
            writer.beginStream(StreamNumber(rawValue: 1))
            try writer.add(Array(entries[..<2]), at: 0)
            try writer.copyBlocks(of: source.stream(at: 0), from: source)
            try writer.end(SealedModel(number: 1, entries: entries))
        }
        try Self.expect(merged, has: entries, payloadByteCounts: [600])
    }

    @Test func `A block that continues an entry is not joined with the one before it`() throws {
        // No writer makes such small pieces of an entry, but the format allows them.
        let disk = try SealedFixture.newDisk()
        var (content, entry) = (`The format of sealed segments`.file, [UInt8](repeating: 0x61, count: 100))
        content[96 + 40 + 31] = 0
        SealedChecksums.renew(&content)
        disk.setContent(SealedFixture.path, content)
        let source = try SealedSegment.open(SealedFixture.path, identity: SealedFixture.identity, fileSystem: disk)
        let merged = try SealedFixture.make(Self.mergedPath, identity: Self.mergedIdentity, on: disk) { writer in
            writer.beginStream(StreamNumber(rawValue: 9))
            var first = source.block(at: 1)
            first.beginsEntry = true
            try writer.copy(first, from: source)
            var second = source.block(at: 1)
            second.position = first.end
            try writer.copy(second, from: source)
            try writer.end(SealedModel(number: 9, entries: [.init(entry + entry)]))
        }
        entry += entry
        try Self.expect(merged, has: [.init(entry, committedAt: 3_000)], payloadByteCounts: [100, 100])
    }

    @Test(arguments: [100, 16_384]) func `A damaged block is not copied, however large it is`(_ byteCount: Int) throws {
        let disk = try SealedFixture.newDisk()
        let source = try SealedFixture.make(on: disk, [SealedModel(number: 1, entries: Self.entries(byteCount))])
        disk.damage(SealedFixture.path, at: 70)
        let error = #expect(throws: SealedWriteError.self) {
            _ = try SealedFixture.make(Self.mergedPath, identity: Self.mergedIdentity, on: disk) { writer in
                writer.beginStream(StreamNumber(rawValue: 1))
                try writer.copyBlocks(of: source.stream(at: 0), from: source)
            }
        }
        guard case .damaged(let fault) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(fault.path == SealedFixture.path)
        #expect(fault.byteOffset == 64)
    }

    @Test func `A failed write of a copied block is a failure of the system`() throws {
        let disk = try SealedFixture.newDisk()
        let bytes = `Writing and reading sealed segments`.incompressible(2 << 20)
        let source = try SealedFixture.make(on: disk, [SealedModel(number: 1, entries: [.init(bytes)])])
        disk.inject(DiskFault([.write], errno: 28))
        let error = #expect(throws: SealedWriteError.self) {
            _ = try SealedFixture.make(Self.mergedPath, identity: Self.mergedIdentity, on: disk) { writer in
                writer.beginStream(StreamNumber(rawValue: 1))
                try writer.copyBlocks(of: source.stream(at: 0), from: source)
            }
        }
        guard case .system(let failure) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(failure.isDiskFull)
    }

    @Test func `A block whose position was damaged since its segment was opened is not copied`() throws {
        let disk = try SealedFixture.newDisk()
        let source = try SealedFixture.make(
            on: disk, [SealedModel(number: 1, entries: Self.entries(16_384, 16_384, 16_384))])
        let indexOffset = try #require(disk.content(SealedFixture.path)).count - 128 - 56 - 3 * 40
        for offset in indexOffset ..< indexOffset + 3 * 40 where offset % 3 == 0 {
            disk.damage(SealedFixture.path, at: offset)
            // No trap, and no file that a reader would refuse.
            do {
                _ = try SealedFixture.make(Self.mergedPath, identity: Self.mergedIdentity, on: disk) { writer in
                    writer.beginStream(StreamNumber(rawValue: 1))
                    for index in 0 ..< 3 { try writer.copy(source.block(at: index), from: source) }
                    try writer.endStream(
                        row: .init(start: nil, count: 0), start: .start, tail: StreamPosition(rawValue: .max),
                        newestCommitAt: 0)
                }
            } catch is SealedWriteError {
            }
            disk.remove(Self.mergedPath)
            disk.damage(SealedFixture.path, at: offset)
        }
    }

    @Test(arguments: 1 ... 20) func `Merging random streams keeps their entries and leaves no crumbs`(
        _ seed: UInt64
    ) throws {
        var generator = SeededGenerator(seed: seed, purpose: "sealed merging")
        let parts = (0 ..< 2 + generator.integer(below: 6)).map { _ in
            (0 ..< generator.integer(below: 8)).map { _ in
                `Writing and reading sealed segments`.randomEntry(
                    byteCount: 1 + generator.integer(below: [50, 3_000, 40_000][generator.integer(below: 3)]),
                    &generator)
            }
        }
        let merged = try Self.merge(
            Array(parts.dropLast()), adding: parts.last!, on: try SealedFixture.newDisk(), position: 123)
        let expected = SealedModel(number: 1, position: 123, entries: parts.flatMap { $0 })
        let model = SealedModel(number: 1, position: 123, entries: try merged.model(at: 0).entries)
        let withoutTimes = `Writing and reading sealed segments`.withoutTimes
        #expect(withoutTimes([model]) == withoutTimes([expected]), "seed \(seed)")
        for (block, next) in zip(merged.blocks, merged.blocks.dropFirst()) where next.beginsEntry {
            #expect(block.payloadByteCount + next.payloadByteCount > 16_384, "seed \(seed)")
        }
    }
}
