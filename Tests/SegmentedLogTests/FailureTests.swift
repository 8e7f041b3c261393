import Glibc
import SegmentedLog
import SimulatedDisk
import Testing

/// Calls that fail while the process lives on.
struct `Failing calls` {
    // MARK: A failed write or sync

    @Test(arguments: [DiskCall.write, .synchronize])
    func `A failed write or sync stops the log, fails what is pending, and leaves what is durable readable`(
        _ call: DiskCall
    ) throws {
        let (disk, test) = try open()
        let stream = try test.createNow(payload: Array("durable".utf8))
        disk.inject(DiskFault([call], errno: EIO))
        let (first, second) = (Acknowledgement(), Acknowledgement())
        try test.append(Array("lost".utf8), to: stream, completion: first)
        try test.append(Array("lost".utf8), to: stream, completion: second)
        let isKept = try test.log.afterPending(second)
        #expect(isKept)
        test.run()
        guard case .failed(let failure) = first.outcome else {
            Issue.record("\(String(describing: first.outcome))")
            return
        }
        #expect(failure.reason.contains("0000000000000001.journal"))
        #expect(first.callCount == 1 && second.callCount == 2 && second.outcome == .failed(failure))
        #expect(test.log.statistics.isStopped)
        #expect(test.log.stoppedReason == failure.reason)
        #expect(test.events.all.filter { $0.level == .error }.count == 1)

        #expect(stream.text == "durable")
        #expect(throws: LogRefusal.stopped(reason: failure.reason)) { try test.append([1], to: stream) }
        #expect(throws: LogRefusal.stopped(reason: failure.reason)) { _ = try test.create() }
        #expect(throws: LogRefusal.stopped(reason: failure.reason)) { try test.delete(stream) }
        #expect(throws: LogRefusal.stopped(reason: failure.reason)) { _ = try test.log.afterPending(second) }
        let (writes, syncs) = (disk.callCount(.write), disk.callCount(.synchronize))
        test.run()
        test.log.close()
        #expect(disk.callCount(.write) == writes && disk.callCount(.synchronize) == syncs, "a sync is never retried")
        #expect(stream.text == "durable")
    }

    @Test(arguments: [DiskCall.write, .synchronize])
    func `With threads a failed write or sync tells everyone who waits, and closing still returns`(_ call: DiskCall) throws {
        let disk = SimulatedDisk(seed: 1)
        let test = try TestLog(disk) { $0.threading = .threads }
        let created = Acknowledgement()
        let stream = try test.create(payload: [1], completion: created)
        created.wait()
        disk.inject(DiskFault([call], pathFragment: "1.journal", errno: EIO))
        let completions = (0 ..< 100).map { _ in Acknowledgement() }
        var submitted: [Acknowledgement] = []
        for completion in completions {
            do throws(LogRefusal) {
                try test.append([2], to: stream, completion: completion)
                submitted.append(completion)
            } catch {
                guard case .stopped = error else { throw error }
            }
        }
        for completion in submitted { completion.wait() }
        #expect(submitted.allSatisfy { $0.outcome != .durable && $0.callCount == 1 })
        #expect(!submitted.isEmpty)
        test.log.close()
        #expect(stream.bytes == [1])
    }

    @Test(arguments: 0 ..< 40)
    func `After a failed write or sync, opening again in the same life of the machine recovers`(_ seed: UInt64) throws {
        for call in [DiskCall.write, .synchronize] {
            let disk = SimulatedDisk(seed: seed)
            let test = try TestLog(disk)
            test.run()
            let stream = try test.createNow(payload: Array("durable ".utf8))
            disk.inject(DiskFault([call], errno: EIO))
            try test.append(Array("in doubt ".utf8), to: stream)
            test.run()
            test.log.close()

            let again = try TestLog(disk)
            let found = try #require(again.recovered.streams[stream.number]).text
            #expect(found == "durable " || found == "durable in doubt ")
            let next = try #require(again.streams[stream.number])
            try again.appendNow(Array("later".utf8), to: next)
            // What the failed sync did not write is still not on the disk, though the page cache shows it.
            let last = try TestLog(disk.powerLoss(seed: seed, mode: .everythingLost))
            #expect(last.recovered.streams[stream.number]?.text == found + "later", "\(call)")
        }
    }

    private func open() throws -> (SimulatedDisk, TestLog) {
        let disk = SimulatedDisk(seed: 1)
        let test = try TestLog(disk)
        test.run()
        return (disk, test)
    }
}
