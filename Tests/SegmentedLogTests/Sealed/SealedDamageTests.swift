import SimulatedDisk
import Testing

@testable import SegmentedLog

struct `Damaged sealed segments` {
    static let file = `The format of sealed segments`.file

    /// Opens a file and reads all of it; true if anything was found to be wrong.
    private func isRefused(_ content: [UInt8]) throws -> Bool {
        do {
            return try SealedFixture.open(content).faults.isEmpty == false
        } catch let error as LogOpenError {
            switch error {
            case .corrupt(let path, let byteOffset, _):
                #expect(path == SealedFixture.path)
                #expect((0 ... content.count).contains(byteOffset))
            case .unsupportedVersion: break
            default: Issue.record("\(error)")
            }
            return true
        }
    }

    @Test func `A change of any byte is found, whatever the change`() throws {
        #expect(try !isRefused(Self.file))
        for offset in Self.file.indices {
            for change in [UInt8(1) << (offset % 8), 0x80, 0xFF] {
                var content = Self.file
                content[offset] ^= change
                #expect(try isRefused(content), "byte \(offset) with \(change)")
            }
        }
    }

    @Test func `A file that is cut short anywhere is refused`() throws {
        for count in 0 ..< Self.file.count { #expect(try isRefused(Array(Self.file.prefix(count))), "\(count) bytes") }
    }

    @Test func `A file with more at its end, or without bytes in its middle, is refused`() throws {
        #expect(try isRefused(Self.file + [0]))
        #expect(try isRefused(Self.file + [UInt8](repeating: 0, count: 8)))
        #expect(try isRefused(Self.file + Self.file.suffix(128)))
        for offset in stride(from: 64, to: 408, by: 8) {
            #expect(try isRefused(Array(Self.file[..<offset] + Self.file[(offset + 8)...])), "byte \(offset)")
        }
    }

    @Test func `A file under the name of another is refused`() throws {
        let disk = try SealedFixture.newDisk()
        disk.setContent(SealedFixture.path, Self.file)
        let other = SealedIdentity(first: 3, last: 7, generation: 3)
        let error = #expect(throws: LogOpenError.self) {
            _ = try SealedSegment.open(SealedFixture.path, identity: other, fileSystem: disk)
        }
        guard case .corrupt(SealedFixture.path, 16, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `A newer version is refused by its number, whatever its checksum`() throws {
        var content = Self.file
        content[8] = 2
        let error = #expect(throws: LogOpenError.self) { _ = try SealedFixture.open(content) }
        guard case .unsupportedVersion(SealedFixture.path, 2) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    /// A change that the checksums do not show, and where it is found.
    struct Lie: CustomStringConvertible, Sendable {
        var description: String
        var offset: Int
        var value: [UInt8]
        var foundAt: Int

        init(_ description: String, _ offset: Int, _ value: [UInt8], foundAt: Int? = nil) {
            self.description = description
            self.offset = offset
            self.value = value
            self.foundAt = foundAt ?? offset
        }
    }

    static let (index, table, footer) = (96, 176, 408)
    static let huge = littleEndian(UInt64.max)

    static let lies = [
        Lie("header: own byte count", 12, [65]), Lie("header: first of 0", 16, [0]),
        Lie("header: first above last", 16, [8]), Lie("header: last above all", 28, [1], foundAt: 16),
        Lie("header: generation above all", 32, littleEndian(UInt32.max), foundAt: 16),
        Lie("header: reserved", 39, [1], foundAt: 36), Lie("header: reserved", 56, [1]),
        Lie("padding after the blocks", 95, [1]), Lie("padding after the rows", 407, [1]),
        Lie("block: position beyond the tail", index, [11]), Lie("block: position huge", index, huge),
        Lie("block: file offset", index + 8, [65], foundAt: index),
        Lie("block: file offset huge", index + 8, huge, foundAt: index),
        Lie("block: stored as it is, one byte less", index + 16, [13], foundAt: index),
        Lie("block: no payload", index + 20, [0], foundAt: index),
        Lie("block: payload huge", index + 20, littleEndian(UInt32.max), foundAt: index),
        Lie("block: no boundaries", index + 28, [0], foundAt: index),
        Lie("block: codec", index + 30, [2], foundAt: index),
        Lie("block: flags", index + 31, [2], foundAt: index),
        Lie("block: nothing stored", index + 56, [0], foundAt: index + 40),
        Lie("block: saves too little", index + 56, [96], foundAt: index + 40),
        Lie("block: more stored than there is", index + 56, [12], foundAt: index + 40),
        Lie("block: less stored than there is", index + 56, [10], foundAt: 88),
        Lie("block: beyond the largest payload", index + 60, littleEndian(UInt32(65_537)), foundAt: index + 40),
        Lie("stream: number falls", table, [7], foundAt: table + 56),
        Lie("stream: flags", table + 8, [2], foundAt: table),
        Lie("stream: reserved", table + 11, [1], foundAt: table),
        Lie("stream: a row too long", table + 12, [6], foundAt: table),
        Lie("stream: a row too short", table + 12, [3], foundAt: table + 112),
        Lie("stream: the last row too short", table + 180, [0], foundAt: 404),
        Lie("stream: offset of the row", table + 16, [1], foundAt: table),
        Lie("stream: offset of the row huge", table + 16, huge, foundAt: table),
        Lie("stream: start after the tail", table + 24, [23], foundAt: table),
        Lie("stream: tail before the last block's end", table + 32, [21], foundAt: index),
        Lie("stream: first block", table + 40, [1], foundAt: table),
        Lie("stream: too many blocks", table + 44, [3], foundAt: table),
        Lie("stream: the other's block too", table + 44, [2], foundAt: index + 40),
        Lie("stream: no block", table + 44, [0], foundAt: table + 112),
        Lie("stream: first block though it has none", table + 208, [1], foundAt: table + 168),
        Lie("tombstone with a tail", table + 88, [1], foundAt: table + 56),
        Lie("tombstone of a stream with blocks", table + 8, [1], foundAt: table),
        Lie("footer: magic", footer, [0]),
        Lie("footer: end of the blocks before the last ends", footer + 8, [0x58], foundAt: footer + 16),
        Lie("footer: end of the blocks in the padding", footer + 8, [0x5A], foundAt: 89),
        Lie("footer: end of the blocks huge", footer + 8, huge, foundAt: footer),
        Lie("footer: end of the blocks in the header", footer + 8, [63]),
        Lie("footer: end of the blocks", footer + 8, littleEndian(UInt64(Int.max)), foundAt: footer + 8),
        Lie("footer: offset of the index", footer + 16, [0x68]),
        Lie("footer: number of blocks", footer + 24, [3], foundAt: footer + 32),
        Lie("footer: number of blocks huge", footer + 24, littleEndian(UInt32.max), foundAt: footer + 32),
        Lie("footer: offset of the table", footer + 32, [0xA8]),
        Lie("footer: number of streams huge", footer + 40, littleEndian(UInt32.max), foundAt: footer + 48),
        Lie("footer: offset of the rows", footer + 48, [0x98]),
        Lie("footer: byte count of the rows", footer + 56, [9]),
        Lie("footer: byte count of the rows", footer + 56, littleEndian(UInt64(Int.max))),
        Lie("footer: one row byte less", footer + 56, [4], foundAt: 404),
        Lie("footer: sequence numbers", footer + 72, [43]), Lie("footer: reserved", footer + 88, [1]),
        Lie("footer: reserved", footer + 123, [1], foundAt: footer + 88),
    ]

    @Test(arguments: lies) func `What cannot be is refused where it is, though the checksums hold`(_ lie: Lie) throws {
        var content = Self.file
        content.replace(at: lie.offset, with: lie.value)
        #expect(content != Self.file)
        SealedChecksums.renew(&content)
        let error = #expect(throws: LogOpenError.self) { _ = try SealedFixture.open(content) }
        guard case .corrupt(SealedFixture.path, let byteOffset, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(byteOffset == lie.foundAt, "\(error!)")
    }

    @Test func `Renewing the checksums of a sound file changes nothing`() {
        var content = Self.file
        SealedChecksums.renew(&content)
        #expect(content == Self.file)
    }

    @Test(arguments: [
        Lie("boundaries too large in sum", 76, [0x0E], foundAt: 64),
        Lie("boundaries too small in sum", 76, [0x0A], foundAt: 64), Lie("an empty piece", 77, [0x01], foundAt: 64),
        Lie("a boundary without an end", 77, [0x8D], foundAt: 64),
        Lie("literals beyond the end", 78, [0xF0, 0xFF, 0xFF], foundAt: 78),
        Lie("a match before the start", 80, [0x02], foundAt: 78), Lie("too many bytes", 82, [0x4E], foundAt: 78),
        Lie("too few bytes", 82, [0x4C], foundAt: 78), Lie("boundaries of LZ4", 87, [0xCB], foundAt: 78),
    ])
    func `A block that is not what its row says is a fault of its own, though its checksum holds`(_ lie: Lie) throws {
        var content = Self.file
        content.replace(at: lie.offset, with: lie.value)
        SealedChecksums.renew(&content)
        let segment = try SealedFixture.open(content)
        let faults = segment.faults
        #expect(faults.map(\.byteOffset) == [lie.foundAt])
        #expect(faults.first?.path == SealedFixture.path)
        let sound = segment.blocks.first { $0.fileOffset != lie.foundAt }
        #expect(throws: Never.self) { _ = try segment.decode(try #require(sound)) }
    }

    @Test func `Bytes that are anything are read without a trap, though the checksums hold`() throws {
        var generator = SeededGenerator(seed: 11)
        for _ in 0 ..< 4_000 {
            var content = Self.file
            for _ in 0 ... generator.integer(below: 4) {
                let offset = generator.integer(below: content.count)
                content[offset] = generator.chance(1, outOf: 2) ? UInt8(generator.integer(below: 256)) : 0xFF
            }
            SealedChecksums.renew(&content)
            if let segment = try? SealedFixture.open(content) { visit(segment) }
        }
    }

    @Test func `Damage after the opening is met without a trap`() throws {
        let disk = try SealedFixture.newDisk()
        disk.setContent(SealedFixture.path, Self.file)
        let segment = try SealedSegment.open(
            SealedFixture.path, identity: SealedFixture.identity, fileSystem: disk)
        for offset in Self.file.indices {
            for change in [UInt8(1) << (offset % 8), 0x80, 0xFF] {
                disk.damage(SealedFixture.path, at: offset) { $0 ^ change }
                visit(segment)
                disk.damage(SealedFixture.path, at: offset) { $0 ^ change }
            }
        }
        #expect(segment.faults.isEmpty)
    }

    @Test func `A damaged block is reported each time, the others are read`() throws {
        let disk = try SealedFixture.newDisk()
        let entries = (0 ..< 4).map {
            SealedModel.Entry(`Writing and reading sealed segments`.compressible(16_384, seed: $0))
        }
        let segment = try SealedFixture.make(on: disk, [SealedModel(number: 1, entries: entries)])
        let damaged = [segment.block(at: 1), segment.block(at: 3)]
        for block in damaged { disk.damage(SealedFixture.path, at: block.fileOffset + 7) }
        #expect(segment.faults.map(\.byteOffset) == damaged.map(\.fileOffset))
        #expect(segment.faults[0].description.hasPrefix("the store is damaged: \(SealedFixture.path) at byte "))
        #expect(throws: Never.self) { _ = try segment.decode(segment.block(at: 2)) }
    }

    /// Calls everything that reads.
    private func visit(_ segment: SealedSegment) {
        for row in 0 ..< segment.streamCount {
            let stream = segment.stream(at: row)
            _ = segment.row(of: stream).reduce(0) { $0 &+ Int($1) }
            #expect(segment.storedByteCount(of: stream) <= segment.byteCount + Int(UInt32.max))
            _ = segment.indexIsResident(of: stream)
            guard stream.blockCount > 0 else { continue }
            for position in [0, 15, 99, UInt64.max] {
                let index = segment.blockIndex(holding: StreamPosition(rawValue: position), of: stream)
                if let decoded = try? segment.decode(segment.block(at: index)) { decoded.forEachPiece { _, _ in } }
            }
        }
        for block in segment.blocks {
            _ = segment.isResident(block)
            _ = block.end
        }
        _ = segment.faults
    }
}
