import SegmentedLog
import SimulatedDisk
import Testing

/// The bytes on the disk, worked out by hand from the description of the format.
struct `The format of the journal` {
    static let firstSegmentPath = "/store/0000000000000001.journal"

    /// Segment 1 of 65,536 bytes, store identifier 00 01 … 0F.
    static let headerStart = bytes(
        hexadecimal: """
            5345474c4f474a31 01000000 00100000
            0100000000000000 0000010000000000
            000102030405060708090a0b0c0d0e0f
            """)
    static let headerChecksum = bytes(hexadecimal: "4ff4f442")

    /// Creates stream 1 with the row "row" and the payload "hello" with a comma behind it.
    static let firstFrame = bytes(
        hexadecimal: """
            46524d31 7552a816 79000000 3b000000 0100000000000000 0100000000000000
            0000000000000000 0068e5cf8b010000 02000000 00000000
            01 01 0000 03000000 00000000 0100000000000000 0000000000000000 726f77
            02 00 0000 00000000 06000000 0100000000000000 0000000000000000
            68656c6c6f2c 00000000000000
            """)
    /// Appends "world" with the annotation "note".
    static let secondFrame = bytes(
        hexadecimal: """
            46524d31 30396039 5d000000 20000000 0100000000000000 0300000000000000
            0200000000000000 0068e5cf8b010000 01000000 7552a816
            02 00 0000 04000000 05000000 0100000000000000 0600000000000000 6e6f7465
            776f726c64 000000
            """)
    /// Appends "abc" and "de" as one append with the annotation "end", then deletes the stream.
    static let thirdFrame = bytes(
        hexadecimal: """
            46524d31 db13619b 94000000 57000000 0100000000000000 0400000000000000
            0300000000000000 0068e5cf8b010000 03000000 30396039
            02 01 0000 00000000 03000000 0100000000000000 0b00000000000000
            02 00 0000 03000000 02000000 0100000000000000 0e00000000000000 656e64
            03 00 0000 00000000 00000000 0100000000000000 1000000000000000
            6162636465 00000000
            """)

    static var header: [UInt8] {
        headerStart + [UInt8](repeating: 0, count: 4092 - headerStart.count) + headerChecksum
    }

    static func segment(_ frames: [UInt8]) -> [UInt8] {
        header + frames + [UInt8](repeating: 0, count: 65_536 - 4096 - frames.count)
    }

    @Test func `The checksums of the worked example are those of RFC 1952`() {
        let identifier = (0 ..< 16).map { UInt8($0) }
        #expect(bitwiseChecksum("123456789".utf8) == 0xCBF4_3926)
        #expect(littleEndian(bitwiseChecksum(Self.header.prefix(4092))) == Self.headerChecksum)
        for frame in [Self.firstFrame, Self.secondFrame, Self.thirdFrame] {
            let byteCount = Int(frame[8]) | Int(frame[9]) << 8
            #expect(littleEndian(bitwiseChecksum(identifier + frame[8 ..< byteCount])) == Array(frame[4 ..< 8]))
            #expect(frame.count == (byteCount + 7) / 8 * 8)
        }
    }

    @Test func `A log writes the bytes of the worked example`() throws {
        let test = try TestLog(SimulatedDisk(seed: 1))
        let stream = try Array("hello".utf8).withUnsafeBytes { payload in
            try Array("row".utf8).withUnsafeBytes { row in
                try test.log.createStream(row: row, payload: .borrowed(payload, terminator: 0x2C)) { TestStream($0) }
            }
        }
        stream.didSubmit(byteCount: 6)
        test.run()
        try test.append(Array("world".utf8), annotation: Array("note".utf8), to: stream)
        test.run()
        try test.append(parts: [Array("abc".utf8), Array("de".utf8)], annotation: Array("end".utf8), to: stream)
        try test.delete(stream)
        test.run()
        let content = try #require(test.disk.content(Self.firstSegmentPath))
        #expect(content.count == 65_536)
        #expect(Array(content.prefix(48)) == Self.headerStart)
        #expect(Array(content.prefix(4096)) == Self.header)
        let frames = Self.firstFrame + Self.secondFrame + Self.thirdFrame
        #expect(Array(content[4096...].prefix(frames.count)) == frames)
        #expect(content[(4096 + frames.count)...].allSatisfy { $0 == 0 })
    }

    @Test func `A log reads the bytes of the worked example`() throws {
        let disk = SimulatedDisk(seed: 1)
        disk.setContent(Self.firstSegmentPath, Self.segment(Self.firstFrame + Self.secondFrame))
        let test = try TestLog(disk)
        let stream = try #require(test.recovered.streams[1])
        #expect(stream.row == Array("row".utf8))
        #expect(stream.text == "hello,world")
        #expect(
            stream.appends == [
                .init(annotation: [], byteCount: 6), .init(annotation: Array("note".utf8), byteCount: 5),
            ])
        #expect(test.recovered.committedAt == [1_700_000_000_000, 1_700_000_000_000, 1_700_000_000_000])
        #expect(test.events.warnings.isEmpty)
    }

    @Test func `The deletion in the worked example is read as such`() throws {
        let disk = SimulatedDisk(seed: 1)
        disk.setContent(Self.firstSegmentPath, Self.segment(Self.firstFrame + Self.secondFrame + Self.thirdFrame))
        let test = try TestLog(disk)
        #expect(test.recovered.streams.isEmpty)
        #expect(test.recovered.deletedNumbers == [1])
        #expect(test.recovered.entryCount == 6)
        // Numbers go on behind those that were used.
        #expect(try test.createNow().number == 7)
    }

    @Test(arguments: [16, 24, 52])
    func `A frame of another segment, place or predecessor is no continuation, though its checksum holds`(
        _ offset: Int
    ) throws {
        var frame = Self.secondFrame
        frame[offset] ^= 0x04
        let identifier = (0 ..< 16).map { UInt8($0) }
        frame.replace(at: 4, with: littleEndian(bitwiseChecksum(identifier + frame[8 ..< 0x5D])))
        let disk = SimulatedDisk(seed: 1)
        disk.setContent(Self.firstSegmentPath, Self.segment(Self.firstFrame + frame))
        // Only a number further on makes it say that what is missing was synced: it says 2, and that is there.
        let test = try TestLog(disk)
        #expect(test.recovered.streams[1]?.text == "hello,")
    }

    // MARK: Headers that are refused

    @Test func `A newer version is refused by its number, whatever its checksum`() throws {
        var content = Self.segment(Self.firstFrame)
        content.replace(at: 8, with: littleEndian(UInt32(2)))
        let error = try openingFails(content)
        guard case .unsupportedVersion(Self.firstSegmentPath, 2) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test(arguments: [
        (0, littleEndian(UInt64(1)), 0), (12, littleEndian(UInt32(8192)), 12), (16, littleEndian(UInt64(2)), 16),
        (24, littleEndian(UInt64(65_528)), 65_536), (24, littleEndian(UInt64(1) << 40), 24), (48, [1], 48),
        (4091, [1], 48),
    ])
    func `A header field that is wrong is named by its place, though the checksum holds`(
        _ offset: Int, _ value: [UInt8], _ reportedOffset: Int
    ) throws {
        var content = Self.segment(Self.firstFrame)
        content.replace(at: offset, with: value)
        content.replace(at: 4092, with: littleEndian(bitwiseChecksum(content.prefix(4092))))
        try expectCorruption(content, at: reportedOffset)
    }

    @Test(arguments: [16, 24, 32, 47, 100, 4092, 4095])
    func `A header with a changed byte is refused for its checksum`(_ offset: Int) throws {
        var content = Self.segment(Self.firstFrame)
        content[offset] ^= 0x40
        try expectCorruption(content, at: 4092)
    }

    @Test func `A segment file that is cut short is refused`() throws {
        try expectCorruption(Array(Self.segment(Self.firstFrame).prefix(5000)), at: 5000)
        try expectCorruption(Array(Self.segment(Self.firstFrame).prefix(100)), at: 100)
        try expectCorruption([], at: 0)
    }

    @Test func `A segment of another store is refused`() throws {
        let disk = SimulatedDisk(seed: 1)
        disk.setContent(Self.firstSegmentPath, Self.segment(Self.firstFrame))
        var other = Self.segment([])
        other.replace(at: 16, with: littleEndian(UInt64(2)))
        other[32] = 0xFF
        other.replace(at: 4092, with: littleEndian(bitwiseChecksum(other.prefix(4092))))
        disk.setContent("/store/0000000000000002.journal", other)
        let error = #expect(throws: LogOpenError.self) { _ = try TestLog(disk) }
        guard case .corrupt("/store/0000000000000002.journal", 32, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    private func openingFails(_ content: [UInt8]) throws -> LogOpenError? {
        let disk = SimulatedDisk(seed: 1)
        disk.setContent(Self.firstSegmentPath, content)
        let error = #expect(throws: LogOpenError.self) { _ = try TestLog(disk) }
        #expect(disk.content(Self.firstSegmentPath) == content, "a refused file must stay as it is")
        return error
    }

    private func expectCorruption(_ content: [UInt8], at expectedOffset: Int) throws {
        let error = try openingFails(content)
        guard case .corrupt(let path, let byteOffset, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(path == Self.firstSegmentPath)
        #expect(byteOffset == expectedOffset)
    }
}
