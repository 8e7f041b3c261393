import Foundation
import SegmentedLog
import SimulatedDisk
import Testing

/// The bytes that `format-spec.md` shows, taken out of the document, are a store to the engine and to the reader that
/// was written from the document.
struct `The examples of the format's description` {
    /// A name that the store's directory has, and what is in the file.
    struct Example: CustomTestStringConvertible, Sendable {
        var name: String
        var content: [UInt8]
        var testDescription: String { name }
    }

    /// What the document's text says of both.
    private static let creation = bytes(
        hexadecimal: "0100 0068e5cf8b010000 01000000 61 0a000000 746578742f706c61696e 00 00")

    private static let journal = Example(
        name: "0000000000000001.journal", content: journalSegment(frames: dump(beginningAt: 0x1000)))
    private static let sealed = Example(
        name: "0000000000000001-0000000000000001-00000000.sealed", content: dump(beginningAt: 0))

    private static let expectedJournalStream = ReadStream(
        start: 0, tail: 3, newestCommitAt: 1_700_000_000_000, row: nil,
        entries: [
            ReadStream.Entry(kind: "create", position: 0, annotation: creation),
            ReadStream.Entry(kind: "append", position: 0, annotation: []),
            ReadStream.Entry(kind: "append", position: 2, annotation: [1, 1]),
        ],
        content: ComparableBytes(bytes: Array("hi!".utf8)))
    private static let expectedSealedStream = ReadStream(
        start: 0, tail: 3, newestCommitAt: 1_700_000_000_000, row: [1, 1, 0x1F, 0, 0, 0] + creation, entries: [],
        content: ComparableBytes(bytes: Array("hi!".utf8)))

    @Test func `are as long as the text says`() {
        #expect(Self.dump(beginningAt: 0x1000).count == 0xF0)
        #expect(Self.sealed.content.count == 0x150)
    }

    @Test(arguments: [(journal, expectedJournalStream), (sealed, expectedSealedStream)])
    func `are what the engine reads`(_ example: Example, _ expected: ReadStream) throws {
        #expect(try engineReading(example) == [1: expected])
    }

    @Test(
        .enabled(if: PythonReader.isAvailable, "needs python3 with the package lz4"),
        arguments: [(journal, expectedJournalStream), (sealed, expectedSealedStream)])
    func `are what the other reader reads`(_ example: Example, _ expected: ReadStream) throws {
        let directory = try TemporaryDirectory()
        try Data(example.content).write(to: directory.url.appending(path: example.name))
        #expect(try PythonReader.read(directory.url) == [1: expected])
    }

    /// A reader that takes anything would take them, too.
    @Test(arguments: [(journal, 0x1078), (sealed, 0x40)])
    func `are nothing any more when a byte of them is another one`(_ example: Example, _ offset: Int) throws {
        var changed = example
        changed.content[offset] ^= 1
        let found = try engineReading(changed)
        #expect(found?[1]?.content.bytes != Array("hi!".utf8))
    }

    private func engineReading(_ example: Example) throws -> [UInt64: ReadStream]? {
        let disk = SimulatedDisk(seed: 1, recordsTrace: false)
        try disk.createDirectory("/store")
        disk.setContent("/store/\(example.name)", example.content)
        return try EngineReading.read("/store", fileSystem: disk)
    }

    // MARK: Out of the document

    /// The bytes of the lines between ``` that begin with this offset, each line with the offset of its first byte.
    private static func dump(beginningAt offset: Int) -> [UInt8] {
        let document = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../format-spec.md")
        let text = try! String(contentsOf: document.standardized, encoding: .utf8)
        for block in text.components(separatedBy: "```").enumerated().filter({ $0.offset % 2 == 1 }).map(\.element) {
            let lines = block.split(separator: "\n").map { $0.split(separator: " ") }
            guard lines.first?.first.flatMap({ Int($0, radix: 16) }) == offset else { continue }
            var bytes: [UInt8] = []
            for line in lines {
                precondition(Int(line[0], radix: 16) == offset + bytes.count, "a line is not where its number says")
                bytes += line.dropFirst().map { UInt8($0, radix: 16)! }
            }
            return bytes
        }
        return []
    }

    /// With a header as section 2.1 says, for the store with the identifier 00 01 … 0f.
    private static func journalSegment(frames: [UInt8]) -> [UInt8] {
        var header = Array("SEGLOGJ1".utf8) + littleEndian(UInt32(1)) + littleEndian(UInt32(4096))
        header += littleEndian(UInt64(1)) + littleEndian(UInt64(64 << 10)) + (0 ... 15)
        header += [UInt8](repeating: 0, count: 4044)
        header += littleEndian(bitwiseChecksum(header))
        return header + frames + [UInt8](repeating: 0, count: (64 << 10) - header.count - frames.count)
    }
}
