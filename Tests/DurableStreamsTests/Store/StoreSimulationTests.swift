import SegmentedLog
import SimulatedDisk
import Synchronization
import Testing

@testable import DurableStreams

/// Random histories on a simulated disk that loses its power at a random effect.
///
/// The log has one order, so what is found afterwards must be exactly the state after some first part of what was
/// accepted, and that part must hold everything that was acknowledged.
@Suite struct StoreSimulationTests {
    @Test func `After a loss of power a store holds a beginning of its history with all that was acknowledged`() throws {
        for seed in UInt64(1)...300 { try Simulation(seed: seed).run() }
    }

    @Test func `The same seed gives the same history`() throws {
        for seed in UInt64(1)...20 {
            let first = try Simulation(seed: seed).run()
            let second = try Simulation(seed: seed).run()
            // The first difference says more than both histories.
            let difference = zip(first, second).first { $0.0 != $0.1 }
            #expect(difference == nil && first.count == second.count, "seed \(seed): \(String(describing: difference))")
        }
    }

    @Test func `After a crash of the process alone nothing acknowledged is lost in any mode`() throws {
        for seed in UInt64(1)...70 {
            for durability in [Durability.none, .interval(milliseconds: 1_000), .sync] {
                try Simulation(seed: seed, durability: durability, losesPower: false).run()
            }
        }
    }
}

private struct Simulation {
    let seed: UInt64
    var durability = Durability.sync
    var losesPower = true

    private final class Outcomes: Sendable {
        let results = Mutex<[Int: StoreModel.Outcome]>([:])
    }

    @discardableResult
    func run() throws -> [String] {
        var random = SeededGenerator(seed: seed, purpose: "workload")
        let disk = SimulatedDisk(seed: seed, fileByteCountLimit: 1 << 20)
        // Often at the beginning, else after some segments were sealed and merged.
        disk.crash(atEffect: 1 + random.integer(below: random.chance(1, outOf: 2) ? 60 : 300))
        var model = StoreModel()
        var history: [StoreModel] = [model]
        var expected: [StoreModel.Outcome] = []
        let outcomes = Outcomes()
        var operations: [StoreModel.Operation] = []
        if let store = try? open(disk) {
            for number in 0..<random.integer(below: 60) {
                let operation = randomOperation(&random)
                // What is cut must be durable.
                if case .trim = operation { store.runPendingWork() }
                // With room at hand nothing is put off, so that the order of the log is the order of the operations.
                store.provisionSegments()
                // Without its disk the store answers from what is durable, not from what the model knows.
                if disk.isDead { break }
                operations.append(operation)
                expected.append(model.apply(operation))
                history.append(model)
                perform(operation, on: store, model) { outcome in outcomes.results.withLock { $0[number] = outcome } }
                if random.chance(1, outOf: 3) { store.runPendingWork() }
            }
            if random.chance(1, outOf: 2) { store.runPendingWork() }
        }
        let results = outcomes.results.withLock { $0 }
        // What was answered was answered rightly, unless the disk had failed by then.
        var acknowledged = 0
        for (number, outcome) in results where outcome != .refused {
            #expect(outcome == expected[number], "seed \(seed), operation \(number)")
            // That nothing had to be changed rests on the last change of the same stream, not on what is pending elsewhere.
            let path = operations[number].path
            let basis = (0...number).last { operations[$0].path == path && expected[$0] == .changed }
            acknowledged = max(acknowledged, (basis ?? -1) + 1)
        }
        let next = losesPower ? disk.powerLoss(seed: seed) : disk.processCrash()
        let found = try observe(try open(next))
        #expect(
            history[acknowledged...].contains { $0.visible == found }, "seed \(seed): found no state of the history")
        return disk.trace + ["\(found.sorted { $0.key < $1.key })"]
    }

    private func open(_ disk: SimulatedDisk) throws -> StreamStore {
        var configuration = StoreConfiguration()
        configuration.fileSystem = disk
        configuration.hasThreads = false
        configuration.durability = durability
        configuration.segmentByteCount = 64 << 10
        configuration.wallClock = { 1_000 }
        configuration.randomBits = { [seed] in seed }
        configuration.mergedSegmentCount = 2
        configuration.maintenanceBytesPerSecond = nil
        return try StreamStore.open(directory: "/store", configuration: configuration)
    }

    private func randomOperation(_ random: inout SeededGenerator) -> StoreModel.Operation {
        let path = ["a", "b", "c"][random.integer(below: 3)]
        let sizes = [0, 1, 3, 40, 20_000]
        let content = (0..<sizes[random.integer(below: sizes.count)]).map { _ in UInt8(ascii: "1") + UInt8(random.integer(below: 9)) }
        switch random.integer(below: 11) {
        case 0...2:
            return .create(
                path: path, isJSON: random.chance(1, outOf: 2), content: content, closes: random.chance(1, outOf: 8))
        case 3:
            return .delete(path: path)
        case 4:
            return .trim(path: path, fraction: Double(random.integer(below: 101)) / 100)
        default:
            let producer = ProducerStamp(
                identifier: "p\(random.integer(below: 2))", epoch: UInt64(random.integer(below: 2)),
                sequence: UInt64(random.integer(below: 4)))
            return .append(
                path: path, content: content, closes: random.chance(1, outOf: 10),
                sequence: random.chance(1, outOf: 6) ? "\(random.integer(below: 30))" : nil,
                producer: random.chance(1, outOf: 3) ? producer : nil)
        }
    }

    private func perform(
        _ operation: StoreModel.Operation, on store: StreamStore, _ model: StoreModel,
        _ done: @escaping @Sendable (StoreModel.Outcome) -> Void
    ) {
        let lane = DeliveryLane(direct: ())
        switch operation {
        case .create(let path, let isJSON, let content, let closes):
            let request = CreateRequest(
                path: try! StreamPath(path), contentType: isJSON ? ContentType("application/json")! : .octetStream,
                closed: closes)
            content.withUnsafeBytes { bytes in
                store.create(request, payload: bytes, on: lane) { result in
                    done((try? result.get()).map { $0.isNew ? .changed : .unchanged } ?? .refused)
                }
            }
        case .append(let path, let content, let closes, let sequence, let producer):
            let request = AppendRequest(closes: closes, sequence: sequence, producer: producer)
            content.withUnsafeBytes { bytes in
                store.append(request, payload: bytes, to: try! StreamPath(path), on: lane) { result in
                    switch (try? result.get())?.kind {
                    case .appended, .closed: done(.changed)
                    case .alreadyClosed, .duplicate: done(.unchanged)
                    case nil: done(.refused)
                    }
                }
            }
        case .delete(let path):
            store.delete(try! StreamPath(path), on: lane) { result in
                if case .success = result { done(.changed) } else { done(.refused) }
            }
        case .trim(let path, let fraction):
            let stream = store.stream(at: try! StreamPath(path))
            let position = StreamPosition(rawValue: UInt64(model.position(of: path, at: fraction)))
            let earliest = stream?.earliest
            // Not by way of the store, which looks for boundaries on other threads.
            let attempt = stream?.attemptTrim(upTo: position, on: lane) { result in
                done((try? result.get()).map { $0 == earliest ? .unchanged : .changed } ?? .refused)
            }
            if attempt == nil { done(.refused) }
        }
    }

    private func observe(_ store: StreamStore) throws -> [String: VisibleStream] {
        var found: [String: VisibleStream] = [:]
        for path in ["a", "b", "c"] {
            guard let stream = store.stream(at: try StreamPath(path)) else { continue }
            var stored: [UInt8] = []
            var position = stream.earliest
            while true {
                let read = try stream.read(from: position, byteLimit: 15_000)
                stored += try read.bytes()
                position = read.end
                if read.reachesTail { break }
            }
            found[path] = stream.withState { state in
                VisibleStream(
                    isJSON: stream.contentType.isJSON, earliest: Int(stream.earliest.rawValue), stored: stored,
                    isClosed: state.isClosed,
                    lastSequence: state.writer.lastSequence,
                    producers: ["p0", "p1"].map { state.writer.producerState($0) })
            }
        }
        return found
    }
}

struct VisibleStream: Equatable {
    var isJSON: Bool
    var earliest: Int
    var stored: [UInt8]
    var isClosed: Bool
    var lastSequence: String?
    var producers: [ProducerState?]
}

extension StoreModel {
    var visible: [String: VisibleStream] {
        streams.mapValues { stream in
            VisibleStream(
                isJSON: stream.isJSON, earliest: stream.earliest, stored: Array(stream.stored[stream.earliest...]),
                isClosed: stream.isClosed,
                lastSequence: stream.lastSequence, producers: ["p0", "p1"].map { stream.producers[$0] })
        }
    }
}
