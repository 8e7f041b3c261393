import ArgumentParser

@main
struct EngineBenchmarks: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "engine-benchmarks",
        abstract: "Measures the storage engine, in process, on a real disk.",
        subcommands: [
            AppendBenchmark.self, ReadBenchmark.self, TailBenchmark.self, FlatBenchmark.self,
            SealBenchmark.self, CompactBenchmark.self, AllocationBenchmark.self,
            SealingLatency.self, OpenTime.self, OpenHistory.self, IdleStreams.self,
        ])
}
