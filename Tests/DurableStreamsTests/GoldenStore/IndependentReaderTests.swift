import Foundation
import SegmentedLog
import SimulatedDisk
import Testing

@testable import DurableStreams

/// Section 5 of `format-spec.md` says enough to read the streams of a store: a reader that was written from it finds
/// what the store finds.
@Suite(.enabled(if: IndependentReader.isAvailable, "needs python3 with the package lz4"))
struct IndependentReaderTests {
    private static let golden = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../Golden/version-1").standardized

    @Test func `The streams of the store of version 1 are what the store says`() throws {
        let disk = SimulatedDisk(seed: 1, recordsTrace: false)
        for name in try FileManager.default.contentsOfDirectory(atPath: Self.golden.path) {
            disk.setContent("/store/\(name)", [UInt8](try Data(contentsOf: Self.golden.appending(path: name))))
        }
        let store = try GoldenStore.open(disk)
        let found = try IndependentReader.read(Self.golden)
        try expectSame(found, store)
        #expect(found.count == GoldenStore.expectations.count + 1)
        #expect(found.values.contains { $0.softlyDeleted })
    }

    /// What the golden store does not have, once in the journal and once in rows: retention, ends by a producer,
    /// streams that are closed at creation, forks of what was trimmed, and trims of what is shared, inherited or a fork's own.
    @Test(arguments: [false, true])
    func `Whatever records can say is what the store says`(_ isSealed: Bool) throws {
        let store = try ManualStore()
        try write(to: store)
        if isSealed { for _ in 0..<2 { try fill(store) } }
        let sealedCount = store.disk.paths.count { $0.hasSuffix(".sealed") }
        #expect(isSealed ? sealedCount >= 1 : sealedCount == 0)
        store.store.close()
        let directory = FileManager.default.temporaryDirectory.appending(path: "streams-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        for path in store.disk.paths {
            let name = URL(filePath: path).lastPathComponent
            try Data(try #require(store.disk.content(path))).write(to: directory.appending(path: name))
        }
        try store.restart()
        let found = try IndependentReader.read(directory)
        try expectSame(found, store)
        #expect(found.values.contains { $0.retention?.byteCount == nil && $0.retention?.ageSeconds == 1_000_000 })
        #expect(found.values.contains { $0.retention?.byteCount == 1 << 40 && $0.retention?.ageSeconds == nil })
        #expect(found.values.contains { $0.closedBy?.identifier == "producer" && $0.closed })
        #expect(found.values.contains { $0.fork?.start == 4 && $0.earliest == 4 })
        #expect(found.values.contains { $0.fork?.inheritsLifetime == false && $0.lifetime?.seconds == 7_000_000 })
        #expect(found.values.filter { $0.fork != nil && $0.earliest > $0.fork!.start }.count == 2)
    }

    private func expectSame(_ found: [UInt64: ReadStream], _ store: ManualStore) throws {
        #expect(found.count == store.store.statistics.streamCount)
        for stream in found.values {
            let other = try #require(store.store.stream(at: try StreamPath(stream.path)), "\(stream.path)")
            let expected = try ReadStream(other)
            #expect(stream == expected, "\(stream.path)")
            // Swift takes different spellings of one text for the same.
            let (identifiers, others) = (stream.producers.map(\.identifier), expected.producers.map(\.identifier))
            #expect(identifiers.map { Array($0.utf8) } == others.map { Array($0.utf8) })
        }
    }

    private func write(to store: ManualStore) throws {
        let source = try StreamPath("source")
        try store.create(CreateRequest(path: source, lifetime: .sliding(seconds: 9_000_000)), "0123456789")
        try store.trim(source, upTo: 4)
        func fork(_ name: String, _ lifetime: Lifetime? = nil) throws -> StreamPath {
            let path = try StreamPath(name)
            let request = ForkRequest(source: source, offset: StreamPosition(rawValue: 8))
            try store.create(CreateRequest(path: path, lifetime: lifetime, fork: request), "abcdef")
            return path
        }
        _ = try fork("untouched")
        // Within what it inherits, and within what is its own.
        try store.trim(try fork("trimmed a little", .sliding(seconds: 7_000_000)), upTo: 6)
        try store.trim(try fork("trimmed a lot"), upTo: 11)
        // While its forks need it.
        try store.trim(source, upTo: 9)
        let closed = try StreamPath("closed")
        try store.create(
            CreateRequest(path: closed, closed: true, retention: Retention(ageLimitSeconds: 1_000_000)), "all of it")
        let produced = try StreamPath("produced")
        try store.create(CreateRequest(path: produced, retention: Retention(byteCountLimit: 1 << 40)))
        for (identifier, sequence) in [("b", 0), ("a", 0), ("b", 1), ("e\u{301}", 0), ("\u{E9}", 0), ("producer", 0)] {
            let stamp = ProducerStamp(identifier: identifier, epoch: 3, sequence: UInt64(sequence))
            let request = AppendRequest(closes: identifier == "producer", sequence: nil, producer: stamp)
            try store.append("\(identifier)\(sequence)", to: produced, request)
        }
    }

    /// So that what was written before is in a sealed segment.
    private func fill(_ store: ManualStore) throws {
        let path = try StreamPath("filler")
        if !store.exists(path) { try store.create(CreateRequest(path: path)) }
        for _ in 0..<3 { try store.append(String(repeating: "f", count: 30_000), to: path) }
    }
}
