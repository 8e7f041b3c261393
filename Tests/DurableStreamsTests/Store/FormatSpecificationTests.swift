import Foundation
import SegmentedLog
import SimulatedDisk
import Testing

@testable import DurableStreams

/// The example of `format-spec.md` is what a store writes, and nothing but.
@Suite struct FormatSpecificationTests {
    @Test func `The document's example is what a store writes`() throws {
        let written = try exampleFrames()
        let documented = try documentedBytes()
        if documented != written {
            Issue.record("the example should be:\n\(hexadecimal(written))")
        }
    }

    /// A store with the identifier 00 01 … 0f; a stream `a` of text; two appends, the second of which closes it.
    private func exampleFrames() throws -> [UInt8] {
        let disk = SimulatedDisk(seed: 1)
        var configuration = StoreConfiguration()
        configuration.fileSystem = disk
        configuration.hasThreads = false
        configuration.segmentByteCount = 64 << 10
        configuration.wallClock = { 1_700_000_000_000 }
        let halves = Halves()
        configuration.randomBits = { halves.next() }
        let store = try StreamStore.open(directory: "/store", configuration: configuration)
        let lane = DeliveryLane(direct: ())
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

    /// The lines of the form `1000  46 52 …` of the document.
    private func documentedBytes() throws -> [UInt8] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../..")
        let text = try String(contentsOf: root.appending(path: "format-spec.md"), encoding: .utf8)
        var bytes: [UInt8] = []
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            guard let offset = words.first.flatMap({ Int($0, radix: 16) }), words[0].count == 4,
                offset == 4096 + bytes.count
            else { continue }
            bytes += words.dropFirst().prefix(16).compactMap { $0.count == 2 ? UInt8($0, radix: 16) : nil }
        }
        return bytes
    }

    private func hexadecimal(_ bytes: [UInt8]) -> String {
        stride(from: 0, to: bytes.count, by: 16).map { start in
            let row = bytes[start..<min(start + 16, bytes.count)]
            return String(4096 + start, radix: 16) + "  " + row.map { String(format: "%02x", $0) }.joined(separator: " ")
        }.joined(separator: "\n")
    }
}
