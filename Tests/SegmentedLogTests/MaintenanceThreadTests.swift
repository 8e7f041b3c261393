import Dispatch
import Glibc
import SegmentedLog
import SimulatedDisk
import Synchronization
import Testing

/// The maintenance on a thread of its own.
struct `Maintenance in the background` {
    private let disk = SimulatedDisk(seed: 1, fileByteCountLimit: 32 << 20, recordsTrace: false)

    /// Asks again and again, for at most 20 seconds.
    private func eventually(_ condition: () -> Bool) -> Bool {
        for _ in 0 ..< 20_000 {
            if condition() { return true }
            usleep(1_000)
        }
        return false
    }

    private func append(_ payload: [UInt8], to stream: TestStream, _ test: TestLog) throws {
        let completion = Acknowledgement()
        while true {
            do throws(LogRefusal) {
                try test.append(payload, to: stream, completion: completion)
                break
            } catch {
                guard case .mustWait(let ticket) = error else { throw error }
                let semaphore = DispatchSemaphore(value: 0)
                test.log.whenRoom(ticket) { semaphore.signal() }
                semaphore.wait()
            }
        }
        completion.wait()
        try completion.require()
    }

    private func create(_ test: TestLog) throws -> TestStream {
        let completion = Acknowledgement()
        let stream = try test.create(completion: completion)
        completion.wait()
        return stream
    }

    @Test(arguments: [Durability.sync, .interval(milliseconds: 5), .none])
    func `Segments are sealed, merged and removed by themselves while appends and reads go on`(
        _ durability: Durability
    ) throws {
        let test = try TestLog(disk, isMaintained: true) {
            $0.threading = .threads
            $0.durability = durability
            $0.mergedSegmentCount = 3
            $0.blockCacheByteCountLimit = 200_000
            $0.unsealedSegmentCountLimit = 2
            // Nothing fails, so nobody waits for so long.
            $0.provisioningRetryMilliseconds = 60_000
        }
        var generator = SeededGenerator(seed: 1)
        let streams = try (0 ..< 4).map { _ in try create(test) }
        var models = streams.map { _ in EntryModel() }
        for number in 0 ..< 120 {
            let index = number % 4
            let bytes = generator.bytes(count: 8_000 + generator.integer(below: 8_000))
            try append(bytes, to: streams[index], test)
            models[index].append([bytes])
            if number % 10 == 9 {
                try models[index].expectChunks(of: streams[index].logStream, 50_000, splitsEntries: number % 20 == 9)
            }
            #expect(test.log.statistics.blockCacheByteCount <= 200_000)
            #expect(test.log.statistics.unsealedSegmentCount <= 4)
        }
        #expect(eventually { test.log.statistics.unsealedSegmentCount == 0 })
        #expect(eventually { test.log.statistics.sealedSegmentCount <= 8 && !test.log.statistics.isMaintaining })
        #expect(test.events.count("sealed a segment") >= 20)
        #expect(test.events.count("merged segments") >= 1)
        #expect(test.log.statistics.segmentCount <= 2)
        let (before, completion) = (test.log.statistics.sealedByteCount, Acknowledgement())
        try test.delete(streams[3], completion: completion)
        completion.wait()
        try append([1], to: streams[0], test)
        models[0].append([[1]])
        for index in 0 ..< 3 { try models[index].expectChunks(of: streams[index].logStream, 1 << 20, splitsEntries: true) }
        for index in 1 ... 2 {
            let trimmed = Acknowledgement()
            try test.trim(streams[index], to: models[index].tail, completion: trimmed)
            trimmed.wait()
        }
        #expect(eventually { test.log.statistics.sealedByteCount < before / 2 })
        test.log.close()
        #expect(test.events.warnings.isEmpty)
        let again = try TestLog(disk.powerLoss(seed: 1))
        #expect(again.recovered.streams[streams[0].number]?.bytes.count == models[0].tail)
        #expect(again.recovered.streams.count == 3)
    }

    @Test func `Closing does not wait for a merge to end, and the next opening does it again`() throws {
        let first = try TestLog(disk, isMaintained: true) { $0.mergedSegmentCount = 1_000 }
        var generator = SeededGenerator(seed: 1)
        let stream = try first.createNow()
        for _ in 0 ..< 60 { try first.appendNow(generator.bytes(count: 50_000), to: stream) }
        #expect(first.log.statistics.sealedSegmentCount == 59)
        first.log.close()

        // It would take a minute.
        let test = try TestLog(disk, isMaintained: true) {
            $0.threading = .threads
            $0.mergedSegmentCount = 2
            $0.maintenanceBytesPerSecond = 50_000
        }
        #expect(eventually { disk.paths.contains { $0.hasSuffix(".sealing") } })
        usleep(100_000)
        let start = DispatchTime.now().uptimeNanoseconds
        test.log.close()
        #expect(DispatchTime.now().uptimeNanoseconds - start < 2_000_000_000)
        #expect(test.log.statistics.sealedSegmentCount == 59)

        let again = try TestLog(disk, isMaintained: true) { $0.mergedSegmentCount = 2 }
        #expect(disk.paths.filter { $0.hasSuffix(".sealing") } == [])
        again.run()
        #expect(again.log.statistics.sealedSegmentCount == 1)
        #expect(again.recovered.streams[stream.number]?.bytes.count == 3_000_000)
    }

    @Test func `What fails is tried again by itself, and not more often because there is much to do`() throws {
        let test = try TestLog(disk, isMaintained: true) {
            $0.threading = .threads
            $0.provisioningRetryMilliseconds = 50
        }
        disk.inject(DiskFault([.createFile], pathFragment: ".sealing", isPermanent: true, errno: ENOSPC))
        let stream = try create(test)
        let calls = disk.callCount(.createFile)
        let start = DispatchTime.now().uptimeNanoseconds
        for number in 0 ..< 4 { try append(payload(number, byteCount: 40_000), to: stream, test) }
        for _ in 0 ..< 300 {
            let completion = Acknowledgement()
            try test.trim(stream, to: 0, completion: completion)
            completion.wait()
        }
        #expect(eventually { test.events.warnings.count == 1 })
        let milliseconds = Int((DispatchTime.now().uptimeNanoseconds - start) / 1_000_000)
        // Four journal segments at most, and an attempt each 50 ms.
        #expect(disk.callCount(.createFile) - calls <= 4 + 2 + milliseconds / 50)
        disk.clearFaults()
        #expect(eventually { test.log.statistics.unsealedSegmentCount == 0 })
        test.log.close()
        #expect(test.events.warnings.count == 1)
    }

    @Test func `A segment that cannot be made is tried again by itself, and not more often because much is appended`() throws {
        let test = try TestLog(disk, isMaintained: true) {
            $0.threading = .threads
            $0.provisioningRetryMilliseconds = 50
        }
        let stream = try create(test)
        #expect(eventually { disk.paths.count { $0.hasSuffix(".journal") } == 2 })
        disk.inject(DiskFault([.createFile], pathFragment: ".partial", isPermanent: true, errno: ENOSPC))
        // Not those of sealing, which goes on meanwhile.
        let creation = EffectKind(.createFile, fileExtension: "partial")
        let calls = disk.effectCounts[creation, default: 0]
        let start = DispatchTime.now().uptimeNanoseconds
        let payload = payload(0, byteCount: 40_000)
        for _ in 0 ..< 3_000 {
            do throws(LogRefusal) {
                try test.append(payload, to: stream)
            } catch {
                // Waits, or is refused.
                usleep(100)
            }
        }
        let attempts = disk.effectCounts[creation, default: 0] - calls
        let milliseconds = Int((DispatchTime.now().uptimeNanoseconds - start) / 1_000_000)
        #expect(attempts >= 2)
        // One at once, and each other one 50 ms after the one before. Files that are written again are not made.
        #expect(attempts <= 1 + milliseconds / 50)
        disk.clearFaults()
        #expect(eventually { (try? test.append(payload, to: stream)) != nil })
        test.log.close()
    }

    @Test func `Many readers of one stream share the decoded blocks: each is decoded once`() throws {
        let test = try TestLog(disk, isMaintained: true) {
            $0.threading = .threads
            // Nothing is merged, and the cache, which is one shard, holds everything.
            $0.mergedSegmentCount = 1_000
            $0.blockCacheByteCountLimit = (2 << 20) - 1
        }
        var generator = SeededGenerator(seed: 1)
        let stream = try create(test)
        var model = EntryModel()
        for _ in 0 ..< 60 {
            let bytes = generator.bytes(count: 1 + generator.integer(below: 40_000))
            try append(bytes, to: stream, test)
            model.append([bytes])
        }
        #expect(eventually { test.log.statistics.unsealedSegmentCount == 0 && !test.log.statistics.isMaintaining })
        let blocks = disk.paths.filter { $0.hasSuffix(".sealed") }.flatMap { SealedLayout(disk.content($0)!).blocks }
        try #require(blocks.count > 50 && blocks.allSatisfy { $0.streamNumber == stream.number })
        let (found, bytes) = (stream.logStream, ComparableBytes(bytes: model.bytes))
        // Nobody has read anything yet. Sealing and merging use no cache.
        #expect(test.log.statistics.blockCacheMissCount == 0)
        let wrongCount = Mutex(0)
        DispatchQueue.concurrentPerform(iterations: 8) { _ in
            for _ in 0 ..< 3 {
                let read = found.read(from: .start, upTo: found.tail, byteCountLimit: 1 << 24, splitsEntries: true)
                if ComparableBytes(bytes: read.bytes) != bytes { wrongCount.withLock { $0 += 1 } }
            }
        }
        #expect(wrongCount.withLock { $0 } == 0)
        #expect(test.log.statistics.blockCacheMissCount == blocks.count)
        #expect(test.log.statistics.blockCacheHitCount == (8 * 3 - 1) * blocks.count)
        test.log.close()
    }

    @Test func `Many readers of one stream read it while segments are merged, and the cache keeps its limit`() throws {
        let first = try TestLog(disk, isMaintained: true) { $0.mergedSegmentCount = 4 }
        var generator = SeededGenerator(seed: 1)
        var model = EntryModel()
        let stream = try first.createNow()
        try first.appendRandomly(150, to: stream, &model, &generator)
        first.log.close()
        let test = try TestLog(disk, isMaintained: true) {
            $0.threading = .threads
            $0.mergedSegmentCount = 2
            $0.blockCacheByteCountLimit = 150_000
        }
        let found = try #require(test.streams[stream.number]).logStream
        let bytes = ComparableBytes(bytes: model.bytes)
        let log = test.log
        let reader: @Sendable (Int) -> Void = { number in
            for round in 0 ..< 3 {
                let read = found.read(
                    from: .start, upTo: found.tail, byteCountLimit: 1 << 24, splitsEntries: (number + round) % 2 == 0)
                #expect(ComparableBytes(bytes: read.bytes) == bytes)
                #expect(log.statistics.blockCacheByteCount <= 150_000)
            }
        }
        DispatchQueue.concurrentPerform(iterations: 8, execute: reader)
        test.log.close()
        // Nothing is merged any more. As full as may be: the largest block that is kept has an eighth of the limit.
        reader(1)
        #expect(test.log.statistics.blockCacheByteCount > 150_000 * 7 / 8)
    }
}
