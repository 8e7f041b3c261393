import Foundation
import SimulatedDisk
import Testing

@testable import DurableStreams

/// A store that version 1 wrote opens for ever, and holds what was put in.
@Suite struct GoldenStoreTests {
    private static let directory = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../Golden/version-1").standardized

    private static func opened() throws -> ManualStore {
        let disk = SimulatedDisk(seed: 1, recordsTrace: false)
        for name in try FileManager.default.contentsOfDirectory(atPath: directory.path) {
            disk.setContent("/store/\(name)", [UInt8](try Data(contentsOf: directory.appending(path: name))))
        }
        return try GoldenStore.open(disk)
    }

    private func expectContents(_ store: ManualStore, sourceLocation: SourceLocation = #_sourceLocation) throws {
        for expected in GoldenStore.expectations {
            let path = try StreamPath(expected.path)
            let stream = try #require(store.store.stream(at: path), "\(path)", sourceLocation: sourceLocation)
            #expect(stream.contentType == ContentType(expected.contentType), sourceLocation: sourceLocation)
            #expect(stream.lifetime == expected.lifetime, sourceLocation: sourceLocation)
            #expect(stream.earliest.rawValue == UInt64(expected.earliest), sourceLocation: sourceLocation)
            #expect(stream.snapshot.isClosed == expected.isClosed, sourceLocation: sourceLocation)
            let text = try store.content(path)
            #expect(Array(text.utf8) == Array(expected.text.utf8.dropFirst(expected.earliest)), sourceLocation: sourceLocation)
        }
        #expect(store.store.stream(at: try StreamPath(GoldenStore.softlyDeletedPath))?.isSoftDeleted == true)
        #expect(!store.exists(try StreamPath(GoldenStore.deletedPath)))
    }

    @Test func `The store of version 1 holds what was put in, also after it is opened again`() throws {
        let store = try Self.opened()
        try expectContents(store)
        #expect(store.store.statistics.streamCount == GoldenStore.expectations.count + 1)
        try store.restart()
        try expectContents(store)
    }

    @Test func `The store of version 1 knows its producers and sequences`() throws {
        let store = try Self.opened()
        let (produced, sequenced) = (try StreamPath("produced"), try StreamPath("sequenced"))
        for stamp in GoldenStore.lastStamps {
            let again = try store.append("again", to: produced, AppendRequest(producer: stamp))
            #expect(again.kind == .duplicate)
            let next = ProducerStamp(identifier: stamp.identifier, epoch: stamp.epoch, sequence: stamp.sequence + 1)
            #expect(try store.append("next", to: produced, AppendRequest(producer: next)).kind == .appended)
        }
        #expect(throws: StreamError.self) {
            try store.append("x", to: sequenced, AppendRequest(sequence: GoldenStore.lastSequence))
        }
        try store.append("x", to: sequenced, AppendRequest(sequence: GoldenStore.lastSequence + "0"))
    }

    @Test func `The forks of version 1 hold their source until they go`() throws {
        let store = try Self.opened()
        let source = try StreamPath(GoldenStore.softlyDeletedPath)
        try store.delete(try StreamPath("fork"))
        #expect(try store.content(StreamPath("fork of the fork")) == "what the source had and its own")
        #expect(store.exists(source))
        try store.delete(try StreamPath("fork of the fork"))
        #expect(!store.exists(source))
    }

    @Test func `The files of version 1 have rows in sealed segments and entries in the journal`() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.directory.path)
        #expect(names.contains { $0.hasSuffix(".sealed") })
        #expect(names.contains { $0.hasSuffix(".journal") })
    }

    /// Makes the files: for a new version of the format, never for one that is in use.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["WRITE_GOLDEN_STREAM_STORE"] != nil))
    func `A golden store can be written`() throws {
        let directory = URL(filePath: try #require(ProcessInfo.processInfo.environment["WRITE_GOLDEN_STREAM_STORE"]))
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let disk = try GoldenStore.written().disk
        for path in disk.paths where !path.hasSuffix("LOCK") && !path.hasSuffix(".recycled") {
            let name = URL(filePath: path).lastPathComponent
            try Data(try #require(disk.content(path))).write(to: directory.appending(path: name))
        }
    }
}
