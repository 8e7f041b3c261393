import ArgumentParser
import Glibc

/// Reads of single records at random, and of whole streams, beside the other systems.
struct ReadBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "read",
        abstract: "Point reads and scans of the journal and of sealed segments, beside RocksDB, LMDB and SQLite.",
        discussion: """
            One thread reads; all records are in memory and have been read before. Every system copies what it found into \
            the caller's buffer. The systems take turns; the figures are medians of the rounds.
            """)

    @Option(help: "Where to make directories, on the disk to measure.") var directory = "/var/tmp"
    @Option(help: "MiB in all.") var mebibytes = 64
    @Option(help: "Point reads for each system and round.") var count = 100_000
    @Option(help: "Rounds.") var rounds = 3
    @Flag(help: "Only the engine, no others.") var alone = false
    @OptionGroup var report: ReportOptions

    func run() throws {
        var report = Report("read")
        let points = RecordSet(streams: 64, recordsPerStream: (mebibytes << 20) / 128 / 64, byteCount: 128)
        try measure("128 B at random, \(mebibytes) MiB in 64 streams", points, &report) { session, records, round in
            pointReads(session, records, round)
        }
        let scan = RecordSet(streams: 1, recordsPerStream: (mebibytes << 20) / 1_024, byteCount: 1_024)
        try measure("scan, \(mebibytes) MiB in 1 stream of 1 KiB records", scan, &report) { session, records, _ in
            scans(session, records)
        }
        try report.write(self.report)
    }

    private var systems: [any ReadSystem] {
        var systems: [any ReadSystem] = [
            EngineRead(place: .live), EngineRead(place: .cached), EngineRead(place: .decoded),
        ]
        guard !alone else { return systems }
        #if ROCKSDB
            systems += [RocksDBRead(isCached: true), RocksDBRead(isCached: false)]
        #endif
        #if LMDB
            systems.append(LMDBRead())
        #endif
        #if SQLITE
            systems.append(SQLiteRead())
        #endif
        return systems
    }

    private func measure(
        _ name: String, _ records: RecordSet, _ report: inout Report,
        _ body: (any ReadSession, RecordSet, _ round: Int) -> [(Metric, Double)]
    ) throws {
        let systems = systems
        let directories = try systems.map { _ in try TemporaryDirectory(in: directory) }
        defer { for directory in directories { directory.remove() } }
        let sessions = try zip(systems, directories).map { try $0.open($1.path, records) }
        for session in sessions { touch(session, records) }
        for round in 0..<rounds {
            for index in sessions.indices {
                let turn = (index + round) % sessions.count
                for (metric, value) in body(sessions[turn], records, round) {
                    report.add(value, metric, of: systems[turn].name, in: name)
                }
                sessions[turn].checkSource()
            }
        }
        for session in sessions { session.close() }
        report.printCase(name)
    }

    /// Reads every record once, and checks it: what is measured afterwards is in memory, and right.
    private func touch(_ session: any ReadSession, _ records: RecordSet) {
        withBuffer(records.byteCount) { buffer in
            for stream in 0..<records.streams {
                for number in 0..<records.recordsPerStream {
                    session.read(stream: stream, number: number, into: buffer)
                    records.check(buffer, stream: stream, number: number)
                }
            }
        }
        session.didTouch()
    }

    private func pointReads(_ session: any ReadSession, _ records: RecordSet, _ round: Int) -> [(Metric, Double)] {
        var random = SeededGenerator(UInt64(round))
        let places = (0..<count).map { _ in
            (Int.random(in: 0..<records.streams, using: &random), Int.random(in: 0..<records.recordsPerStream, using: &random))
        }
        return withBuffer(records.byteCount) { buffer in
            let processorBefore = processorNanoseconds()
            let before = monotonicNanoseconds()
            for (stream, number) in places { session.read(stream: stream, number: number, into: buffer) }
            let elapsed = Double(monotonicNanoseconds() - before)
            let processor = Double(processorNanoseconds() - processorBefore)
            // Again with a look at the clock for each, which itself takes some 30 ns.
            var latencies = Latencies()
            for (stream, number) in places.prefix(count / 2) {
                let before = monotonicNanoseconds()
                session.read(stream: stream, number: number, into: buffer)
                latencies.record(monotonicNanoseconds() - before)
            }
            return [
                (.reads, Double(count) / elapsed * 1e9), (.processorTime, processor / Double(count) / 1_000),
                (.median, latencies.microseconds(50)), (.percentile99, latencies.microseconds(99)),
            ]
        }
    }

    private func scans(_ session: any ReadSession, _ records: RecordSet) -> [(Metric, Double)] {
        withBuffer(1 << 20) { buffer in
            let processorBefore = processorNanoseconds()
            let before = monotonicNanoseconds()
            var megabytes = 0.0
            for _ in 0..<3 {
                let byteCount = session.scan(stream: 0, into: buffer)
                precondition(byteCount == records.totalByteCount, "only \(byteCount) bytes")
                megabytes += Double(byteCount) / 1e6
            }
            let elapsed = Double(monotonicNanoseconds() - before) / 1e9
            let processor = Double(processorNanoseconds() - processorBefore) / 1e6
            return [(.throughput, megabytes / elapsed), (.processorTimePerMegabyte, processor / megabytes)]
        }
    }

    private func withBuffer<Result>(_ byteCount: Int, _ body: (UnsafeMutableRawBufferPointer) -> Result) -> Result {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 64)
        defer { buffer.deallocate() }
        return body(buffer)
    }
}
