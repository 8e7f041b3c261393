import ArgumentParser
import SegmentedLog

/// Appends by many writers to many streams, beside what else a program could append to, in the same run.
struct AppendBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "append",
        abstract: "Rate, CPU and latency of appends, beside plain files, RocksDB, LMDB and SQLite.",
        discussion: """
            Runs the cases of the default set, or all combinations of the writers, streams, sizes and durabilities that \
            are given. The systems take turns within each round; the figures are medians of the rounds. CPU is that of \
            the whole process, the writers included.
            """)

    @Option(help: "Where to make directories, on the disk to measure.") var directory = "/var/tmp"
    @Option(parsing: .upToNextOption, help: "Writers, such as 1 16 64 1000.") var writers: [Int] = []
    @Option(parsing: .upToNextOption, help: "Streams, such as 1 64 10000.") var streams: [Int] = []
    @Option(parsing: .upToNextOption, help: "Bytes of an append, such as 100 1024 65536.") var byteCounts: [Int] = []
    @Option(parsing: .upToNextOption, help: "sync, interval:MILLISECONDS, none.") var durabilities: [String] = []
    @Option(help: "So many appends are acknowledged together.") var batch = 1
    @Flag(help: "Only the engine and the store on it, no others.") var alone = false
    @Flag(help: "Also Swift tasks that await each append.") var tasks = false
    @Option(help: "Seconds for each system, case and round.") var seconds = 1.0
    @Option(help: "Rounds.") var rounds = 3
    @OptionGroup var report: ReportOptions

    func run() throws {
        let text = SampleText(byteCount: 4 << 20)
        var report = Report("append")
        for appendCase in try cases() {
            let systems = systems.filter { $0.canRun(appendCase) }
            for round in 0..<rounds {
                for index in systems.indices {
                    // Nobody is always first, or always after the same other one.
                    let system = systems[(index + round) % systems.count]
                    try AppendMeasurement(system, appendCase, text, in: directory, seconds: seconds)
                        .add(to: &report, system, appendCase)
                }
            }
            report.printCase(appendCase.name)
        }
        try report.write(self.report, parameters: ["seconds": "\(seconds)", "rounds": "\(rounds)"])
    }

    private var systems: [any AppendSystem] {
        var systems: [any AppendSystem] = [EngineAppend(), ThreadAppend(), StoreAppend()]
        if tasks { systems.append(TaskAppend()) }
        guard !alone else { return systems }
        systems += [PlainFiles(kind: .growing), PlainFiles(kind: .zeroed)]
        #if ROCKSDB
            systems.append(RocksDBAppend())
        #endif
        #if LMDB
            systems.append(LMDBAppend())
        #endif
        #if SQLITE
            systems.append(SQLiteAppend())
        #endif
        return systems
    }

    private func cases() throws -> [AppendCase] {
        guard writers.isEmpty, streams.isEmpty, byteCounts.isEmpty, durabilities.isEmpty, batch == 1 else {
            let durabilities = try (self.durabilities.isEmpty ? ["sync"] : self.durabilities).map { text in
                guard let durability = Durability(text) else {
                    throw ValidationError("\(text) is not sync, interval:MILLISECONDS or none.")
                }
                return durability
            }
            return durabilities.flatMap { durability in
                (byteCounts.isEmpty ? [100] : byteCounts).flatMap { byteCount in
                    (streams.isEmpty ? [64] : streams).flatMap { streams in
                        (writers.isEmpty ? [64] : writers).map { writers in
                            AppendCase(
                                writers: writers, streams: streams, byteCount: byteCount, durability: durability,
                                batch: batch)
                        }
                    }
                }
            }
        }
        return Self.defaultCases
    }

    /// One thing changes at a time: writers, streams, size, durability, batches.
    private static let defaultCases = [
        AppendCase(writers: 1, streams: 1, byteCount: 100, durability: .sync),
        AppendCase(writers: 16, streams: 64, byteCount: 100, durability: .sync),
        AppendCase(writers: 64, streams: 1, byteCount: 100, durability: .sync),
        AppendCase(writers: 64, streams: 64, byteCount: 100, durability: .sync),
        AppendCase(writers: 64, streams: 10_000, byteCount: 100, durability: .sync),
        AppendCase(writers: 1_000, streams: 10_000, byteCount: 100, durability: .sync),
        AppendCase(writers: 64, streams: 64, byteCount: 1_024, durability: .sync),
        AppendCase(writers: 16, streams: 64, byteCount: 65_536, durability: .sync),
        AppendCase(writers: 64, streams: 64, byteCount: 100, durability: .interval(milliseconds: 100)),
        AppendCase(writers: 64, streams: 64, byteCount: 100, durability: .none),
        AppendCase(writers: 1, streams: 64, byteCount: 100, durability: .sync, batch: 100),
    ]
}
