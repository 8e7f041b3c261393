import Glibc
import SegmentedLog
import Testing

@testable import DurableStreams

/// Thousands of lives of a store, each ended by a crash. What an answer rested on is there afterwards, once and in order,
/// what nobody was told of is there whole or not at all, and nothing else is.
///
/// A failure names its seed. `SIMULATION_SEED=<seed>` runs that one alone and shows what was done. For a long hunt,
/// `SIMULATION_COUNT=<count>` says how many seeds each test has, and `SIMULATION_FIRST=<seed>` with which one they begin.
struct `A store that crashes` {
    static let batches = 0..<4

    private static func environment(_ name: String) -> UInt64? {
        getenv(name).flatMap { UInt64(String(cString: $0)) }
    }

    private static func seeds(_ batch: Int, count: Int) -> [UInt64] {
        if let seed = environment("SIMULATION_SEED") { return batch == 0 ? [seed] : [] }
        let first = environment("SIMULATION_FIRST") ?? 0
        let count = environment("SIMULATION_COUNT").map(Int.init) ?? count
        return (0..<count).filter { $0 % batches.count == batch }.map { first + UInt64($0) }
    }

    private func run(_ seeds: [UInt64], _ durability: Durability) {
        var tally = StoreSimulation.Tally()
        var failedSeeds: [UInt64] = []
        for seed in seeds {
            var simulation = StoreSimulation(seed: seed, durability: durability)
            simulation.recordsTrace = Self.environment("SIMULATION_SEED") != nil
            do {
                try simulation.run()
            } catch {
                failedSeeds.append(seed)
                Issue.record("\(durability), seed \(seed): \(error)\n\(simulation.trace.joined(separator: "\n"))")
                // One is enough to work on; a few show whether they have something in common.
                if failedSeeds.count == 5 { break }
            }
            tally += simulation.tally
        }
        if !failedSeeds.isEmpty { print("failing seeds in the mode \(durability): \(failedSeeds)") }
        if Self.environment("SIMULATION_COUNT") != nil { print(tally) }
        guard seeds.count >= 100, failedSeeds.isEmpty else { return }
        // A workload in which all this does not happen would prove little.
        for (name, count) in Self.leastCounts {
            #expect(tally.counts[name, default: 0] * 100 >= seeds.count * count, "\(name): \(tally)")
        }
    }

    /// For each hundred seeds.
    private static let leastCounts = [
        "lives": 150, "sealed": 40, "merged": 10, "faults": 15, "full": 15, "stopped": 15, "lost": 40, "retries": 8,
        "ends that the sweeper found": 15, "ends that somebody found": 3, "abandoned": 6, "forks of forks": 15,
        "producerGap": 20, "duplicates": 20,
    ]

    @Test(arguments: batches)
    func `keeps everything that an answer rested on in the mode sync, whatever the power failure does`(_ batch: Int) {
        run(Self.seeds(batch, count: 1_200), .sync)
    }

    @Test(arguments: batches)
    func `keeps a beginning of its history in the mode none, and all of it if only the process ends`(_ batch: Int) {
        run(Self.seeds(batch, count: 400), .none)
    }

    @Test(arguments: batches)
    func `keeps a beginning of its history in the interval mode, and all of it if only the process ends`(_ batch: Int) {
        run(Self.seeds(batch, count: 400), .interval(milliseconds: 3_600_000))
    }

    @Test func `does the same for the same seed`() {
        for seed in 0..<30 as Range<UInt64> {
            let traces = (0..<2).map { _ in
                var simulation = StoreSimulation(seed: seed, durability: .sync)
                simulation.recordsTrace = true
                // What is traced up to a failure is the same, too.
                try? simulation.run()
                return simulation.trace
            }
            // The first difference says more than both traces.
            let difference = zip(traces[0], traces[1]).first { $0.0 != $0.1 }
            #expect(difference == nil && traces[0].count == traces[1].count, "seed \(seed): \(String(describing: difference))")
            #expect(!traces[0].isEmpty)
        }
    }
}
