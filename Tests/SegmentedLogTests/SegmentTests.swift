import Glibc
import SegmentedLog
import SimulatedDisk
import Synchronization
import Testing

/// How the journal goes from one segment's file to the next.
struct `Segments` {
    private let disk = SimulatedDisk(seed: 1)

    // MARK: Rolling

    @Test func `A log rolls into a segment that was made before it was needed`() throws {
        let test = try TestLog(disk)
        test.run()
        #expect(fileNames == ["0000000000000001.journal", "0000000000000002.journal", "LOCK"])
        let stream = try test.createNow()
        var bytes: [UInt8] = []
        for number in 0 ..< 40 {
            try test.appendNow(payload(number, byteCount: 5_000), to: stream)
            bytes += payload(number, byteCount: 5_000)
        }
        #expect(test.log.statistics.segmentCount == 4)
        #expect(stream.bytes == bytes)
        // A read across all of them, in chunks that do not fit the segments.
        var read: [UInt8] = []
        while read.count < bytes.count {
            read += stream.logStream.bytes(from: StreamPosition(rawValue: UInt64(read.count)), byteCountLimit: 30_001)
        }
        #expect(read == bytes)
        test.log.close()
        #expect(try TestLog(disk).recovered.streams[stream.number]?.bytes == bytes)
    }

    @Test func `A frame fills its segment to the last byte`() throws {
        let test = try TestLog(disk)
        // Frame header, entry headers of the creation and the append, payload.
        let room = (64 << 10) - 4096 - 56 - 28 - 28
        let stream = try test.createNow(payload: payload(1, byteCount: room))
        #expect(test.log.statistics.segmentCount == 1)
        let next = try test.createNow(payload: payload(2, byteCount: room - 7))
        #expect(test.log.statistics.segmentCount == 2)
        try test.appendNow([1], to: stream)
        #expect(test.log.statistics.segmentCount == 3)
        test.log.close()
        let again = try TestLog(disk)
        #expect(again.recovered.streams[stream.number]?.bytes == payload(1, byteCount: room) + [1])
        #expect(again.recovered.streams[next.number]?.bytes.count == room - 7)
        #expect(again.events.warnings.isEmpty)
    }

    @Test func `A commit that fills while another is written is split between segments`() throws {
        let test = try TestLog(disk)
        test.run()
        let stream = try test.createNow()
        for number in 0 ..< 20 { try test.append(payload(number, byteCount: 5_000), to: stream) }
        test.run()
        #expect(test.log.statistics.commitCount == 3)
        #expect(stream.bytes.count == 100_000)
    }

    // MARK: Oversize

    @Test(arguments: [65_536, 100_000, 1_500_000])
    func `An append that is larger than a segment gets one of its own`(_ byteCount: Int) throws {
        let test = try TestLog(disk)
        test.run()
        let stream = try test.createNow(payload: [1])
        let completion = Acknowledgement()
        let parts = [payload(1, byteCount: byteCount - 10), payload(2, byteCount: 10)]
        try test.patiently { () throws(LogRefusal) in
            try test.append(parts: parts, to: stream, completion: completion)
        }
        test.run()
        try completion.require()
        try test.appendNow([2], to: stream)
        test.log.close()
        let again = try TestLog(disk)
        let found = try #require(again.recovered.streams[stream.number])
        #expect(ComparableBytes(bytes: found.bytes) == ComparableBytes(bytes: [1] + joined(parts) + [2]))
        #expect(found.appends.map(\.byteCount) == [1, byteCount, 1])
        #expect(again.events.warnings.isEmpty)
    }

    @Test func `The first entry of a log can be larger than a segment`() throws {
        let test = try TestLog(disk)
        let stream = try test.createNow(payload: payload(1, byteCount: 90_000))
        #expect(try TestLog(disk.processCopy()).recovered.streams[stream.number]?.bytes.count == 90_000)
    }

    @Test func `The spare segment that a larger one replaced does not stand in the way, whenever the process ends`() throws {
        // The append comes as soon as there is room: before the replaced segment is taken away.
        for effect in 1 ... 60 {
            let disk = SimulatedDisk(seed: UInt64(effect))
            let test = try TestLog(disk)
            test.run()
            let stream = try test.createNow(payload: [1])
            disk.crash(atEffect: disk.effectCount + effect)
            let completion = Acknowledgement()
            let large = payload(2, byteCount: 90_000)
            let owned = OwnedBytes(byteCount: large.count) { $0.copyBytes(from: large) }
            appendWhenRoom(owned, to: stream, test.log, completion)
            test.run()
            let again = try TestLog(disk.processCopy())
            let found = again.recovered.streams[stream.number]?.bytes.count
            #expect(found == 90_001 || (found == 1 && !completion.isDurable), "effect \(effect)")
            if !disk.isDead { #expect(completion.isDurable) }
        }
    }

    @Test(arguments: [DiskCall.rename, .synchronizeDirectory, .openFile, .map, .createFile, .synchronize])
    func `The spare segment that a larger one replaces does not stand in the way, whatever fails`(_ call: DiskCall) throws {
        for occurrence in 1 ... 3 {
            let disk = SimulatedDisk(seed: 1)
            let test = try TestLog(disk)
            test.run()
            let stream = try test.createNow(payload: [1])
            disk.inject(DiskFault([call], occurrence: occurrence, errno: EIO))
            let completion = Acknowledgement()
            for _ in 0 ..< 5 where completion.outcome == nil {
                try? test.append(parts: [payload(2, byteCount: 90_000)], to: stream, completion: completion)
                test.run()
            }
            let again = try TestLog(disk.processCopy())
            let found = again.recovered.streams[stream.number]?.bytes.count
            #expect(
                found == 90_001 || (found == 1 && !completion.isDurable),
                "call \(occurrence), acknowledged \(completion.isDurable): \(found ?? 0), \(again.events.warnings)")
            guard call != .synchronize else { continue }
            #expect(completion.isDurable, "call \(occurrence)")
        }
    }

    @Test func `An entry that no segment can hold is refused, and nothing else is`() throws {
        let test = try TestLog(disk)
        let stream = try test.createNow()
        // Never touched: the refusal comes first.
        let huge = OwnedBytes(byteCount: 1 << 30) { _ in }
        #expect(throws: LogRefusal.entryTooLarge) {
            try test.log.append(
                to: stream, at: .start, annotation: UnsafeRawBufferPointer(start: nil, count: 0),
                payload: .owned(huge, partEnds: [1 << 30]))
        }
        try test.appendNow([1], to: stream)
    }

    // MARK: Back-pressure

    @Test func `Beyond the limit of pending bytes appends wait, and are called when there is room`() throws {
        let test = try TestLog(disk) { $0.pendingByteCountLimit = 1_000 }
        test.run()
        let stream = try test.createNow()
        while true {
            do throws(LogRefusal) {
                try test.append([UInt8](repeating: 1, count: 100), to: stream)
            } catch {
                guard case .mustWait(let ticket) = error else { throw error }
                #expect(test.log.statistics.pendingByteCount <= 1_000)
                let calls = Mutex(0)
                test.log.whenRoom(ticket) { calls.withLock { $0 += 1 } }
                #expect(calls.withLock { $0 } == 0)
                test.run()
                #expect(calls.withLock { $0 } == 1)
                // A ticket from before is answered at once.
                test.log.whenRoom(ticket) { calls.withLock { $0 += 1 } }
                #expect(calls.withLock { $0 } == 2)
                break
            }
        }
        #expect(test.log.statistics.pendingByteCount == 0)
        #expect(stream.bytes.count == 700)
        // A single entry above the limit is let in when nothing else is pending.
        try test.appendNow([UInt8](repeating: 2, count: 5_000), to: stream)
    }

    @Test func `Where the next segment is not ready, appends wait for it`() throws {
        let test = try TestLog(disk)
        // Nobody has made the spare segment yet.
        let stream = try test.create(payload: payload(1, byteCount: 50_000))
        let refusal = #expect(throws: LogRefusal.self) { try test.append(payload(2, byteCount: 50_000), to: stream) }
        guard case .mustWait(let ticket) = refusal else {
            Issue.record("\(String(describing: refusal))")
            return
        }
        let calls = Mutex(0)
        test.log.whenRoom(ticket) { calls.withLock { $0 += 1 } }
        test.run()
        #expect(calls.withLock { $0 } == 1)
        try test.appendNow(payload(2, byteCount: 50_000), to: stream)
    }

    @Test func `Where the next segment could not be made, appends that need it are refused until it could`() throws {
        disk.inject(DiskFault([.createFile], pathFragment: "2.partial", errno: EMFILE))
        let test = try TestLog(disk)
        test.run()
        let stream = try test.createNow(payload: payload(1, byteCount: 50_000))
        disk.inject(DiskFault([.createFile], errno: EMFILE))
        test.run()
        try test.appendNow([1], to: stream)
        test.run()
        try test.appendNow(payload(2, byteCount: 50_000), to: stream)
        #expect(!test.log.statistics.isStopped)
        #expect(stream.bytes.count == 100_001)
    }

    // MARK: Full disk

    @Test func `A full disk refuses before anything is damaged, reads go on, and appends are taken again when there is room`() throws {
        disk.byteCountLimit = 2 * 65_536
        let test = try TestLog(disk)
        test.run()
        let stream = try test.createNow()
        var count = 0
        var refusal: LogRefusal?
        while refusal == nil, count < 100 {
            do throws(LogRefusal) {
                try test.append(payload(count, byteCount: 5_000), to: stream)
                test.run()
                count += 1
            } catch {
                refusal = error
                if case .mustWait = error {
                    test.run()
                    refusal = nil
                }
            }
        }
        #expect(refusal == .diskFull)
        #expect(count == 24)
        #expect(test.log.statistics.isDiskFull)
        #expect(!test.log.statistics.isStopped)
        #expect(stream.bytes.count == count * 5_000)
        #expect(test.events.warnings.contains { $0.message.contains("full") })

        disk.byteCountLimit = .max
        test.run()
        #expect(!test.log.statistics.isDiskFull)
        try test.appendNow(payload(count, byteCount: 5_000), to: stream)
        #expect(stream.bytes.count == (count + 1) * 5_000)
        let again = try TestLog(disk.powerLoss(seed: 1))
        #expect(again.recovered.streams[stream.number]?.bytes.count == (count + 1) * 5_000)
    }

    @Test func `On a full disk a stream can be deleted, and that makes room`() throws {
        disk.byteCountLimit = 2 * 65_536
        let test = try TestLog(disk, isMaintained: true)
        test.run()
        let old = try test.createNow(payload: payload(1, byteCount: 55_000))
        let stream = try test.createNow(payload: payload(2, byteCount: 55_000))
        #expect(throws: LogRefusal.diskFull) {
            try test.patiently { () throws(LogRefusal) in try test.append(payload(3, byteCount: 50_000), to: stream) }
        }
        try test.deleteNow(old)
        test.run()
        try test.appendNow(payload(3, byteCount: 50_000), to: stream)
        #expect(disk.usedByteCount <= 2 * 65_536)
    }

    @Test func `With threads a full disk is noticed and forgotten without anyone's help`() throws {
        disk.byteCountLimit = 2 * 65_536
        let test = try TestLog(disk) { $0.threading = .threads }
        let created = Acknowledgement()
        let stream = try test.create(completion: created)
        created.wait()
        var sawFull = false
        var count = 0
        while count < 40 {
            let completion = Acknowledgement()
            do throws(LogRefusal) {
                try test.append(payload(count, byteCount: 5_000), to: stream, completion: completion)
                completion.wait()
                #expect(completion.isDurable)
                count += 1
            } catch {
                if error == .diskFull {
                    sawFull = true
                    disk.byteCountLimit = .max
                }
                usleep(500)
            }
        }
        #expect(sawFull)
        #expect(stream.bytes.count == 200_000)
        test.log.close()
    }

    private var fileNames: [String] { disk.paths.map { String($0.dropFirst("/store/".count)) } }
}

/// Appends at position 1 as soon as there is room, from wherever the log says so.
private func appendWhenRoom(
    _ payload: OwnedBytes, to stream: TestStream, _ log: SegmentedLog, _ completion: Acknowledgement
) {
    do throws(LogRefusal) {
        try log.append(
            to: stream, at: StreamPosition(rawValue: 1), annotation: UnsafeRawBufferPointer(start: nil, count: 0),
            payload: .owned(payload, partEnds: [payload.bytes.count]), completion: completion)
    } catch {
        guard case .mustWait(let ticket) = error else { return }
        log.whenRoom(ticket) { appendWhenRoom(payload, to: stream, log, completion) }
    }
}
