import SegmentedLog
import SimulatedDisk
import Synchronization
import Testing

@testable import DurableStreams

/// Random histories with forks on a simulated disk that loses its power at a random effect. What is found afterwards
/// must be the state after some first part of what was accepted, and hold everything that was acknowledged.
@Suite struct ForkSimulationTests {
    @Test func `After a loss of power forks read what they inherited, and what nobody needs is gone`() throws {
        for seed in UInt64(1)...300 { try Simulation(seed: seed).run() }
    }
}

private struct Simulation {
    let seed: UInt64
    private static let paths = ["a", "b", "c", "d", "e", "f"]

    func run() throws {
        var random = SeededGenerator(seed: seed, purpose: "workload")
        let disk = SimulatedDisk(seed: seed, fileByteCountLimit: 1 << 20, recordsTrace: false)
        disk.crash(atEffect: 1 + random.integer(below: random.chance(1, outOf: 2) ? 80 : 400))
        var model = ForkModel()
        var history = [model]
        let acknowledged = Mutex(0)
        if let store = try? open(disk) {
            for _ in 0..<random.integer(below: 100) {
                let operation = randomOperation(&random)
                switch operation {
                // What is inherited or cut must be durable.
                case .fork, .trim: store.runPendingWork()
                case .create, .append, .delete: break
                }
                store.provisionSegments()
                if disk.isDead { break }
                let before = model
                guard model.apply(operation) else { continue }
                history.append(model)
                let count = history.count
                perform(operation, before, on: store) { isDone in
                    // Without its disk the store refuses what the model accepts.
                    if isDone { acknowledged.withLock { $0 = max($0, count - 1) } }
                }
                if random.chance(1, outOf: 3) { store.runPendingWork() }
                if !disk.isDead, random.chance(1, outOf: 15) {
                    store.runPendingWork()
                    if !disk.isDead { #expect(try observe(store) == model.sights, "seed \(seed), in operation") }
                }
            }
        }
        let store = try open(disk.powerLoss(seed: seed))
        // What could not be finished is now.
        store.runPendingWork()
        let found = try observe(store)
        let first = acknowledged.withLock { $0 }
        #expect(history[first...].contains { $0.sights == found }, "seed \(seed): found no state of the history")
        // Nothing is kept without a reason.
        let number = history[first...].first { $0.sights == found }?.nodes.count
        if let number { #expect(store.statistics.streamCount == number, "seed \(seed)") }
    }

    private func open(_ disk: SimulatedDisk) throws -> StreamStore {
        var configuration = StoreConfiguration()
        configuration.fileSystem = disk
        configuration.hasThreads = false
        configuration.segmentByteCount = 64 << 10
        configuration.wallClock = { 1_000 }
        configuration.randomBits = { [seed] in seed }
        configuration.mergedSegmentCount = 2
        configuration.maintenanceBytesPerSecond = nil
        return try StreamStore.open(directory: "/store", configuration: configuration)
    }

    private func randomOperation(_ random: inout SeededGenerator) -> ForkModel.Operation {
        func path() -> String { Self.paths[random.integer(below: Self.paths.count)] }
        let sizes = [0, 3, 40, 5_000, 20_000]
        let size = sizes[random.integer(below: sizes.count)]
        let content = (0..<size).map { _ in UInt8(ascii: "0") + UInt8(random.integer(below: 10)) }
        let fraction = Double(random.integer(below: 101)) / 100
        switch random.integer(below: 12) {
        case 0...1: return .create(path: path(), content: content)
        case 2...5:
            return .fork(
                path: path(), source: path(), fraction: random.chance(1, outOf: 3) ? nil : fraction, content: content)
        case 6...8: return .append(path: path(), content: content)
        case 9: return .trim(path: path(), fraction: fraction)
        default: return .delete(path: path())
        }
    }

    private func perform(
        _ operation: ForkModel.Operation, _ model: ForkModel, on store: StreamStore,
        _ done: @escaping @Sendable (Bool) -> Void
    ) {
        let lane = DeliveryLane(direct: ())
        func create(_ path: String, _ fork: ForkRequest?, _ content: [UInt8]) {
            let request = CreateRequest(path: try! StreamPath(path), fork: fork)
            content.withUnsafeBytes { bytes in
                store.create(request, payload: bytes, on: lane) { done((try? $0.get()) != nil) }
            }
        }
        switch operation {
        case .create(let path, let content): create(path, nil, content)
        case .fork(let path, let source, let fraction, let content):
            let offset = fraction.map { StreamPosition(rawValue: UInt64(model.position(source, $0))) }
            create(path, ForkRequest(source: try! StreamPath(source), offset: offset), content)
        case .append(let path, let content):
            content.withUnsafeBytes { bytes in
                store.append(AppendRequest(), payload: bytes, to: try! StreamPath(path), on: lane) {
                    done((try? $0.get()) != nil)
                }
            }
        case .trim(let path, let fraction):
            let position = StreamPosition(rawValue: UInt64(model.position(path, fraction)))
            store.trim(try! StreamPath(path), upTo: position, on: lane) { done((try? $0.get()) != nil) }
        case .delete(let path):
            store.delete(try! StreamPath(path), on: lane) { done((try? $0.get()) != nil) }
        }
    }

    private func observe(_ store: StreamStore) throws -> [String: ForkModel.Sight] {
        var found: [String: ForkModel.Sight] = [:]
        for path in Self.paths {
            guard let stream = store.stream(at: try StreamPath(path)) else { continue }
            guard !stream.isSoftDeleted else {
                found[path] = .gone
                continue
            }
            var bytes: [UInt8] = []
            var position = stream.earliest
            while true {
                let read = try stream.read(from: position, byteLimit: 15_000)
                bytes += try read.bytes()
                position = read.end
                if read.reachesTail { break }
            }
            found[path] = .stream(earliest: Int(stream.earliest.rawValue), bytes: bytes)
        }
        return found
    }
}
