import Dispatch
import Glibc
import SegmentedLog
import SimulatedDisk
import Synchronization

@testable import DurableStreams

/// Several lives of one store on a disk that fails in each of them, all of it determined by a seed.
///
/// Each life opens the store, compares what it finds with the history, lets a random workload on, and ends in a crash
/// at a random effect, a crash between two effects, or a clean end; then the power fails, or only the process is gone.
/// In some lives calls fail, or the disk is full.
///
/// The log has one order, and with room at hand that is the order of the operations. So what is found is the state after
/// some first part of what was accepted, and that part holds everything that an answer rested on.
struct StoreSimulation {
    let seed: UInt64
    let durability: Durability
    var recordsTrace = false
    private var random: SeededGenerator
    private var workload: StoreWorkload
    private var model = StoreModel()
    /// The states that the store went through, one entry of the log after the other, back to what is certain to be there.
    private var history: [StoreModel]
    /// So many states of the history, without the first, are promised to survive the end of the process.
    private var promised = 0
    /// The same for a loss of power.
    private var settled = 0
    /// Where in the history what is at a path was changed last.
    private var changes: [StreamPath: Int] = [:]
    private var lifetimes: LifetimeModel
    private var waiting: [Waiting] = []
    /// What nobody was told of when the last life ended: a producer asks again.
    private var retries: [(operation: StoreModel.Operation, createdAt: WallClockTime)] = []
    private var isTroubled = false
    /// Whether lifetimes may have ended while nobody looked.
    private var hasUnseenLife = false
    private var powerHasFailed = false
    private(set) var tally = Tally()
    private let traceLog = TraceLog()

    private final class TraceLog { var lines: [String] = [] }

    private let events = Events()

    private final class Events: Sendable {
        private let mergeCount = Atomic<Int>(0)
        var merges: Int { mergeCount.load(ordering: .relaxed) }
        func record(_ event: StoreEvent) {
            if event.message == "merged segments" { mergeCount.add(1, ordering: .relaxed) }
        }
    }

    /// What was done, and what came of it.
    var trace: [String] { traceLog.lines }

    /// What really happened in all lives: a simulation in which nothing does proves nothing.
    struct Tally: Equatable {
        var counts: [String: Int] = [:]
        mutating func count(_ name: String, _ number: Int = 1) { counts[name, default: 0] += number }
        static func += (left: inout Tally, right: Tally) { left.counts.merge(right.counts, uniquingKeysWith: +) }
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
        init(_ description: String) { self.description = description }
    }

    private struct Waiting {
        var operation: StoreModel.Operation
        /// Of the stream that a producer appends to.
        var createdAt: WallClockTime?
        var expected: StoreModel.Outcome
        /// How much of the history the answer rests on.
        var basis: Int
        var answer: OperationAnswer
    }

    init(seed: UInt64, durability: Durability) {
        self.seed = seed
        self.durability = durability
        random = SeededGenerator(seed: seed, purpose: "lives")
        workload = StoreWorkload(seed: seed)
        history = [model]
        lifetimes = LifetimeModel()
    }

    mutating func run() throws {
        var disk = SimulatedDisk(seed: seed, fileByteCountLimit: 1 << 20, recordsTrace: recordsTrace)
        for _ in 0..<[1, 2, 3, 4][random.integer(below: 4)] {
            disk = try live(on: disk)
        }
        disk.byteCountLimit = .max
        let store = try open(disk)
        try verify(store)
        store.close()
        tally.count("merged", events.merges)
    }

    private func note(_ text: @autoclosure () -> String) {
        if recordsTrace { traceLog.lines.append(text()) }
    }

    // MARK: A life

    private mutating func live(on found: SimulatedDisk) throws -> SimulatedDisk {
        var disk = found
        tally.count("lives")
        if random.chance(1, outOf: 6) {
            // One that ends before anybody sees it.
            disk.crash(atEffect: disk.effectCount + 1 + random.integer(below: 25))
            let store = try? open(disk)
            store?.runPendingWork()
            disk = crash(disk, isClosed: false)
            store?.close()
            hasUnseenLife = true
        }
        disk.byteCountLimit = .max
        let store = try open(disk)
        try verify(store)
        prepareTrouble(disk)
        try retry(on: store, disk)
        for _ in 0..<random.integer(below: 100) where !disk.isDead && !store.statistics.isStopped {
            try step(store, disk)
        }
        if random.chance(1, outOf: 2) { try work(store, disk) }
        tally.count("sealed", store.statistics.sealedSegmentCount > 0 ? 1 : 0)
        tally.count("stopped", store.statistics.isStopped ? 1 : 0)
        var isClosed = false
        if !disk.isDead, !isTroubled, random.chance(1, outOf: 5) {
            try work(store, disk)
            store.close()
            isClosed = !disk.isDead
        }
        try takeAnswers(disk)
        retries = waiting.compactMap { lost in lost.createdAt.map { (lost.operation, $0) } }
        waiting = []
        let next = crash(disk, isClosed: isClosed)
        // Its disk is dead: this only ends threads and frees what the log holds.
        store.close()
        return next
    }

    private mutating func prepareTrouble(_ disk: SimulatedDisk) {
        isTroubled = false
        switch random.integer(below: 12) {
        case 0..<7:
            disk.crash(atEffect: disk.effectCount + 1 + random.integer(below: [12, 60, 200][random.integer(below: 3)]))
        case 7...8:
            isTroubled = true
            tally.count("full")
            disk.byteCountLimit = disk.usedByteCount + random.integer(below: 4 * 65_536)
        case 9...10:
            isTroubled = true
            tally.count("faults")
            var calls = Set(DiskCall.allCases)
            // After a failed sync the system shows what is not on the disk. In the weaker modes that is one of the things
            // that nobody is protected from.
            if durability != .sync { calls.remove(.synchronize) }
            disk.inject(
                DiskFault(
                    calls, occurrence: 1 + random.integer(below: 60), isPermanent: random.chance(1, outOf: 2),
                    errno: random.chance(1, outOf: 2) ? EIO : ENOSPC))
        default: break
        }
    }

    private mutating func crash(_ disk: SimulatedDisk, isClosed: Bool) -> SimulatedDisk {
        if isClosed { (promised, settled) = (history.count - 1, history.count - 1) }
        if recordsTrace { traceLog.lines += disk.trace }
        lifetimes.pass(milliseconds: [0, 3_000, 50_000, 300_000][random.integer(below: 4)])
        if random.chance(durability == .sync ? 1 : 2, outOf: 4) {
            note("the process ends, promised \(promised) of \(history.count - 1)")
            return disk.processCrash()
        }
        powerHasFailed = true
        if !isClosed, durability != .sync {
            promised = settled
            lifetimes.forgetPromises()
        }
        note("the power fails, promised \(promised) of \(history.count - 1)")
        return disk.powerLoss(seed: seed &* 31 &+ UInt64(tally.counts["lives"]!))
    }

    private func open(_ disk: SimulatedDisk) throws -> StreamStore {
        var configuration = StoreConfiguration()
        configuration.fileSystem = disk
        configuration.hasThreads = false
        configuration.durability = durability
        configuration.workerThreadCount = 1
        configuration.segmentByteCount = 64 << 10
        configuration.wallClock = { [lifetimes] in lifetimes.wallClock.now }
        configuration.steadyClock = { [lifetimes] in lifetimes.steadyClock.now }
        configuration.randomBits = { [seed] in seed }
        configuration.eventHandler = { [events] in events.record($0) }
        configuration.mergedSegmentCount = 2
        configuration.maintenanceBytesPerSecond = nil
        return try StreamStore.open(directory: "/store", configuration: configuration)
    }

    // MARK: What is found

    private mutating func verify(_ store: StreamStore) throws {
        isTroubled = false
        var uses: [StreamPath: LifetimeModel.Found] = [:]
        for path in StoreWorkload.paths {
            guard let stream = store.context.catalog[path] else { continue }
            uses[path] = LifetimeModel.Found(
                createdAt: stream.createdAt, lastUse: stream.withState { $0.lastUse }, isExpired: stream.isExpired,
                isDeletedSoftly: stream.withState { $0.isDeletedSoftly })
        }
        // What a crash has left undone is done now; where the journal was full there is room only after the first time.
        for _ in 0..<2 { store.runPendingWork() }
        let view = try StoreView(store, StoreWorkload.paths)
        lifetimes.begin(steady: store.context.clock.steady)
        var differences: [String] = []
        for count in (promised..<history.count).reversed() {
            var candidate = history[count]
            for number in candidate.nodes.keys.sorted() where hasEnded(number, candidate, uses) {
                candidate.end(number)
            }
            while let number = candidate.abandoned.first { candidate.remove(number) }
            if let difference = view.difference(from: candidate) {
                differences.append("\(count): \(difference)")
                continue
            }
            guard store.statistics.streamCount == candidate.nodes.count else {
                throw Failure("\(store.statistics.streamCount) streams are kept, not \(candidate.nodes.count)")
            }
            try lifetimes.check(history[count], uses)
            return take(candidate, at: count)
        }
        throw Failure("found no state of the history from \(promised) on: \(differences)")
    }

    /// Whether the end of a stream's lifetime was found with the store, or must have been.
    private func hasEnded(_ number: Int, _ model: StoreModel, _ found: [StreamPath: LifetimeModel.Found]) -> Bool {
        let node = model.nodes[number]!
        guard node.lifetime != nil, !node.isDeletedSoftly, model.paths[node.path] == number else { return false }
        let mayHaveEnded = hasUnseenLife && lifetimes.mayHaveEnded(number, model)
        guard let stream = found[node.path] else { return mayHaveEnded }
        return stream.createdAt == node.createdAt && (stream.isExpired || mayHaveEnded && stream.isDeletedSoftly)
    }

    /// Goes on from what was found.
    private mutating func take(_ found: StoreModel, at count: Int) {
        tally.count("lost", history.count - 1 - count)
        note("found \(count) of \(history.count - 1)")
        model = found
        // What a weaker mode has not synced yet may still go with the power.
        let isSettled = durability == .sync || powerHasFailed
        history = isSettled ? [] : Array(history[...count])
        history.append(found)
        promised = history.count - 1
        settled = isSettled ? promised : min(settled, promised)
        powerHasFailed = false
        hasUnseenLife = false
        changes = [:]
        tally.count("streams", model.nodes.count)
        tally.count("forks of forks", model.nodes.values.count { $0.source.flatMap { model.nodes[$0]?.source } != nil })
    }

    private mutating func retry(on store: StreamStore, _ disk: SimulatedDisk) throws {
        for (operation, createdAt) in retries {
            guard model.node(at: operation.path)?.createdAt == createdAt, !disk.isDead else { continue }
            // Who gets no answer does not go on.
            guard let outcome = try perform(operation, store, disk) else { break }
            // In a weaker mode what came before may be lost with the power.
            if case .refused("producerGap") = outcome, durability == .sync {
                throw Failure("a producer that asks again has left a gap: \(operation)")
            }
            tally.count("retries")
        }
        retries = []
    }

    // MARK: Steps

    private mutating func step(_ store: StreamStore, _ disk: SimulatedDisk) throws {
        switch workload.next(model, wall: lifetimes.wallClock.now) {
        case .work: try work(store, disk)
        case .wait(let milliseconds):
            try work(store, disk)
            // What is pending belongs to the time before.
            if isCalm(store, disk) {
                note("wait \(milliseconds)")
                lifetimes.pass(milliseconds: milliseconds)
            }
        case .setWallClock(let milliseconds):
            try work(store, disk)
            if isCalm(store, disk) {
                note("set the clock by \(milliseconds)")
                lifetimes.setWallClock(milliseconds: milliseconds)
            }
        case .read(let path):
            try work(store, disk)
            if isCalm(store, disk), !isTroubled { try read(path, store) }
        case .operation(let operation):
            // What is inherited or cut must be durable.
            switch operation {
            case .create(let request, _) where request.fork != nil: try work(store, disk)
            case .trim: try work(store, disk)
            default: break
            }
            if isCalm(store, disk) { _ = try perform(operation, store, disk) }
            if random.chance(1, outOf: 4) { try work(store, disk) }
        }
    }

    private func isCalm(_ store: StreamStore, _ disk: SimulatedDisk) -> Bool {
        !disk.isDead && !store.statistics.isStopped
    }

    /// - Parameter isOfClock: Whether the clock alone says so, whatever becomes of it in the log.
    private mutating func push(_ next: StoreModel, changing path: StreamPath, isOfClock: Bool = false) {
        model = next
        history.append(next)
        changes[path] = isOfClock ? nil : history.count - 1
    }

    /// What the answer is to be; nil if there is none, because of the disk.
    private mutating func perform(
        _ operation: StoreModel.Operation, _ store: StreamStore, _ disk: SimulatedDisk
    ) throws -> StoreModel.Outcome? {
        // With room at hand nothing is put off, so that the order of the log is the order of the operations.
        store.provisionSegments()
        guard isCalm(store, disk) else { return nil }
        let path = operation.path
        let before = store.context.catalog[path]
        let answer = operation.start(on: store)
        waitForWorker(operation, store)
        var endIsKnown = false
        // Whoever comes upon the end of a lifetime puts it into the log.
        if let number = model.paths[path], lifetimes.isExpired(number, model), before?.isEnding ?? false,
            !model.nodes[number]!.isDeletedSoftly
        {
            var ended = model
            ended.end(number)
            push(ended, changing: path, isOfClock: true)
            tally.count("ends that somebody found")
        }
        // That a lifetime is over is known from the clock.
        if let number = model.paths[path], lifetimes.isExpired(number, model) { endIsKnown = true }
        let createdAt = model.node(at: path)?.createdAt
        var next = model
        var expected = next.apply(operation) { [model, lifetimes] in lifetimes.isExpired($0, model) }
        // What is known for certain of a stream that was kept for forks, until the end of the last of them is durable.
        if expected == .refused("notFound"), before?.isKeptAndEnding ?? false {
            expected = .refused("gone")
            endIsKnown = true
        }
        note("\(operation): \(expected), \(String(describing: answer.answer))")
        if case .trouble(let reason) = answer.answer {
            guard isTroubled || disk.isDead else { throw Failure("\(operation): \(reason)") }
            settleEnds(store)
            return nil
        }
        if case .changed = expected { push(next, changing: path) }
        lifetimes.use(path, expected, operation, model)
        let basis = endIsKnown && expected.isRefused ? 0 : basis(of: expected, operation)
        if answer.answer != nil, basis > promised {
            throw Failure("\(operation): answered \(expected) before it was durable")
        }
        waiting.append(
            Waiting(
                operation: operation, createdAt: operation.isOfProducer && !expected.isRefused ? createdAt : nil,
                expected: expected, basis: basis, answer: answer))
        tally.count(expected.name)
        if operation.isOfProducer, case .unchanged = expected { tally.count("duplicates") }
        settleEnds(store)
        try takeAnswers(disk)
        return expected
    }

    private func basis(of outcome: StoreModel.Outcome, _ operation: StoreModel.Operation) -> Int {
        switch outcome {
        // Of a request alone.
        case .refused("emptyAppend"), .refused("subOffsetBeyondAppend"), .refused("trimmed"): 0
        // Of the source, which was durable before.
        case .refused("forkSourceGone"), .refused("forkSourceNotFound"), .refused("contentTypeMismatch"): 0
        default: changes[operation.path] ?? 0
        }
    }

    /// Where appends end is looked up on the store's other thread, of which there is one.
    private func waitForWorker(_ operation: StoreModel.Operation, _ store: StreamStore) {
        guard case .create(let request, _) = operation, request.fork != nil else { return }
        let isDone = DispatchSemaphore(value: 0)
        store.offload { isDone.signal() }
        isDone.wait()
    }

    /// Lets the store do what there is to do.
    private mutating func work(_ store: StreamStore, _ disk: SimulatedDisk) throws {
        guard !disk.isDead else { return }
        store.context.sweeper.round()
        settleEnds(store)
        store.context.log.runPendingWork()
        try takeAnswers(disk)
        guard isCalm(store, disk) else { return }
        promised = history.count - 1
        if durability == .sync { settled = promised }
        guard !isTroubled else { return }
        guard waiting.isEmpty else { throw Failure("\(waiting.count) operations were not answered") }
        if let number = model.nodes.keys.first(where: { lifetimes.isExpired($0, model) && !model.nodes[$0]!.isDeletedSoftly }) {
            throw Failure("\(model.nodes[number]!.path.text) has ended, and nobody has noticed")
        }
        guard model.abandoned.isEmpty else { throw Failure("a stream is kept that nobody needs") }
        lifetimes.promise(model)
        guard random.chance(1, outOf: 6) else { return }
        if let difference = try StoreView(store, StoreWorkload.paths).difference(from: model) { throw Failure(difference) }
    }

    /// Follows what the store has done by itself.
    private mutating func settleEnds(_ store: StreamStore) {
        for number in model.nodes.keys.sorted() {
            guard let node = model.nodes[number], !node.isDeletedSoftly, lifetimes.isExpired(number, model),
                store.context.catalog[node.path].map(\.isEnding) ?? true
            else { continue }
            var ended = model
            ended.end(number)
            push(ended, changing: node.path, isOfClock: true)
            tally.count("ends that the sweeper found")
        }
        while let number = model.abandoned.first(where: { number in
            store.context.catalog[model.nodes[number]!.path].map { $0.withState { $0.deletionIsPending } } ?? true
        }) {
            let path = model.nodes[number]!.path
            var removed = model
            removed.remove(number)
            push(removed, changing: path, isOfClock: changes[path] == nil)
            tally.count("abandoned")
        }
    }

    private mutating func read(_ path: StreamPath, _ store: StreamStore) throws {
        guard let node = model.node(at: path), !node.isDeletedSoftly,
            !lifetimes.isExpired(model.paths[path]!, model)
        else {
            guard store.stream(at: path)?.isSoftDeleted ?? true else { throw Failure("\(path.text) is gone and can be read") }
            return settleEnds(store)
        }
        guard let stream = store.stream(at: path) else { throw Failure("\(path.text) cannot be read") }
        let position = StreamPosition(rawValue: UInt64(node.boundaries.last { $0 >= node.earliest } ?? node.earliest))
        _ = try stream.read(from: position, byteLimit: 1)
        note("read \(path.text)")
        lifetimes.use(model.paths[path]!)
    }

    private mutating func takeAnswers(_ disk: SimulatedDisk) throws {
        for done in waiting {
            guard let answer = done.answer.answer else { continue }
            guard done.answer.count == 1 else { throw Failure("\(done.operation): answered twice") }
            switch answer {
            case .outcome(let outcome):
                guard outcome == done.expected else {
                    throw Failure("\(done.operation): answered \(outcome), not \(done.expected)")
                }
                promised = max(promised, done.basis)
                if durability == .sync { settled = promised }
            case .trouble(let reason):
                guard isTroubled || disk.isDead else { throw Failure("\(done.operation): \(reason)") }
            }
        }
        waiting.removeAll { done in
            if case .outcome = done.answer.answer { return true }
            return false
        }
    }
}

extension Stream {
    fileprivate var isKeptAndEnding: Bool { isExpired && withState { $0.deletionIsPending && $0.softDeletionIsPending } }

    /// Whether its end is in the log, or on its way there.
    fileprivate var isEnding: Bool { withState { $0.deletionIsPending || $0.softDeletionIsPending } }
}

extension StoreModel.Operation {
    fileprivate var isOfProducer: Bool {
        if case .append(_, _, let request) = self { return request.producer != nil }
        return false
    }
}

extension StoreModel.Outcome {
    fileprivate var isRefused: Bool { if case .refused = self { true } else { false } }

    fileprivate var name: String {
        switch self {
        case .changed: "changed"
        case .unchanged: "unchanged"
        case .refused(let reason): reason
        }
    }
}
