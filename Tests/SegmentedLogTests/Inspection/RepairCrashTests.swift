import SegmentedLog
import SimulatedDisk
import Testing

@testable import SegmentedLog

/// A repair that is broken off leaves the damaged store or the repaired one, and can be told which.
struct `A repair that is broken off` {
    private let store: DamageableStore
    /// In the middle of a block.
    private let damagedPath: String

    init() throws {
        store = try DamageableStore()
        damagedPath = try #require(store.segmentPaths.first { $0.hasSuffix(".sealed") })
    }

    private func damagedDisk() -> SimulatedDisk {
        let disk = store.disk.processCopy()
        disk.damage(damagedPath, at: 5_000)
        return disk
    }

    @Test(arguments: [PowerLossMode.everythingKept, .everythingLost, .prefix, .independent])
    func `A loss of power at any effect leaves one of the two stores`(mode: PowerLossMode) throws {
        let whole = damagedDisk()
        let effectCountBefore = whole.effectCount
        let losses = try DamageableStore.repair(whole).losses
        let effectCount = whole.effectCount - effectCountBefore
        try #require(effectCount > 12)
        for effect in 1 ... effectCount {
            let disk = damagedDisk()
            disk.crash(atEffect: disk.effectCount + effect)
            #expect(throws: LogInspectionError.self) { try DamageableStore.repair(disk) }
            let next = disk.powerLoss(seed: UInt64(effect), mode: mode)
            try expectOneOfTheTwo(next, losses, "effect \(effect) of \(effectCount), \(mode)")
        }
    }

    private func expectOneOfTheTwo(_ disk: SimulatedDisk, _ losses: [LogRepair.Loss], _ comment: Comment) throws {
        let isUnfinished = disk.paths.contains { $0.hasSuffix(".repaired") }
        let damage = try DamageableStore.check(disk.processCopy()).damage
        if isUnfinished {
            #expect(throws: LogOpenError.self, comment) { try TestLog(disk.processCopy()) }
            #expect(damage.contains { $0.reason.contains("broken off") }, comment)
        } else if !damage.isEmpty {
            // Not one file of the damaged store is gone.
            #expect(disk.content(damagedPath) == damagedDisk().content(damagedPath), comment)
            for path in store.segmentPaths { #expect(disk.paths.contains(path), comment) }
        }
        if !damage.isEmpty { _ = try DamageableStore.repair(disk) }
        #expect(try DamageableStore.check(disk).damage == [], comment)
        let test = try TestLog(disk)
        #expect(store.difference(from: test.recovered, losses: losses) == nil, comment)
        // All old files are still somewhere, as they were.
        let damaged = damagedDisk()
        for path in store.segmentPaths {
            let name = path.split(separator: "/").last!
            let moved = disk.paths.filter { $0.contains("/damaged-") && $0.hasSuffix(name) }
            #expect(moved.count == 1, comment)
            for copy in moved { #expect(disk.content(copy) == damaged.content(path), comment) }
        }
    }

    @Test func `A repair that fails for want of space leaves the damaged store as it was`() throws {
        let disk = damagedDisk()
        let paths = disk.paths
        disk.byteCountLimit = disk.usedByteCount + 1_000
        #expect(throws: LogInspectionError.self) { try DamageableStore.repair(disk) }
        #expect(disk.paths == paths)
        disk.byteCountLimit = .max
        #expect(try DamageableStore.repair(disk).repairedPath != nil)
    }
}
