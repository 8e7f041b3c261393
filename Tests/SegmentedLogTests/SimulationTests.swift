import Glibc
import SegmentedLog
import SimulatedDisk
import Testing

/// Thousands of lives of a log, each ended by a crash. What it promised is there afterwards, what it did not promise is
/// there whole or not at all, and nothing else is.
///
/// A failure names its seed; `SIMULATION_SEED=<seed>` runs that one alone and shows what was done to the disk,
/// `SIMULATION_COUNT=<count>` changes how many there are for each test.
struct `A log that crashes` {
    static let batches = 0 ..< 8

    static func seeds(_ batch: Int, count: Int) -> [UInt64] {
        if let seed = environment("SIMULATION_SEED") { return batch == 0 ? [seed] : [] }
        let count = environment("SIMULATION_COUNT").map(Int.init) ?? count
        return (0 ..< count).filter { $0 % batches.count == batch }.map(UInt64.init)
    }

    private static func environment(_ name: String) -> UInt64? {
        getenv(name).flatMap { UInt64(String(cString: $0)) }
    }

    private func run(_ seeds: [UInt64], _ durability: Durability, _ shape: (inout Simulation) -> Void = { _ in }) {
        for seed in seeds {
            var simulation = Simulation(seed: seed, durability: durability)
            shape(&simulation)
            simulation.recordsTrace = Self.environment("SIMULATION_SEED") != nil
            do {
                try simulation.run()
            } catch {
                let trace = simulation.traces.map { $0.joined(separator: "\n") }.joined(separator: "\n--\n")
                Issue.record("\(durability), seed \(seed), life \(simulation.lifeCount): \(error)\n\(trace)")
                return
            }
        }
    }

    @Test(arguments: batches)
    func `keeps everything acknowledged in the mode sync, whatever the power failure does`(_ batch: Int) {
        run(Self.seeds(batch, count: 1_600), .sync)
    }

    @Test(arguments: batches)
    func `keeps a beginning of what it took in the mode none`(_ batch: Int) {
        run(Self.seeds(batch, count: 400), .none)
    }

    @Test(arguments: batches)
    func `keeps a beginning of what it took in the interval mode`(_ batch: Int) {
        run(Self.seeds(batch, count: 400), .interval(milliseconds: 3_600_000))
    }

    @Test(arguments: batches)
    func `keeps appends that are larger than a segment whole`(_ batch: Int) {
        run(Self.seeds(batch, count: 160), .sync) {
            $0.oversizeIsAllowed = true
            $0.lifeCountLimit = 3
            $0.operationCountLimit = 15
        }
    }

    @Test(arguments: [Durability.sync, .none], 1 ... 4 as ClosedRange<UInt64>)
    func `survives a crash at each of its effects`(_ durability: Durability, _ seed: UInt64) {
        var effect = 1
        while effect <= 160 {
            var simulation = Simulation(seed: seed, durability: durability)
            simulation.lifeCountLimit = 2
            simulation.crashingEffect = effect
            do {
                try simulation.run()
            } catch {
                Issue.record("\(durability), seed \(seed), crash at effect \(effect): \(error)")
                return
            }
            effect += 1
        }
    }

    @Test func `does the same for the same seed`() throws {
        for seed in 0 ..< 20 as Range<UInt64> {
            var traces: [[[String]]] = []
            for _ in 0 ..< 2 {
                var simulation = Simulation(seed: seed)
                simulation.recordsTrace = true
                // What is traced up to a failure is the same, too.
                try? simulation.run()
                traces.append(simulation.traces)
            }
            #expect(traces[0] == traces[1], "seed \(seed)")
            #expect(!traces[0].isEmpty)
        }
    }
}
