import Glibc
import SegmentedLog
import SimulatedDisk

/// Several lives of one log on a disk that fails in each of them, all of it determined by a seed.
///
/// Each life opens the log, compares what it gives back with the model, lets a random workload on, and ends in a crash
/// at a random effect, a crash between two effects, or a clean end; then the power fails, or only the process is gone.
/// In some lives calls fail, or the disk is full.
struct Simulation {
    let seed: UInt64
    let durability: Durability
    var workload: Workload
    /// Of the lives; what the workload draws has a generator of its own.
    private var generator: SeededGenerator
    /// One for each life.
    private var disks: [SimulatedDisk] = []
    private(set) var lifeCount = 0
    /// Whether the current life has to do with failing calls, or with a full disk.
    private var isTroubled = false
    private(set) var tally = Tally()

    var lifeCountLimit: Int
    var operationCountLimit = 40
    var recordsTrace = false

    /// What really happened in all lives: a simulation in which nothing does proves nothing.
    struct Tally: Equatable {
        var sealCount = 0
        var mergeCount = 0
        var removalCount = 0
        var recoveredCount = 0
        var troubleCount = 0
        var stopCount = 0

        static func += (left: inout Tally, right: Tally) {
            left.sealCount += right.sealCount
            left.mergeCount += right.mergeCount
            left.removalCount += right.removalCount
            left.recoveredCount += right.recoveredCount
            left.troubleCount += right.troubleCount
            left.stopCount += right.stopCount
        }
    }

    init(seed: UInt64, durability: Durability = .sync) {
        self.seed = seed
        self.durability = durability
        generator = SeededGenerator(seed: seed, purpose: "lives")
        workload = Workload(generator: SeededGenerator(seed: seed, purpose: "workload"))
        // The larger the payloads, the more segments are filled by as many operations.
        workload.largestPayloadByteCount = [2_000, 12_000, 30_000, 55_000][generator.integer(below: 4)]
        lifeCountLimit = [1, 1, 2, 2, 3, 4][generator.integer(below: 6)]
    }

    typealias Failure = Workload.Failure

    /// What each life did to its disk.
    var traces: [[String]] { disks.map(\.trace) }

    mutating func run() throws {
        var disk = SimulatedDisk(seed: seed, recordsTrace: recordsTrace)
        disks.append(disk)
        while lifeCount < lifeCountLimit {
            lifeCount += 1
            prepareTrouble(disk)
            disk = try live(on: disk)
            disks.append(disk)
        }
        // The last life: nothing fails any more, and everything works.
        isTroubled = false
        disk.byteCountLimit = .max
        let test = try open(disk)
        try check(test)
        workload.mayBeRefused = false
        try workload.run(test, operationCount: 10)
        test.log.close()
        count(test)
        guard workload.model.promisedCount == workload.model.operations.count else {
            let (done, all) = (workload.model.promisedCount, workload.model.operations.count)
            throw Failure(description: "without a failure, \(done) of \(all) are done")
        }
        let last = try open(disk.powerLoss(seed: seed, mode: .everythingLost))
        try check(last)
        last.log.close()
    }

    // MARK: A life

    private mutating func prepareTrouble(_ disk: SimulatedDisk) {
        isTroubled = false
        disk.byteCountLimit = .max
        switch generator.integer(below: 12) {
        case 0 ..< 8:
            let limit = [12, 60, 150][generator.integer(below: 3)]
            disk.crash(atEffect: 1 + generator.integer(below: limit))
        case 8:
            isTroubled = true
            disk.byteCountLimit = disk.usedByteCount + generator.integer(below: 6 * 65_536)
        case 9:
            isTroubled = true
            disk.inject(randomFault())
        default: break
        }
        workload.mayBeRefused = isTroubled
        if isTroubled { tally.troubleCount += 1 }
    }

    /// Half of them only of the maintenance.
    private mutating func randomFault() -> DiskFault {
        let isOfMaintenance = generator.chance(1, outOf: 2)
        var calls = Set(DiskCall.allCases)
        // After a failed sync the system shows what is not on the disk. In the weaker modes that is one of the things
        // that nobody is protected from.
        if durability != .sync { calls.remove(.synchronize) }
        return DiskFault(
            calls, pathFragment: isOfMaintenance ? ".seal" : nil,
            occurrence: 1 + generator.integer(below: isOfMaintenance ? 20 : 80),
            isPermanent: generator.chance(1, outOf: 3), errno: generator.chance(1, outOf: 2) ? EIO : ENOSPC)
    }

    /// One life, from opening to whatever ends it. Returns the disk of the next one.
    private mutating func live(on disk: SimulatedDisk) throws -> SimulatedDisk {
        let test: TestLog
        do {
            test = try open(disk)
        } catch {
            guard disk.isDead || isTroubled, case .system = error else { throw error }
            return end(of: disk, isClosed: false)
        }
        try check(test)
        try workload.run(test, operationCount: 1 + generator.integer(below: operationCountLimit))
        count(test)
        var isClosed = false
        if !disk.isDead, generator.chance(1, outOf: 4) {
            test.log.close()
            isClosed = !disk.isDead && !isTroubled
        }
        let next = end(of: disk, isClosed: isClosed)
        // Its disk is dead: this only frees what the log holds.
        test.log.close()
        return next
    }

    private mutating func end(of disk: SimulatedDisk, isClosed: Bool) -> SimulatedDisk {
        if isClosed { workload.model.promise(workload.model.operations.count) }
        if generator.chance(1, outOf: 4) { return disk.processCrash() }
        if !isClosed, durability != .sync { workload.model.forgetPromises() }
        return disk.powerLoss(seed: seed &* 31 &+ UInt64(lifeCount))
    }

    private mutating func open(_ disk: SimulatedDisk) throws(LogOpenError) -> TestLog {
        let durability = durability
        let recycledSegmentCountLimit = generator.integer(below: 3)
        let mergedSegmentCount = 2 + generator.integer(below: 3)
        let blockCacheByteCountLimit = generator.chance(1, outOf: 2) ? 0 : 1 << 20
        let bits = seed
        return try TestLog(disk, isMaintained: true) {
            $0.durability = durability
            $0.recycledSegmentCountLimit = recycledSegmentCountLimit
            $0.mergedSegmentCount = mergedSegmentCount
            $0.blockCacheByteCountLimit = blockCacheByteCountLimit
            $0.randomBits = { bits }
        }
    }

    private mutating func check(_ test: TestLog) throws {
        if let warning = test.events.all.first(where: { $0.level == .error }) {
            throw Failure(description: "\(warning)")
        }
        // In the weaker modes what was found after the end of a process may still be lost with the power.
        try workload.model.check(try LogModel.state(of: test.recovered), isSettled: durability == .sync)
        tally.recoveredCount += test.recovered.streams.count
    }

    private mutating func count(_ test: TestLog) {
        tally.sealCount += test.events.count("sealed a segment")
        tally.mergeCount += test.events.count("merged segments")
        tally.removalCount += test.events.count("removed a segment that nobody needs")
        if test.log.statistics.isStopped { tally.stopCount += 1 }
    }
}
