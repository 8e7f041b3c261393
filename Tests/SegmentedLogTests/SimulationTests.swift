import Glibc
import SegmentedLog
import SimulatedDisk
import Testing

/// Thousands of lives of a log, each ended by a crash. What it promised is there afterwards, what it did not promise is
/// there whole or not at all, and nothing else is.
///
/// A failure names its seed. `SIMULATION_SEED=<seed>` runs that one alone and shows what was done to the disk.
/// For a long hunt, `SIMULATION_COUNT=<count>` says how many seeds each test has, and `SIMULATION_FIRST=<seed>` with which
/// one they begin:
///
///     swift build --build-tests
///     SIMULATION_FIRST=1000000 SIMULATION_COUNT=200000 swift test --skip-build --no-parallel --filter 'A.log.that.crashes'
struct `A log that crashes` {
    static let batches = 0 ..< 8

    static func seeds(_ batch: Int, count: Int) -> [UInt64] {
        if let seed = environment("SIMULATION_SEED") { return batch == 0 ? [seed] : [] }
        let first = environment("SIMULATION_FIRST") ?? 0
        let count = environment("SIMULATION_COUNT").map(Int.init) ?? count
        return (0 ..< count).filter { $0 % batches.count == batch }.map { first + UInt64($0) }
    }

    private static func environment(_ name: String) -> UInt64? {
        getenv(name).flatMap { UInt64(String(cString: $0)) }
    }

    private func run(_ seeds: [UInt64], _ durability: Durability, _ shape: (inout Simulation) -> Void = { _ in }) {
        var tally = Simulation.Tally()
        var failedSeeds: [UInt64] = []
        for seed in seeds {
            var simulation = Simulation(seed: seed, durability: durability)
            shape(&simulation)
            simulation.recordsTrace = Self.environment("SIMULATION_SEED") != nil
            do {
                try simulation.run()
            } catch {
                failedSeeds.append(seed)
                let trace = simulation.traces.map { $0.joined(separator: "\n") }.joined(separator: "\n--\n")
                Issue.record("\(durability), seed \(seed), life \(simulation.lifeCount): \(error)\n\(trace)")
                // One is enough to work on; a few show whether they have something in common.
                if failedSeeds.count == 5 { break }
            }
            tally += simulation.tally
        }
        if !failedSeeds.isEmpty { print("failing seeds in the mode \(durability): \(failedSeeds)") }
        guard seeds.count >= 40, failedSeeds.isEmpty else { return }
        // A workload in which all this does not happen would prove little.
        #expect(tally.sealCount >= seeds.count, "\(tally)")
        #expect(tally.mergeCount >= seeds.count / 4, "\(tally)")
        #expect(tally.removalCount >= seeds.count / 10, "\(tally)")
        #expect(tally.recoveredCount >= seeds.count * 2, "\(tally)")
        #expect(tally.troubleCount >= seeds.count / 10, "\(tally)")
    }

    @Test(arguments: batches)
    func `keeps everything acknowledged in the mode sync, whatever the power failure does`(_ batch: Int) {
        run(Self.seeds(batch, count: 7_000), .sync)
    }

    @Test(arguments: batches)
    func `keeps a beginning of what it took in the mode none`(_ batch: Int) {
        run(Self.seeds(batch, count: 2_000), .none)
    }

    @Test(arguments: batches)
    func `keeps a beginning of what it took in the interval mode`(_ batch: Int) {
        run(Self.seeds(batch, count: 2_000), .interval(milliseconds: 3_600_000))
    }

    @Test(arguments: batches)
    func `keeps appends that are larger than a segment whole`(_ batch: Int) {
        run(Self.seeds(batch, count: 400), .sync) {
            $0.workload.oversizeIsAllowed = true
            $0.operationCountLimit = 20
        }
    }

    @Test(arguments: [Durability.sync, .interval(milliseconds: 3_600_000), .none])
    func `does the same for the same seed`(_ durability: Durability) throws {
        for seed in 0 ..< 30 as Range<UInt64> {
            var traces: [[[String]]] = []
            var tallies: [Simulation.Tally] = []
            for _ in 0 ..< 2 {
                var simulation = Simulation(seed: seed, durability: durability)
                simulation.recordsTrace = true
                // What is traced up to a failure is the same, too.
                try? simulation.run()
                traces.append(simulation.traces)
                tallies.append(simulation.tally)
            }
            #expect(traces[0] == traces[1] && tallies[0] == tallies[1], "seed \(seed)")
            #expect(!traces[0].isEmpty)
        }
    }
}
