import Foundation
import SegmentedLog
import Testing

/// A store that version 1 of the format wrote opens for ever, and holds what was put in.
struct `Golden store` {
    private static let directory = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../Golden/version-1").standardized

    @Test func `The store of version 1 holds what was put in`() throws {
        let directory = try TemporaryDirectory(copyOf: Self.directory)
        for _ in 0 ..< 2 {
            let found = try #require(try EngineReading.read(directory.url.path))
            #expect(Set(found.keys) == Set(GoldenStore.streams.keys))
            for (number, expected) in GoldenStore.streams {
                let stream = try #require(found[number])
                #expect(stream.start == UInt64(expected.start))
                #expect(stream.tail == UInt64(expected.content.count))
                #expect(stream.content == ComparableBytes(bytes: Array(expected.content[expected.start...])))
                #expect(stream.newestCommitAt == expected.newestCommitAt)
                #expect(annotations(of: stream) == [expected.row] + expected.annotations)
            }
        }
    }

    @Test func `The store of version 1 drops its torn frame, and goes on`() throws {
        let directory = try TemporaryDirectory(copyOf: Self.directory)
        let recovered = RecoveredStreams()
        let events = EventRecorder()
        var configuration = TestLog.configuration()
        configuration.eventHandler = { events.record($0) }
        let log = try SegmentedLog.open(
            directory: directory.url.path, configuration: configuration,
            recoverRow: { row throws(RecoveryRefusal) in try recovered.add(row) },
            recover: { entry throws(RecoveryRefusal) in try recovered.add(entry) })
        #expect(events.warnings.map(\.message) == ["dropped what was never durable from the end of the log"])
        let (number, expected) = try #require(GoldenStore.streams.min { $0.key < $1.key })
        let stream = TestStream(try #require(recovered.streams[number]).logStream)
        try Array("more".utf8).withUnsafeBytes { more in
            try log.append(
                to: stream, at: stream.submittedEnd, annotation: .init(start: nil, count: 0),
                payload: .borrowed(more, terminator: nil))
        }
        log.runPendingWork()
        log.close()
        let found = try EngineReading.read(directory.url.path)
        #expect(found?[number]?.content.bytes == expected.content + Array("more".utf8))
    }

    @Test(.enabled(if: PythonReader.isAvailable, "needs python3 with the package lz4"))
    func `The store of version 1 reads the same in another language`() throws {
        let directory = try TemporaryDirectory(copyOf: Self.directory)
        #expect(try PythonReader.read(directory.url) == EngineReading.read(directory.url.path))
    }

    @Test func `The store of version 1 has what the format has`() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.directory.path)
        let sealed = names.filter { $0.hasSuffix(".sealed") }
        #expect(Set(sealed.map { $0.dropLast(".sealed".count).suffix(8) }).count == 2, "generations")
        #expect(names.contains { $0.hasSuffix(".journal") })
    }

    /// Makes the files: for a new version of the format, never for one that is in use.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["WRITE_GOLDEN_STORE"] != nil))
    func `A golden store can be written`() throws {
        let directory = URL(filePath: try #require(ProcessInfo.processInfo.environment["WRITE_GOLDEN_STORE"]))
        try GoldenStore.write(to: directory)
        try FileManager.default.removeItem(at: directory.appending(path: "LOCK"))
    }

    private func annotations(of stream: ReadStream) -> [[UInt8]] {
        var result: [[UInt8]] = []
        if let bytes = stream.row, let row = bytes.withUnsafeBytes({ AppendListRows.Row($0) }) {
            result = [row.creation] + row.annotations
        }
        for entry in stream.entries where entry.kind == "create" || !entry.annotation.isEmpty {
            result.append(entry.annotation)
        }
        return result
    }
}
