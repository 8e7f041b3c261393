import DurableStreams
import Glibc
import SegmentedLog

/// The engine's and the store's hot paths.
enum HotPaths {
    static let text = SampleText(byteCount: 4 << 20)

    static func all(in directory: String) throws -> [HotPath] {
        [
            try engineAppend(directory, writers: 1), try engineAppend(directory, writers: 64),
            try contendedAppend(directory), try storeAppend(directory), try duplicate(directory),
            try engineRead(directory), try storeRead(directory),
        ]
    }

    /// Appends by writers that each have one under way.
    private static func engineAppend(_ parent: String, writers: Int) throws -> HotPath {
        let directory = try TemporaryDirectory(in: parent)
        let log = try SegmentedLog.open(directory: directory.path, recoverRow: { _ in }, recover: { _ in })
        let streams = try log.makeStreams(64)
        return HotPath(
            name: "SegmentedLog: append, 100 B, sync, \(writers) writer\(writers == 1 ? "" : "s")",
            count: writers == 1 ? 2_000 : 100_000,
            run: {
                let chain = AppendChain(log, streams, count: writers == 1 ? 2_000 : 100_000)
                chain.run(writers)
            },
            end: {
                log.close()
                directory.remove()
            })
    }

    /// Threads that meet at the log's lock: what the futex calls of a busy log are.
    private static func contendedAppend(_ parent: String) throws -> HotPath {
        let directory = try TemporaryDirectory(in: parent)
        let log = try SegmentedLog.open(directory: directory.path, recoverRow: { _ in }, recover: { _ in })
        let streams = try log.makeStreams(4)
        return HotPath(
            name: "SegmentedLog: append, 100 B, not waited for, 4 threads", count: 100_000,
            run: {
                runThreads(4) { thread in
                    for number in 0..<25_000 {
                        text.withRecord(number, byteCount: 100) { record in
                            do {
                                try log.retrying { () throws(LogRefusal) in
                                    try streams[thread].append(record, to: log, nil)
                                }
                            } catch {
                                preconditionFailure("\(error)")
                            }
                        }
                    }
                }
                do { try log.settle() } catch { preconditionFailure("\(error)") }
            },
            end: {
                log.close()
                directory.remove()
            })
    }

    private static func storeAppend(_ parent: String) throws -> HotPath {
        let fixture = try StoreFixture(parent)
        return HotPath(
            name: "DurableStreams: append, 100 B, sync, 64 writers", count: 100_000,
            run: { fixture.append(100_000, writers: 64, AppendRequest()) }, end: fixture.end)
    }

    /// A retry of an append that was accepted long ago: nothing is written, nothing is waited for.
    private static func duplicate(_ parent: String) throws -> HotPath {
        let fixture = try StoreFixture(parent)
        let stamp = ProducerStamp(identifier: "sensor-17", epoch: 0, sequence: 0)
        fixture.append(64, writers: 1, AppendRequest(producer: stamp))
        return HotPath(
            name: "DurableStreams: duplicate of an append", count: 100_000,
            run: { fixture.append(100_000, writers: 1, AppendRequest(producer: stamp)) }, end: fixture.end)
    }

    private static func engineRead(_ parent: String) throws -> HotPath {
        let directory = try TemporaryDirectory(in: parent)
        let log = try SegmentedLog.open(directory: directory.path, recoverRow: { _ in }, recover: { _ in })
        let stream = try log.makeStreams(1)[0]
        try text.withRecord(0, byteCount: 1_024) { record in try stream.append(record, to: log, nil) }
        try log.settle()
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 1_024, alignment: 64)
        return HotPath(
            name: "SegmentedLog: read, 1 KiB, journal", count: 100_000,
            run: {
                for _ in 0..<100_000 {
                    let read = stream.logStream.read(
                        from: .start, upTo: stream.logStream.tail, byteCountLimit: 1_024, splitsEntries: true)
                    do { try read.copyBytes(into: buffer) } catch { preconditionFailure("\(error)") }
                }
            },
            end: {
                buffer.deallocate()
                log.close()
                directory.remove()
            })
    }

    private static func storeRead(_ parent: String) throws -> HotPath {
        let fixture = try StoreFixture(parent)
        fixture.append(64, writers: 1, AppendRequest())
        let path = fixture.paths[0]
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 100, alignment: 64)
        return HotPath(
            name: "DurableStreams: read, 100 B, journal", count: 100_000,
            run: {
                for _ in 0..<100_000 {
                    do {
                        let read = try fixture.store.stream(at: path)!.read(from: .start, byteLimit: 100)
                        try read.copyBytes(into: buffer)
                    } catch {
                        preconditionFailure("\(error)")
                    }
                }
            },
            end: {
                buffer.deallocate()
                fixture.end()
            })
    }
}
