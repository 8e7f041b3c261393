import Foundation
import SegmentedLog
import SimulatedDisk
import Testing

@testable import DurableStreams

/// The examples of `format-spec.md` are what a store writes, and nothing but.
@Suite struct FormatSpecificationTests {
    private static let sealedName = "0000000000000001-0000000000000001-00000000.sealed"

    @Test func `The document's example is what a store writes`() throws {
        let written = try exampleFrames(of: try example().disk)
        let documented = try documentedBytes(from: 4096)
        if documented != written {
            Issue.record("the example should be:\n\(hexadecimal(written, from: 4096))")
        }
    }

    @Test func `The document's sealed example is what a store makes of it`() throws {
        let (store, disk) = try example()
        // Does not fit into the first segment any more, which is sealed when this is durable.
        let path = try StreamPath("b")
        let large = [UInt8](repeating: 0x62, count: 61_200)
        large.withUnsafeBytes { store.create(CreateRequest(path: path), payload: $0, on: lane) { _ in } }
        store.runPendingWork()
        let written = try #require(disk.content("/store/\(Self.sealedName)"))
        let documented = try documentedBytes(from: 0)
        if documented != written {
            Issue.record("the example should be:\n\(hexadecimal(written, from: 0))")
        }
    }

    @Test func `A store reads the document's sealed example`() throws {
        let disk = SimulatedDisk(seed: 1)
        disk.setContent("/store/\(Self.sealedName)", try documentedBytes(from: 0))
        let store = try open(disk)
        let stream = try #require(store.stream(at: try StreamPath("a")))
        #expect(stream.contentType == ContentType("text/plain"))
        #expect(stream.snapshot.isClosed)
        #expect(try stream.read(from: .start, byteLimit: 100).bytes() == Array("hi!".utf8))
    }

    private let lane = DeliveryLane(direct: ())

    private func open(_ disk: SimulatedDisk) throws -> StreamStore {
        var configuration = StoreConfiguration()
        configuration.fileSystem = disk
        configuration.hasThreads = false
        configuration.segmentByteCount = 64 << 10
        configuration.wallClock = { 1_700_000_000_000 }
        let halves = Halves()
        configuration.randomBits = { halves.next() }
        return try StreamStore.open(directory: "/store", configuration: configuration)
    }

    /// A store with the identifier 00 01 … 0f; a stream `a` of text; two appends, the second of which closes it.
    private func example() throws -> (store: StreamStore, disk: SimulatedDisk) {
        let disk = SimulatedDisk(seed: 1)
        let store = try open(disk)
        let path = try StreamPath("a")
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        let contentType = try #require(ContentType("text/plain"))
        store.create(CreateRequest(path: path, contentType: contentType), payload: none, on: lane) { _ in }
        store.runPendingWork()
        Array("hi".utf8).withUnsafeBytes { store.append(AppendRequest(), payload: $0, to: path, on: lane) { _ in } }
        Array("!".utf8).withUnsafeBytes {
            store.append(AppendRequest(closes: true), payload: $0, to: path, on: lane) { _ in }
        }
        store.runPendingWork()
        return (store, disk)
    }

    private func exampleFrames(of disk: SimulatedDisk) throws -> [UInt8] {
        let file = try #require(disk.content("/store/0000000000000001.journal"))
        var end = 4096
        while file[end...].starts(with: "FRM1".utf8) {
            let byteCount = file[(end + 8)..<(end + 12)].reversed().reduce(0) { $0 << 8 | Int($1) }
            end += (byteCount + 7) / 8 * 8
        }
        return Array(file[4096..<end])
    }

    private final class Halves: @unchecked Sendable {
        private var values: [UInt64] = [0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908]
        func next() -> UInt64 { values.removeFirst() }
    }

    /// The lines of the form `1000  46 52 …` of the document, from the one with this offset on.
    private func documentedBytes(from start: Int) throws -> [UInt8] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")
        let text = try String(contentsOf: root.appending(path: "format-spec.md"), encoding: .utf8)
        var bytes: [UInt8] = []
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard let offset = words.first.flatMap({ Int($0, radix: 16) }), words[0].count == 4,
                offset == start + bytes.count
            else { continue }
            bytes += words.dropFirst().prefix(16).compactMap { $0.count == 2 ? UInt8($0, radix: 16) : nil }
        }
        return bytes
    }

    private func hexadecimal(_ bytes: [UInt8], from offset: Int) -> String {
        stride(from: 0, to: bytes.count, by: 16).map { start in
            let row = bytes[start..<min(start + 16, bytes.count)]
            let digits = row.map { String(format: "%02x", $0) }.joined(separator: " ")
            return String(format: "%04x", offset + start) + "  " + digits
        }.joined(separator: "\n")
    }
}
