import Glibc
import SegmentedLog
import SimulatedDisk
import Testing

/// A disk that damages merged segments behind the engine's back.
private struct GarblingFileSystem: FileSystem {
    let disk: SimulatedDisk

    func openFile(_ path: String) throws(FileSystemError) -> any LogFile {
        garble(path)
        return try disk.openFile(path)
    }

    private func garble(_ path: String) {
        if path.hasSuffix(".sealed"), !path.hasSuffix("-00000000.sealed"), let content = disk.content(path) {
            disk.damage(path, at: content.count - 1)
        }
    }

    func openFileForReading(_ path: String) throws(FileSystemError) -> any LogFile {
        garble(path)
        return try disk.openFileForReading(path)
    }

    func lockForReading(_ path: String) throws(FileSystemError) -> (any DirectoryLock)? { try disk.lockForReading(path) }
    func createDirectory(_ path: String) throws(FileSystemError) { try disk.createDirectory(path) }
    func listFiles(inDirectory path: String) throws(FileSystemError) -> [String] { try disk.listFiles(inDirectory: path) }
    func createFile(_ path: String) throws(FileSystemError) -> any LogFile { try disk.createFile(path) }
    func rename(_ path: String, to newPath: String) throws(FileSystemError) { try disk.rename(path, to: newPath) }
    func unlink(_ path: String) throws(FileSystemError) { try disk.unlink(path) }
    func synchronizeDirectory(_ path: String) throws(FileSystemError) { try disk.synchronizeDirectory(path) }
    func lock(_ path: String, holder: String) throws(FileSystemError) -> any DirectoryLock {
        try disk.lock(path, holder: holder)
    }
}

/// Sealing, merging and removing segments fails, and appends and reads go on.
struct `Failing maintenance` {
    private let disk = SimulatedDisk(seed: 1, recordsTrace: false)
    private static let trouble = "segments cannot be sealed or merged now: tried again from time to time"
    private static let relief = "segments are sealed and merged again"

    private func open(_ change: (inout LogConfiguration) -> Void = { _ in }) throws -> TestLog {
        let test = try TestLog(disk, isMaintained: true) {
            $0.mergedSegmentCount = 2
            change(&$0)
        }
        test.run()
        return test
    }

    // MARK: Calls

    @Test func `What is left of a segment that could not be made holds sealing up only until it can be removed`() throws {
        let test = try open()
        var generator = SeededGenerator(seed: 1)
        let stream = try test.createNow()
        // Neither can it be named durably, nor can be cleared away what there is of it.
        disk.inject(DiskFault([.synchronizeDirectory], isPermanent: true, errno: EMFILE))
        #expect(throws: (any Error).self) {
            for _ in 0 ..< 10 { try test.appendNow(generator.bytes(count: 40_000), to: stream) }
        }
        #expect(test.log.statistics.sealedSegmentCount == 0)
        disk.clearFaults()
        test.run()
        for _ in 0 ..< 10 { try test.appendNow(generator.bytes(count: 40_000), to: stream) }
        test.run()
        #expect(test.log.statistics.unsealedSegmentCount == 0)
        #expect(test.log.statistics.sealedSegmentCount > 0)
        #expect(!test.log.statistics.isStopped)
        let again = try TestLog(disk.powerLoss(seed: 1))
        #expect(again.recovered.streams[stream.number]?.bytes == stream.bytes)
    }

    @Test func `Where the disk is full for sealed segments, appends go on, and it is said once that it fails and once that it does again`() throws {
        let test = try open()
        var generator = SeededGenerator(seed: 1)
        disk.inject(DiskFault([.write], pathFragment: ".sealing", isPermanent: true, errno: ENOSPC))
        let stream = try test.createNow()
        for _ in 0 ..< 10 { try test.appendNow(generator.bytes(count: 40_000), to: stream) }
        #expect(test.log.statistics.sealedSegmentCount == 0)
        #expect(test.log.statistics.segmentCount == 10)
        #expect(test.events.warnings.map(\.message) == [Self.trouble])
        #expect(test.events.warnings.first?.metadata["error"]?.contains(".sealing") == true)
        #expect(!test.log.statistics.isStopped)

        disk.clearFaults()
        test.run()
        #expect(test.log.statistics.segmentCount == 1)
        #expect(test.events.count(Self.relief) == 1)
        #expect(stream.bytes.count == 400_000)
        #expect(disk.paths.filter { $0.hasSuffix(".sealing") } == [])

        // The next trouble is news again.
        disk.inject(DiskFault([.synchronize], pathFragment: ".sealing", isPermanent: true, errno: ENOSPC))
        for _ in 0 ..< 3 { try test.appendNow(generator.bytes(count: 40_000), to: stream) }
        #expect(test.events.count(Self.trouble) == 2)
        disk.clearFaults()
        test.run()
        #expect(test.events.count(Self.relief) == 2)
        #expect(stream.bytes.count == 520_000)
    }

    @Test func `On a disk that is really full the half-made file is taken away, and nothing else suffers`() throws {
        let test = try open { $0.recycledSegmentCountLimit = 0 }
        var generator = SeededGenerator(seed: 1)
        let stream = try test.createNow(payload: generator.bytes(count: 50_000))
        // Room for the next two journal segments, and for half of a sealed one.
        disk.byteCountLimit = 3 * 65_536 + 30_000
        try test.appendNow(generator.bytes(count: 50_000), to: stream)
        #expect(test.events.count(Self.trouble) == 1)
        try test.appendNow(generator.bytes(count: 10_000), to: stream)
        test.run()
        #expect(disk.paths.filter { $0.hasSuffix(".sealing") }.count <= 1)
        #expect(disk.usedByteCount <= 3 * 65_536 + 30_000)
        disk.byteCountLimit = .max
        test.run()
        #expect(test.log.statistics.sealedSegmentCount == 1 && test.log.statistics.segmentCount == 1)
        #expect(stream.bytes.count == 110_000)
    }

    /// Which call on which files, and whether the log can do its work in spite of it in the end.
    static let faults: [(call: DiskCall, fragment: String)] = [
        (.createFile, ".sealing"), (.write, ".sealing"), (.synchronize, ".sealing"), (.rename, ".sealing"),
        (.synchronizeDirectory, "/store"), (.openFile, ".sealed"), (.byteCount, ".sealed"), (.map, ".sealed"),
        (.rename, ".journal"), (.unlink, ".sealed"), (.unlink, ".sealing"),
    ]

    @Test(arguments: faults.indices)
    func `A call of the maintenance that fails, once or for ever, loses nothing`(_ index: Int) throws {
        let (call, fragment) = Self.faults[index]
        for occurrence in 1 ... 6 {
            for isPermanent in [false, true] {
                let disk = SimulatedDisk(seed: UInt64(occurrence), recordsTrace: false)
                disk.inject(
                    DiskFault(
                        [call], pathFragment: fragment, occurrence: occurrence, isPermanent: isPermanent, errno: EIO))
                do {
                    try runWithFault(disk, "\(call) \(fragment), \(occurrence), \(isPermanent)", isPermanent: isPermanent)
                } catch let error as LogOpenError {
                    guard case .system = error else { throw error }
                }
            }
        }
    }

    private func runWithFault(_ disk: SimulatedDisk, _ name: String, isPermanent: Bool) throws {
        let test = try TestLog(disk, isMaintained: true) { $0.mergedSegmentCount = 2 }
        var generator = SeededGenerator(seed: 1)
        var streams: [(stream: TestStream, model: EntryModel)] = []
        var deleted: [TestStream] = []
        var isRefused = false
        for number in 0 ..< 14 where !isRefused {
            let payload = generator.bytes(count: 30_000)
            do {
                let stream = try test.createNow(payload: payload)
                var model = EntryModel()
                model.append([payload])
                streams.append((stream, model))
                if number % 3 == 2 {
                    deleted.append(streams[0].stream)
                    try test.deleteNow(streams.removeFirst().stream)
                }
            } catch let refusal as LogRefusal {
                // Directories cannot be synchronized at all: no more segments.
                guard case .unavailable = refusal else { throw refusal }
                isRefused = true
            }
        }
        #expect(!test.log.statistics.isStopped, "\(name)")
        #expect(!isRefused || (isPermanent && name.contains("synchronizeDirectory")), "\(name)")
        for (stream, model) in streams {
            #expect(ComparableBytes(bytes: stream.bytes) == model.content, "\(name)")
        }
        disk.clearFaults()
        if !isRefused {
            test.run()
            test.run()
            #expect(test.log.statistics.unsealedSegmentCount == 0, "\(name)")
        }
        for copy in [disk.processCopy(), disk.powerLoss(seed: 7)] {
            let again = try TestLog(copy)
            #expect(again.recovered.streams.count == streams.count, "\(name)")
            for (stream, model) in streams {
                let found = again.recovered.streams[stream.number]?.bytes ?? []
                #expect(ComparableBytes(bytes: found) == model.content, "\(name)")
            }
        }
    }

    @Test(arguments: [Durability.interval(milliseconds: 3_600_000), .none])
    func `In the weaker modes a journal that cannot be synced when segments are sealed stops the log`(
        _ durability: Durability
    ) throws {
        let test = try open { $0.durability = durability }
        let stream = try test.createNow(payload: payload(1, byteCount: 50_000))
        disk.inject(DiskFault([.synchronize], pathFragment: "2.journal", errno: EIO))
        try test.append(payload(2, byteCount: 50_000), to: stream)
        test.run()
        #expect(test.log.statistics.sealedSegmentCount == 0)
        // The writer is told by another thread, and stops when it looks.
        test.run()
        #expect(test.log.statistics.isStopped)
        #expect(throws: LogRefusal.self) { try test.append([1], to: stream) }
        #expect(ComparableBytes(bytes: stream.bytes).hasPrefix(payload(1, byteCount: 50_000)))
    }

    @Test func `Where a segment that was never used cannot be taken away, nothing is sealed until it can be, and appends go on`() throws {
        let test = try TestLog(disk, isMaintained: true) { $0.unsealedSegmentCountLimit = 1 }
        // The spare segment gets its name, but the directory cannot be synced, now and when it is to be taken back.
        disk.inject(DiskFault([.synchronizeDirectory], occurrence: 1, errno: EIO))
        disk.inject(DiskFault([.unlink], pathFragment: ".journal", isPermanent: true, errno: EIO))
        test.run()
        let stream = try test.createNow()
        for number in 0 ..< 8 { try test.appendNow(payload(number, byteCount: 50_000), to: stream) }
        #expect(test.log.statistics.sealedSegmentCount == 0)
        #expect(stream.bytes.count == 400_000)
        let again = try TestLog(disk.processCopy().powerLoss(seed: 1), isMaintained: true)
        again.run()
        #expect(again.recovered.streams[stream.number]?.bytes.count == 400_000)
        #expect(again.log.statistics.sealedSegmentCount > 0)
        disk.clearFaults()
        test.run()
        #expect(test.log.statistics.sealedSegmentCount > 0)
        #expect(stream.bytes.count == 400_000)
    }

    // MARK: Damage

    @Test func `A damaged block fails its readers, nobody else, and its segment is left alone`() throws {
        let test = try open { $0.mergedSegmentCount = 1_000 }
        var generator = SeededGenerator(seed: 1)
        let hit = try test.createNow(payload: generator.bytes(count: 20_000))
        let other = try test.createNow(payload: generator.bytes(count: 20_000))
        let expected = other.bytes
        try test.fillSegment()
        test.log.close()
        let path = try #require(disk.paths.first { $0.hasSuffix(".sealed") })
        disk.damage(path, at: 64 + 5_000)

        let again = try open()
        let (hitAgain, otherAgain) = (try #require(again.streams[hit.number]), try #require(again.streams[other.number]))
        let read = hitAgain.logStream.read(
            from: .start, upTo: hitAgain.logStream.tail, byteCountLimit: 1 << 20, splitsEntries: true)
        let error = #expect(throws: LogReadError.self) { try read.verifiedBytes() }
        #expect(error?.path == path && error?.byteOffset == 64)
        #expect(throws: LogReadError.self) { try hitAgain.logStream.entryStart(atOrBefore: StreamPosition(rawValue: 9)) }
        #expect(throws: LogReadError.self) { try hitAgain.logStream.appendEnd(holding: .start) }
        let rest = hitAgain.logStream.read(
            from: StreamPosition(rawValue: 16_384), upTo: hitAgain.logStream.tail, byteCountLimit: 1 << 20,
            splitsEntries: true)
        #expect(try rest.verifiedBytes().count == 20_000 - 16_384)
        #expect(otherAgain.bytes == expected)

        // Enough neighbours to merge it with.
        for _ in 0 ..< 6 {
            try again.appendNow(generator.bytes(count: 50_000), to: otherAgain)
        }
        #expect(otherAgain.bytes.count == 320_000)
        #expect(disk.paths.contains(path))
        #expect(again.events.warnings.map(\.message) == ["a segment is damaged: it stays as it is"])
        #expect(again.events.count("merged segments") > 0, "the others are merged")
        #expect(disk.paths.filter { $0.hasSuffix(".sealing") } == [])
        #expect(throws: LogReadError.self) { try read.verifiedBytes() }

        // It goes when nobody needs it.
        try again.deleteNow(hitAgain)
        #expect(disk.paths.contains(path))
        try again.deleteNow(otherAgain)
        #expect(!disk.paths.contains(path))
    }

    @Test func `Where what is written does not read back, segments stay as they are, and that is tried no more`() throws {
        let test = try TestLog(disk, isMaintained: true, fileSystem: GarblingFileSystem(disk: disk)) {
            $0.mergedSegmentCount = 3
        }
        var generator = SeededGenerator(seed: 1)
        let stream = try test.createNow()
        for _ in 0 ..< 8 { try test.appendNow(generator.bytes(count: 50_000), to: stream) }
        #expect(test.events.count("merged segments") == 0)
        #expect(test.log.statistics.sealedSegmentCount == 7)
        #expect((1 ... 3).contains(test.events.count("a segment is damaged: it stays as it is")))
        #expect(stream.bytes.count == 400_000)
        let again = try TestLog(disk.powerLoss(seed: 1), isMaintained: true)
        #expect(again.recovered.streams[stream.number]?.bytes.count == 400_000)
    }

    @Test func `A journal segment that is damaged before it is sealed stays, and the log goes on`() throws {
        let test = try TestLog(disk) { $0.unsealedSegmentCountLimit = 2 }
        test.run()
        let stream = try test.createNow(payload: payload(1, byteCount: 50_000))
        disk.damage("/store/0000000000000001.journal", at: 30_000)
        for number in 2 ..< 10 {
            try test.appendNow(payload(number, byteCount: 50_000), to: stream)
            test.log.runPendingWork()
        }
        #expect(test.events.warnings.map(\.message) == ["a segment is damaged: it stays as it is"])
        #expect(test.log.statistics.sealedSegmentCount == 0)
        #expect(test.log.statistics.segmentCount == 9)
        #expect(stream.bytes.count == 450_000)
    }
}
