import Glibc
import SegmentedLog
import SimulatedDisk
import Testing

/// One workload in which everything happens that the engine can do to a disk: it is broken off at each effect, each of its
/// calls fails, and the disk is full at each point.
struct `A workload in which everything happens` {
    static let modes = [Durability.sync, .interval(milliseconds: 3_600_000), .none]

    private static func workload(mayBeRefused: Bool) -> Workload {
        var workload = Workload(generator: SeededGenerator(seed: 66, purpose: "everything"))
        workload.largestPayloadByteCount = 40_000
        workload.mayBeRefused = mayBeRefused
        return workload
    }

    private static let operationCount = 44

    private static func open(_ disk: SimulatedDisk, _ durability: Durability) throws(LogOpenError) -> TestLog {
        try TestLog(disk, isMaintained: true) {
            $0.durability = durability
            $0.mergedSegmentCount = 2
            $0.recycledSegmentCountLimit = 1
        }
    }

    /// The whole of it, unless something fails.
    private static func run(_ workload: inout Workload, on disk: SimulatedDisk, _ durability: Durability) throws {
        let test: TestLog
        do {
            test = try open(disk, durability)
        } catch {
            guard case .system = error else { throw error }
            return
        }
        try workload.run(test, operationCount: operationCount)
        test.log.close()
    }

    // MARK: What happens

    @Test(arguments: modes)
    func `has every kind of effect of sealing, merging, removing and recycling`(_ durability: Durability) throws {
        let disk = SimulatedDisk(seed: 1)
        let test = try Self.open(disk, durability)
        var workload = Self.workload(mayBeRefused: false)
        try workload.run(test, operationCount: Self.operationCount)
        let counts = disk.effectCounts
        for (call, fileExtension) in [
            (.createFile, "partial"), (.write, "partial"), (.synchronize, "partial"), (.rename, "partial"),
            (.write, "journal"), (.write, "recycled"), (.synchronize, "recycled"), (.rename, "recycled"),
            (.unlink, "recycled"), (.rename, "journal"), (.createFile, "sealing"), (.write, "sealing"),
            (.synchronize, "sealing"), (.rename, "sealing"), (.unlink, "sealing"), (.unlink, "sealed"),
            (.synchronizeDirectory, ""),
        ] as [(DiskCall, String)] {
            #expect(counts[EffectKind(call, fileExtension: fileExtension), default: 0] > 0, "\(call) \(fileExtension)")
        }
        #expect(counts[EffectKind(.synchronize, fileExtension: "journal"), default: 0] > 3)
        #expect(test.events.count("sealed a segment") >= 6)
        #expect(test.events.count("merged segments") >= 4)
        #expect(test.events.count("removed a segment that nobody needs") >= 1)
        #expect(test.log.statistics.streamCount > 1)
        let number = try #require(test.streams.keys.first)
        #expect(workload.model.state[number] != nil)
    }

    // MARK: Crashes

    @Test(arguments: modes, [false, true])
    func `survives a crash at each of its effects`(_ durability: Durability, _ isPowerLoss: Bool) throws {
        var effect = 1
        var isReached = true
        while isReached {
            do {
                isReached = try crash(at: effect, durability, isPowerLoss: isPowerLoss)
            } catch {
                Issue.record("crash at effect \(effect): \(error)")
                return
            }
            effect += 1
        }
        #expect((120 ..< 1_000).contains(effect))
    }

    private func crash(at effect: Int, _ durability: Durability, isPowerLoss: Bool) throws -> Bool {
        let disk = SimulatedDisk(seed: UInt64(effect), recordsTrace: false)
        disk.crash(atEffect: effect)
        var workload = Self.workload(mayBeRefused: false)
        try Self.run(&workload, on: disk, durability)
        let isReached = disk.isDead
        if !isReached { workload.model.promise(workload.model.operations.count) }
        if isPowerLoss, durability != .sync, isReached { workload.model.forgetPromises() }
        let next = isPowerLoss ? disk.powerLoss(seed: UInt64(effect)) : disk.processCrash()
        try goOn(&workload, on: next, durability, seed: UInt64(effect))
        return isReached
    }

    /// Opens the log as it is, compares, works a little, and opens it after the power has failed.
    private func goOn(_ workload: inout Workload, on disk: SimulatedDisk, _ durability: Durability, seed: UInt64) throws {
        workload.mayBeRefused = false
        let again = try Self.open(disk, durability)
        try workload.model.check(try LogModel.state(of: again.recovered), isSettled: true)
        try workload.run(again, operationCount: 4)
        again.log.close()
        let last = try Self.open(disk.powerLoss(seed: seed, mode: .everythingLost), durability)
        try workload.model.check(try LogModel.state(of: last.recovered), isSettled: true)
        last.log.close()
    }

    // MARK: Failing calls

    /// What fails, and how.
    struct Trouble: CustomTestStringConvertible {
        var durability: Durability
        var errno: Int32
        var isPermanent: Bool
        var testDescription: String { "\(durability), errno \(errno), \(isPermanent ? "for ever" : "once")" }
    }

    static let troubles = modes.flatMap { mode in
        [EIO, ENOSPC].flatMap { errno in
            [false, true].map { Trouble(durability: mode, errno: errno, isPermanent: $0) }
        }
    }

    /// Both what the next process finds and what is left when the power fails as well. The weaker modes promise less of
    /// the latter only: a beginning of what was taken.
    @Test(arguments: troubles)
    func `survives that any of its calls fails, once or for ever`(_ trouble: Trouble) throws {
        var occurrence = 1
        var isReached = true
        while isReached {
            do {
                isReached = try fail(occurrence, trouble)
            } catch {
                Issue.record("call \(occurrence), \(trouble.testDescription): \(error)")
                return
            }
            occurrence += 1
        }
        #expect((150 ..< 2_000).contains(occurrence))
    }

    /// False if there are fewer calls.
    private func fail(_ occurrence: Int, _ trouble: Trouble) throws -> Bool {
        let disk = SimulatedDisk(seed: UInt64(occurrence), recordsTrace: false)
        disk.inject(
            DiskFault(
                Set(DiskCall.allCases), occurrence: occurrence, isPermanent: trouble.isPermanent, errno: trouble.errno))
        var workload = Self.workload(mayBeRefused: true)
        try Self.run(&workload, on: disk, trouble.durability)
        let callCount = DiskCall.allCases.reduce(0) { $0 + disk.callCount($1) }
        disk.clearFaults()
        var afterPowerLoss = workload
        if trouble.durability != .sync { afterPowerLoss.model.forgetPromises() }
        let without = disk.processCopy().powerLoss(seed: UInt64(occurrence))
        try goOn(&afterPowerLoss, on: without, trouble.durability, seed: UInt64(occurrence))
        // In the same life of the machine.
        try goOn(&workload, on: disk, trouble.durability, seed: UInt64(occurrence))
        return occurrence <= callCount
    }

    // MARK: Full disk

    @Test(arguments: modes)
    func `survives that the disk is full at any point`(_ durability: Durability) throws {
        let whole = SimulatedDisk(seed: 1, recordsTrace: false)
        var workload = Self.workload(mayBeRefused: false)
        try Self.run(&workload, on: whole, durability)
        var wasRefused = false
        // More than all of it ever needs.
        for byteCountLimit in stride(from: 0, to: 12 * 65_536, by: 5_000) {
            let disk = SimulatedDisk(seed: UInt64(byteCountLimit), byteCountLimit: byteCountLimit, recordsTrace: false)
            var workload = Self.workload(mayBeRefused: true)
            try Self.run(&workload, on: disk, durability)
            #expect(disk.usedByteCount <= byteCountLimit)
            wasRefused = wasRefused || workload.model.operations.count < Self.operationCount
            disk.byteCountLimit = .max
            workload.model.promise(workload.model.operations.count)
            do {
                try goOn(&workload, on: disk, durability, seed: UInt64(byteCountLimit))
            } catch {
                Issue.record("a disk of \(byteCountLimit) bytes: \(error)")
                return
            }
        }
        #expect(wasRefused)
    }
}
