import Glibc
import SegmentedLog
import SimulatedDisk
import Testing

@testable import SegmentedLog

/// What is said of a store that nobody has open.
struct `Looking at a stopped store` {
    private let store: DamageableStore

    init() throws { store = try DamageableStore() }

    @Test func `A store of sealed segments and a journal checks clean`() throws {
        let report = try DamageableStore.check(store.disk)
        #expect(report.damage == [])
        #expect(report.sealedSegmentCount >= 4)
        #expect(report.journalSegmentCount == store.segmentPaths.count - report.sealedSegmentCount)
        #expect(report.streamCount == store.living.count)
        let byteCount = store.living.reduce(0) { $0 + store.bytes[$1]!.count - (store.starts[$1] ?? 0) }
        #expect(report.payloadByteCount == UInt64(byteCount))
    }

    @Test func `Neither a check nor an inspection changes anything`() throws {
        let effectCount = store.disk.effectCount
        _ = try DamageableStore.check(store.disk)
        _ = try inspect(store.disk)
        #expect(store.disk.effectCount == effectCount)
        let copy = store.disk.processCopy()
        copy.remove("/store/LOCK")
        _ = try DamageableStore.check(copy)
        #expect(copy.content("/store/LOCK") == nil)
    }

    @Test func `An inspection lists all segments and streams`() throws {
        let (report, streams) = try inspect(store.disk)
        let paths = store.segmentPaths
        let sealedPaths = paths.filter { $0.hasSuffix(".sealed") }
        let journalPaths = paths.filter { $0.hasSuffix(".journal") }
        #expect(report.segments.map { "/store/\($0.name)" } == sealedPaths + journalPaths)
        #expect(report.storeIdentifier == "000102030405060708090a0b0c0d0e0f")
        #expect(streams.map(\.number) == store.living)
        for stream in streams {
            #expect(stream.tail == UInt64(store.bytes[stream.number]!.count))
            #expect(stream.start == UInt64(store.starts[stream.number] ?? 0))
            #expect(stream.label?.hasPrefix(stream.number == store.living.last ? "last" : "stream ") == true)
        }
        let sealed = report.segments.filter { $0.kind == .sealed }
        for segment in sealed {
            #expect(segment.byteCount == store.disk.content("/store/\(segment.name)")!.count)
            #expect(segment.storedByteCount <= segment.byteCount && segment.streamCount > 0)
        }
        #expect(try #require(sealed.first?.compressionRatio) > 1)
        #expect(report.segments.contains { $0.kind == .journal && $0.unitCount > 0 && $0.usedByteCount < $0.byteCount })
    }

    @Test func `While a log is open, only who insists may look`() throws {
        let disk = store.disk.processCopy()
        let test = try TestLog(disk)
        #expect { try DamageableStore.check(disk) } throws: { error in
            guard case LogInspectionError.locked(_, let holder) = error else { return false }
            return holder == "process \(getpid())"
        }
        #expect(throws: LogInspectionError.self) { try DamageableStore.repair(disk) }
        var check = DamageableStore.check
        check.fileSystem = disk
        check.ignoresLock = true
        #expect(try check.run("/store").damage == [])
        test.log.close()
        #expect(try DamageableStore.check(disk).damage == [])
    }

    @Test func `A last frame that was not written whole is a note, and no damage`() throws {
        let disk = store.disk.processCopy()
        let segments = try inspect(disk).report.segments
        let figures = try #require(segments.last { $0.kind == .journal && $0.unitCount > 0 })
        let path = "/store/\(figures.name)"
        disk.damage(path, at: figures.usedByteCount - 12)
        let report = try DamageableStore.check(disk)
        #expect(report.damage == [])
        #expect(report.notes.contains { $0.path == path && $0.reason.contains("not written whole") })
    }

    @Test func `A directory without segments is no store`() throws {
        let disk = SimulatedDisk(seed: 1)
        try disk.createDirectory("/store")
        #expect(throws: LogInspectionError.self) { try DamageableStore.check(disk) }
        #expect(throws: LogInspectionError.self) { try DamageableStore.check(SimulatedDisk(seed: 2)) }
    }

    @Test func `A store of a newer version is neither checked nor repaired`() throws {
        let disk = store.disk.processCopy()
        let path = try #require(store.segmentPaths.last { $0.hasSuffix(".journal") })
        var content = disk.content(path)!
        content[8] = 9
        let checksum = content[..<4092].withUnsafeBytes { bytes in
            var checksum = Checksum()
            checksum.add(UnsafeRawBufferPointer(rebasing: bytes[...]))
            return checksum.value
        }
        withUnsafeBytes(of: checksum.littleEndian) { content.replaceSubrange(4092 ..< 4096, with: $0) }
        disk.setContent(path, content)
        #expect { try DamageableStore.repair(disk) } throws: { error in
            if case LogInspectionError.unsupportedVersion(path, 9) = error { true } else { false }
        }
    }

    @Test func `Files that are of no use any more are mentioned`() throws {
        let disk = store.disk.processCopy()
        let identity = SealedIdentity(first: 1, last: 2, generation: 0)
        disk.setContent("/store/\(identity.name(suffix: "sealing"))", [1, 2, 3])
        disk.setContent("/store/\(identity.name())", [1, 2, 3])
        disk.setContent("/store/0000000000000099.partial", [1, 2, 3])
        let report = try DamageableStore.check(disk)
        #expect(report.damage == [])
        #expect(report.notes.count { $0.reason.contains("temporary") } == 2)
        #expect(report.notes.contains { $0.path.hasSuffix(identity.name()) && $0.reason.contains("superseded") })
    }

    @Test func `A plan says what a repair does`() throws {
        let disk = store.disk.processCopy()
        for path in store.segmentPaths where path.hasSuffix(".sealed") { disk.damage(path, at: 70) }
        var check = DamageableStore.check
        check.fileSystem = disk
        let paths = disk.paths
        let plan = try LogRepair(check: check).plan("/store")
        #expect(disk.paths == paths)
        let report = try DamageableStore.repair(disk)
        #expect(plan.losses == report.losses && !plan.losses.isEmpty)
        #expect(plan.keptStreamCount == report.keptStreamCount)
    }

    // MARK: Support

    private func inspect(
        _ disk: SimulatedDisk
    ) throws -> (report: LogInspection.Report, streams: [LogInspection.Stream]) {
        var inspection = LogInspection()
        inspection.fileSystem = disk
        var streams: [LogInspection.Stream] = []
        let report = try inspection.run(
            "/store", rows: AppendListRows(),
            label: { AppendListRows.Row($0).map { String(decoding: $0.creation, as: UTF8.self) } },
            forEachStream: { streams.append($0) })
        return (report, streams)
    }}
