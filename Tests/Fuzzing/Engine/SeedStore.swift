/// Writes a small store with a real log, for seeds: streams in the journal and in sealed segments, merged ones too.
enum SeedStore {
    final class Owner: LogStreamOwner {
        let logStream: LogStream
        init(_ logStream: LogStream) { self.logStream = logStream }
        func entriesDidCommit(_: CommittedEntries) {}
    }

    static func configuration() -> LogConfiguration {
        var configuration = LogConfiguration()
        configuration.segmentByteCount = SegmentSize.smallestByteCount
        configuration.threading = .manual
        configuration.mergedSegmentCount = 2
        configuration.recycledSegmentCountLimit = 1
        configuration.blockCacheByteCountLimit = 1 << 20
        configuration.maintenanceBytesPerSecond = nil
        configuration.wallClock = { 1_700_000_000_000 }
        var halves = [Repair.storeIdentifier.low, Repair.storeIdentifier.high]
        let low = halves.removeFirst()
        let high = halves.removeFirst()
        // Asked for twice, and either order is as good as the other one.
        let count = Counter()
        configuration.randomBits = { count.next() % 2 == 0 ? low : high }
        return configuration
    }

    private final class Counter: @unchecked Sendable {
        private var value = 0
        func next() -> Int {
            defer { value += 1 }
            return value
        }
    }

    /// - Parameter roundCount: Each fills about a third of a segment.
    static func write(roundCount: Int, deletes: Bool) -> MemoryFileSystem {
        let disk = MemoryFileSystem()
        guard
            let log = try? SegmentedLog.open(
                directory: "/store", configuration: configuration(), fileSystem: disk,
                recoverRow: { (_) throws(RecoveryRefusal) in }, recover: { (_) throws(RecoveryRefusal) in })
        else { fail("a new store does not open") }
        var writer = Writer(log: log)
        for round in 0..<roundCount {
            writer.create()
            for index in writer.streams.indices { writer.append(byteCount: 20_000 / writer.streams.count, to: index) }
            if deletes, round % 3 == 2 {
                writer.deleteFirst()
                writer.trimFirst()
            }
        }
        // A segment for itself; so all before it are full, and the journal behind it is small.
        if roundCount > 1 { writer.append(byteCount: 61_000, to: 0) }
        writer.create()
        for index in writer.streams.indices { writer.append(byteCount: 9, to: index) }
        if deletes { writer.trimFirst() }
        log.close()
        return disk
    }

    private struct Writer {
        let log: SegmentedLog
        var streams: [(owner: Owner, end: StreamPosition)] = []

        init(log: SegmentedLog) {
            self.log = log
            log.runPendingWork()
        }

        mutating func create() {
            let row = Array("row \(streams.count)".utf8)
            let owner = row.withUnsafeBytes { row in try? log.createStream(row: row) { Owner($0) } }
            guard let owner else { fail("no stream was created") }
            streams.append((owner, .start))
            log.runPendingWork()
        }

        /// In two entries.
        mutating func append(byteCount: Int, to index: Int) {
            let content = [UInt8](repeating: UInt8(truncatingIfNeeded: 97 + index), count: byteCount)
            let owned = OwnedBytes(byteCount: byteCount) { $0.copyBytes(from: content) }
            let (owner, end) = streams[index]
            let isTaken: Void? = Array("note".utf8).withUnsafeBytes { annotation in
                try? log.append(
                    to: owner, at: end, annotation: annotation,
                    payload: .owned(owned, partEnds: [byteCount / 2, byteCount]))
            }
            expect(isTaken != nil, "an append was refused")
            streams[index].end = end.advanced(by: byteCount)
            log.runPendingWork()
        }

        mutating func deleteFirst() {
            let (owner, end) = streams.removeFirst()
            expect((try? log.deleteStream(owner, at: end)) != nil, "a delete was refused")
            log.runPendingWork()
        }

        mutating func trimFirst() {
            guard let (owner, end) = streams.first else { return }
            expect((try? log.trim(owner, to: end)) != nil, "a trim was refused")
            log.runPendingWork()
        }
    }
}
