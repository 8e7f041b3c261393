import Glibc
import SegmentedLog
import SimulatedDisk
import Synchronization
import Testing

/// What an acknowledgement promises in each mode, and what it costs.
struct `The durability modes` {
    @Test func `In the mode sync each commit is synced before it is acknowledged, and a power failure takes nothing`() throws {
        let (disk, test) = try open(.sync)
        let stream = try test.createNow()
        let syncs = disk.callCount(.synchronize)
        for number in 0 ..< 10 { try test.appendNow(payload(number, byteCount: 10), to: stream) }
        #expect(disk.callCount(.synchronize) == syncs + 10)
        #expect(test.log.statistics.syncCount == 11)
        for mode in PowerLossMode.allCases {
            let again = try TestLog(disk.powerLoss(seed: 3, mode: mode))
            #expect(again.recovered.streams[stream.number]?.bytes == stream.bytes)
            #expect(again.events.warnings.isEmpty)
        }
    }

    @Test func `In the mode none nothing is synced, and the end of the process takes nothing`() throws {
        let (disk, test) = try open(.none)
        let stream = try test.createNow()
        let syncs = disk.callCount(.synchronize)
        for number in 0 ..< 10 { try test.appendNow(payload(number, byteCount: 10), to: stream) }
        #expect(disk.callCount(.synchronize) == syncs)
        #expect(test.log.statistics.syncCount == 0)
        #expect(try TestLog(disk.processCrash()).recovered.streams[stream.number]?.bytes == stream.bytes)
    }

    @Test(arguments: [Durability.none, .interval(milliseconds: 3_600_000)])
    func `In the weaker modes a power failure leaves whole appends from the beginning`(_ durability: Durability) throws {
        let (disk, test) = try open(durability)
        let stream = try test.createNow()
        var ends: Set<Int> = [0]
        for number in 0 ..< 20 {
            try test.appendNow(payload(number, byteCount: 100 + number), to: stream)
            ends.insert(stream.bytes.count)
        }
        let expected = ComparableBytes(bytes: stream.bytes)
        var found: Set<Int> = []
        for seed in 0 ..< 200 {
            let again = try TestLog(disk.powerLoss(seed: UInt64(seed)))
            let bytes = again.recovered.streams[stream.number]?.bytes ?? []
            #expect(expected.hasPrefix(bytes) && ends.contains(bytes.count), "seed \(seed)")
            found.insert(bytes.count)
        }
        #expect(found.count > 5, "the power failures were not various: \(found)")
    }

    @Test func `In the interval mode a sync follows when its time has come`() throws {
        let (disk, test) = try open(.interval(milliseconds: 1))
        let stream = try test.createNow(payload: Array("durable soon".utf8))
        let syncs = test.log.statistics.syncCount
        usleep(3_000)
        test.run()
        #expect(test.log.statistics.syncCount == syncs + 1)
        let again = try TestLog(disk.powerLoss(seed: 1, mode: .everythingLost))
        #expect(again.recovered.streams[stream.number]?.text == "durable soon")
    }

    @Test func `In the interval mode with threads the sync comes by itself`() throws {
        let disk = SimulatedDisk(seed: 1)
        let test = try TestLog(disk) {
            $0.durability = .interval(milliseconds: 5)
            $0.threading = .threads
        }
        let completion = Acknowledgement()
        _ = try test.create(payload: [1], completion: completion)
        completion.wait()
        var waitedMilliseconds = 0
        while test.log.statistics.syncCount == 0, waitedMilliseconds < 5_000 {
            usleep(1_000)
            waitedMilliseconds += 1
        }
        #expect(test.log.statistics.syncCount == 1)
        test.log.close()
    }

    @Test(arguments: [Durability.sync, .none, .interval(milliseconds: 3_600_000)])
    func `A clean end makes everything durable in every mode, in all segments`(_ durability: Durability) throws {
        let (disk, test) = try open(durability)
        let stream = try test.createNow()
        // Three segments.
        for number in 0 ..< 30 { try test.appendNow(payload(number, byteCount: 5_000), to: stream) }
        #expect(test.log.statistics.segmentCount >= 3)
        test.log.close()
        let again = try TestLog(disk.powerLoss(seed: 1, mode: .everythingLost))
        #expect(again.recovered.streams[stream.number]?.bytes.count == 150_000)
        #expect(again.events.warnings.isEmpty)
    }

    @Test(arguments: [Durability.none, .interval(milliseconds: 3_600_000)])
    func `A dead segment stays until the deletion that killed it is durable`(_ durability: Durability) throws {
        let (disk, test) = try open(durability)
        let old = try test.createNow(payload: payload(1, byteCount: 50_000))
        let new = try test.createNow(payload: payload(2, byteCount: 50_000))
        try test.deleteNow(old)
        test.run()
        // Either the deletion was lost, then the stream is whole; or it was not, then the other stream is there, too.
        for seed in 0 ..< 100 {
            let again = try TestLog(disk.powerLoss(seed: UInt64(seed)))
            let (foundOld, foundNew) = (again.recovered.streams[old.number], again.recovered.streams[new.number])
            #expect(foundOld == nil || foundOld!.bytes.count == 50_000, "seed \(seed)")
            if foundOld == nil, foundNew == nil { #expect(again.recovered.entryCount == 0, "seed \(seed)") }
        }
        #expect(try TestLog(disk.processCrash()).recovered.streams.keys.sorted() == [new.number])
    }

    @Test func `A name that a killed process left unsynced is durable once the log was opened again`() throws {
        // The process is killed between giving a new segment its name and syncing the directory.
        var effect = 1
        var isReached = true
        while isReached {
            let disk = SimulatedDisk(seed: UInt64(effect))
            disk.crash(atEffect: effect)
            _ = try? TestLog(disk)
            isReached = disk.isDead
            let next = disk.processCrash()
            let test = try TestLog(next)
            let completion = Acknowledgement()
            let stream = try test.create(payload: [1], completion: completion)
            // Writes it, but makes no further segment.
            test.log.close()
            try completion.require()
            let again = try TestLog(next.powerLoss(seed: 1, mode: .everythingLost))
            #expect(again.recovered.streams[stream.number]?.bytes == [1], "effect \(effect)")
            effect += 1
        }
        #expect(effect > 6)
    }

    @Test func `What a sealed segment has taken the place of goes only when its own name is durable, though a killed process left it so`() throws {
        // Killed at each effect of sealing and merging; the power fails at each effect of the next opening.
        func makeContent(on disk: SimulatedDisk) throws -> [TestStream] {
            let test = try TestLog(disk, isMaintained: true) { $0.mergedSegmentCount = 2 }
            var streams: [TestStream] = []
            for number in 0 ..< 5 { streams.append(try test.createNow(payload: payload(number, byteCount: 50_000))) }
            return streams
        }
        let whole = SimulatedDisk(seed: 1, recordsTrace: false)
        let streams = try makeContent(on: whole)
        for effect in 1 ... whole.effectCount {
            for laterEffect in 1 ... 3 {
                let disk = SimulatedDisk(seed: UInt64(effect), recordsTrace: false)
                disk.crash(atEffect: effect)
                _ = try? makeContent(on: disk)
                let survivors = try TestLog(disk.processCopy()).recovered.streams
                let next = disk.processCrash()
                next.crash(atEffect: laterEffect)
                if let test = try? TestLog(next, isMaintained: true, { $0.mergedSegmentCount = 2 }) { test.run() }
                for seed in 1 ... 6 as ClosedRange<UInt64> {
                    let found = try TestLog(next.powerLoss(seed: seed)).recovered.streams
                    for stream in streams[..<(max(1, survivors.count) - 1)] {
                        #expect(found[stream.number]?.bytes.count == 50_000, "effect \(effect), then \(laterEffect)")
                    }
                }
            }
        }
    }

    @Test func `When a commit is told of, the maintenance knows of the segment that was full before it`() throws {
        let disk = SimulatedDisk(seed: 1)
        let counts = Mutex<[Int]>([])
        let opened = Mutex<SegmentedLog?>(nil)
        let log = try SegmentedLog.open(
            directory: TestLog.directory, configuration: TestLog.configuration(), fileSystem: disk,
            commitDidEnd: {
                let count = opened.withLock { $0 }?.statistics.unsealedSegmentCount ?? -1
                counts.withLock { $0.append(count) }
            },
            recoverRow: { _ in }, recover: { _ in })
        opened.withLock { $0 = log }
        for _ in 0 ..< 2 {
            try payload(1, byteCount: 50_000).withUnsafeBytes {
                _ = try log.createStream(
                    row: UnsafeRawBufferPointer(start: nil, count: 0), payload: .borrowed($0, terminator: nil)
                ) { TestStream($0) }
            }
            log.writePendingCommits()
        }
        #expect(counts.withLock { $0 } == [0, 1])
        log.close()
        opened.withLock { $0 = nil }
    }

    @Test func `What a killed process left unsynced is durable once the log was opened again in the mode sync`() throws {
        let (disk, test) = try open(.none)
        let stream = try test.createNow(payload: payload(1, byteCount: 50_000))
        let next = disk.processCrash()
        #expect(next.unsynchronizedWriteCount(FormatTests.firstSegmentPath) == 1)
        let again = try TestLog(next)
        #expect(again.recovered.streams[stream.number]?.bytes.count == 50_000)
        // What is acknowledged now comes after it: here in another segment.
        let later = try again.createNow(payload: payload(2, byteCount: 50_000))
        let last = try TestLog(next.powerLoss(seed: 1, mode: .everythingLost))
        #expect(last.recovered.streams[stream.number]?.bytes.count == 50_000)
        #expect(last.recovered.streams[later.number]?.bytes.count == 50_000)
    }

    private func open(_ durability: Durability) throws -> (SimulatedDisk, TestLog) {
        let disk = SimulatedDisk(seed: 1)
        let test = try TestLog(disk) { $0.durability = durability }
        test.run()
        return (disk, test)
    }
}

private typealias FormatTests = `The format of the journal`
