import SimulatedDisk
import Testing

@testable import SegmentedLog

/// The bytes on the disk, worked out from the description of the format by a program in another language.
struct `The format of sealed segments` {
    /// Journal segments 3 to 7, generation 2, store identifier 00 01 … 0F.
    static let header = bytes(
        hexadecimal: """
            5345474c4f475331 01000000 40000000 0300000000000000 0700000000000000 02000000 00000000
            000102030405060708090a0b0c0d0e0f 00000000 d4987d39
            """)
    /// "hello," and "worlds" as one append, stored as they are; 100 times "a", compressed; padding.
    static let blocks = bytes(
        hexadecimal: """
            68656c6c6f2c 776f726c6473 0c 0d
            1f 61 0100 4d 50 616161 c901
            00000000000000
            """)
    static let index = bytes(
        hexadecimal: """
            0a00000000000000 4000000000000000 0e000000 0c000000 e82a4d8b 0200 00 01 d007000000000000
            0000000000000000 4e00000000000000 0b000000 64000000 f6517bb4 0200 01 01 b80b000000000000
            """)
    /// Streams 5, 7 (a tombstone), 9, and 11 (without blocks).
    static let table = bytes(
        hexadecimal: """
            0500000000000000 00 000000 04000000 0000000000000000
            0400000000000000 1600000000000000 00000000 01000000 d007000000000000
            0700000000000000 01 000000 00000000 0000000000000000
            0000000000000000 0000000000000000 00000000 00000000 0000000000000000
            0900000000000000 00 000000 00000000 0400000000000000
            0000000000000000 6400000000000000 01000000 01000000 b80b000000000000
            0b00000000000000 00 000000 01000000 0400000000000000
            0800000000000000 0800000000000000 00000000 00000000 f401000000000000
            """)
    /// "row5" and "r"; padding.
    static let rows = bytes(hexadecimal: "726f7735 72 000000")
    static let footer = bytes(
        hexadecimal: """
            5345474c4f474631 5900000000000000
            6000000000000000 02000000 42c36edc b000000000000000 04000000 53d7e591
            9001000000000000 0500000000000000 fe3c5958 0df0feca 1100000000000000 2a00000000000000
            000000000000000000000000000000000000000000000000000000000000000000000000 8c714da6
            """)
    static let file = header + blocks + index + table + rows + footer

    static let models = [
        SealedModel(
            number: 5, position: 10,
            entries: [
                .init(Array("hello,".utf8), endsAppend: false, committedAt: 1_000),
                .init(Array("worlds".utf8), committedAt: 2_000),
            ],
            row: Array("row5".utf8), start: 4, newestCommitAt: 2_000),
        SealedModel(number: 7, isTombstone: true),
        SealedModel(
            number: 9, entries: [.init([UInt8](repeating: 0x61, count: 100), committedAt: 3_000)],
            newestCommitAt: 3_000),
        SealedModel(number: 11, row: Array("r".utf8), start: 8, distanceToTail: 8, newestCommitAt: 500),
    ]

    @Test func `A writer writes the bytes of the worked example`() throws {
        let disk = try SealedFixture.newDisk()
        let segment = try SealedFixture.make(on: disk, Self.models)
        let content = try #require(disk.content(SealedFixture.path))
        #expect(Array(content.prefix(64)) == Self.header)
        #expect(Array(content[64 ..< 96]) == Self.blocks)
        #expect(Array(content[96 ..< 176]) == Self.index)
        #expect(Array(content[176 ..< 400]) == Self.table)
        #expect(Array(content[400 ..< 408]) == Self.rows)
        #expect(Array(content[408...]) == Self.footer)
        #expect(segment.byteCount == content.count)
        #expect(disk.unsynchronizedWriteCount(SealedFixture.path) == 0)
    }

    @Test func `A reader reads the bytes of the worked example`() throws {
        let segment = try SealedFixture.open(Self.file)
        #expect(segment.identity == SealedFixture.identity)
        #expect(segment.storeIdentifier == SealedFixture.storeIdentifier)
        #expect(segment.path == SealedFixture.path)
        #expect(segment.byteCount == 536)
        #expect(segment.firstSequenceNumber.rawValue == 17)
        #expect(segment.endSequenceNumber.rawValue == 42)
        #expect(segment.lastFrameChecksum == 0xCAFE_F00D)
        #expect(segment.streamCount == 4)
        #expect(segment.blockCount == 2)
        var expected = Self.models
        // A block has one time for all of its entries.
        expected[0].entries[0].committedAt = 2_000
        #expect(try segment.models() == expected)
        #expect(segment.faults.isEmpty)
        #expect(segment.block(at: 0).codec == .stored)
        #expect(segment.block(at: 0).end.rawValue == 22)
        #expect(segment.block(at: 1).codec == .lz4)
    }

    @Test func `A segment without streams is only a header and a footer`() throws {
        let disk = try SealedFixture.newDisk()
        let segment = try SealedFixture.make(on: disk, [SealedModel]())
        #expect(segment.byteCount == 64 + 128)
        #expect(segment.streamCount == 0)
        #expect(segment.blockCount == 0)
        #expect(segment.faults.isEmpty)
    }

    @Test(arguments: [
        (1, false, [0x02]), (1, true, [0x03]), (63, true, [0x7F]), (64, false, [0x80, 0x01]),
        (8_191, true, [0xFF, 0x7F]), (8_192, false, [0x80, 0x80, 0x01]), (65_536, true, [0x81, 0x80, 0x08]),
    ])
    func `A boundary is its byte count and a flag, seven bits in a byte`(
        _ byteCount: Int, _ endsAppend: Bool, _ expected: [UInt8]
    ) {
        let boundary = SealedBoundary(byteCount: byteCount, endsAppend: endsAppend)
        var list = CommitBuffer(capacity: 8)
        boundary.encode(into: &list)
        let encoded = Array(list.bytes)
        #expect(encoded == expected)
        #expect(decode(encoded) == boundary)
    }

    @Test(arguments: [
        [], [0x00], [0x01], [0x80], [0x80, 0x80, 0x80, 0x80, 0x80], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],
    ] as [[UInt8]])
    func `A boundary without bytes, or without an end in five bytes, is none`(_ bytes: [UInt8]) {
        #expect(decode(bytes) == nil)
    }

    @Test func `A boundary takes all of five bytes`() {
        #expect(decode([0xFF, 0xFF, 0xFF, 0xFF, 0x7F]) == SealedBoundary(byteCount: (1 << 34) - 1, endsAppend: true))
    }

    private func decode(_ bytes: [UInt8]) -> SealedBoundary? {
        bytes.withUnsafeBytes { bytes in
            var reader = ByteReader(bytes)
            return SealedBoundary.decode(&reader)
        }
    }
}
