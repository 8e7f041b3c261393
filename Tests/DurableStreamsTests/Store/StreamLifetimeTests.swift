import SegmentedLog
import SimulatedDisk
import Testing

@testable import DurableStreams

/// Lifetimes end on time, never early, and a restart makes little difference.
@Suite struct StreamLifetimeTests {
    private let path = try! StreamPath("a")

    private func read(_ store: ManualStore) throws { _ = try store.store.stream(at: path)!.read(from: .start, byteLimit: 1) }

    private func create(seconds: UInt64, in store: ManualStore) throws {
        try store.create(CreateRequest(path: path, lifetime: .sliding(seconds: seconds)), "abc")
    }

    @Test func `A read renews, a look at the facts does not`() throws {
        let store = try ManualStore()
        try create(seconds: 100, in: store)
        store.run(seconds: 90)
        try read(store)
        store.run(seconds: 90)
        _ = store.store.stream(at: path)!.snapshot
        #expect(store.exists(path))
        store.run(seconds: 10)
        #expect(!store.exists(path))
        #expect(store.store.statistics.streamCount == 0)
    }

    @Test func `A refused read does not renew`() throws {
        let store = try ManualStore()
        try store.create(CreateRequest(path: path, contentType: .json, lifetime: .sliding(seconds: 100)), "[10]")
        store.run(seconds: 90)
        #expect(failure { _ = try store.store.stream(at: path)!.read(from: StreamPosition(rawValue: 1), byteLimit: 1) }
            == "positionInsideMessage")
        store.run(seconds: 10)
        #expect(!store.exists(path))
    }

    @Test func `A renewal by a read survives a crash`() throws {
        let store = try ManualStore()
        try create(seconds: 1_000, in: store)
        store.run(seconds: 900)
        try read(store)
        store.run(seconds: 60)
        try store.restart()
        store.run(seconds: 930)
        #expect(store.exists(path))
        store.run(seconds: 80)
        #expect(!store.exists(path))
    }

    @Test func `One that is a minute old or younger survives though nobody had time to save it`() throws {
        let store = try ManualStore()
        try create(seconds: 1_000, in: store)
        store.run(seconds: 900)
        try read(store)
        store.wait(seconds: 59)
        try store.restart()
        // 60 seconds of grace, from the creation on: that is less than the read gave, which nobody knows of.
        store.run(seconds: 100)
        #expect(store.exists(path))
    }

    @Test func `A use soon after a restart counts after the next one`() throws {
        let store = try ManualStore()
        try create(seconds: 1_000, in: store)
        // The stream counts as used 60 seconds after its creation now.
        try store.restart(afterSeconds: 61)
        store.run(seconds: 14)
        try read(store)
        store.run(seconds: 60)
        try store.restart()
        store.run(seconds: 935)
        #expect(store.exists(path), "15 seconds before its end")
    }

    @Test(arguments: [Int64(0), 20, 300])
    func `A stream that is read all the time has its TTL left after a crash`(downSeconds: Int64) throws {
        let store = try ManualStore()
        try create(seconds: 400, in: store)
        for _ in 0..<400 {
            store.run(seconds: 7)
            try read(store)
        }
        try store.restart(afterSeconds: downSeconds)
        store.run(seconds: 399 - downSeconds)
        #expect(store.exists(path))
        store.run(seconds: 62)
        #expect(!store.exists(path))
    }

    @Test func `A stream that ended while nobody ran the store is not there any more`() throws {
        let store = try ManualStore()
        try create(seconds: 100, in: store)
        try store.restart(afterSeconds: 161)
        #expect(!store.exists(path))
        store.run(seconds: 1)
        #expect(store.store.statistics.streamCount == 0)
        try store.restart()
        #expect(store.store.statistics.streamCount == 0)
    }

    @Test func `A stream whose end somebody has seen does not come back with a restart`() throws {
        let store = try ManualStore()
        try create(seconds: 1, in: store)
        let unseen = try StreamPath("unseen")
        try store.create(CreateRequest(path: unseen, lifetime: .sliding(seconds: 1)))
        store.wait(seconds: 1)
        #expect(!store.exists(path))
        // Without the sweeper, who would find both.
        store.store.context.log.writePendingCommits()
        try store.restart()
        #expect(!store.exists(path))
        // Reads may have renewed this one, for all that anybody knows.
        #expect(store.exists(unseen))
    }

    @Test func `What has ended when a store is closed does not come back`() async throws {
        let disk = SimulatedDisk(seed: 1, recordsTrace: false)
        let clock = TestClock()
        func open() throws -> StreamStore {
            try TestStore.open(disk) {
                $0.wallClock = { clock.now }
                $0.expirySweepMilliseconds = 20_000
            }
        }
        let store = try open()
        try await store.create(CreateRequest(path: path, lifetime: .sliding(seconds: 1)))
        clock.advance(milliseconds: 1_000)
        store.close()
        let next = try open()
        defer { next.close() }
        #expect(next.stream(at: path) == nil)
        #expect(next.statistics.streamCount == 0)
    }

    @Test func `Renewals cost few entries, and none where nothing is read`() throws {
        let store = try ManualStore()
        try create(seconds: 100_000, in: store)
        let other = try StreamPath("idle")
        try store.create(CreateRequest(path: other, lifetime: .sliding(seconds: 100_000)))
        let forever = try StreamPath("forever")
        try store.create(CreateRequest(path: forever))
        let before = store.store.statistics.entryCount
        store.run(seconds: 600)
        #expect(store.store.statistics.entryCount == before)
        for _ in 0..<600 {
            store.run(seconds: 1)
            for _ in 0..<5 { try read(store) }
            _ = try store.store.stream(at: forever)!.read(from: .start, byteLimit: 1)
        }
        let count = store.store.statistics.entryCount - before
        #expect((25...31).contains(count), "\(count) entries in ten minutes")
    }

    @Test func `A stream that is appended to needs no renewals`() throws {
        let store = try ManualStore()
        try create(seconds: 1_000, in: store)
        for _ in 0..<100 {
            store.run(seconds: 30)
            try store.append("x", to: path)
        }
        #expect(store.store.statistics.entryCount == 102)
        try store.restart(afterSeconds: 999)
        #expect(store.exists(path))
        try store.restart(afterSeconds: 61)
        #expect(!store.exists(path))
    }

    @Test func `Sealing keeps what is known of the last use`() throws {
        let store = try ManualStore()
        try create(seconds: 10_000, in: store)
        store.run(seconds: 9_000)
        try read(store)
        store.run(seconds: 60)
        try store.seal()
        #expect(store.store.statistics.sealedSegmentCount > 0)
        try store.restart(afterSeconds: 9_900)
        #expect(store.exists(path))
        store.run(seconds: 200)
        #expect(!store.exists(path))
    }

    @Test func `A stream that is followed does not expire, before and after a crash`() throws {
        let store = try ManualStore()
        try create(seconds: 100, in: store)
        let subscription = store.store.stream(at: path)!.subscribe(on: DeliveryLane(direct: ())) {}
        store.run(seconds: 1_000)
        #expect(store.exists(path))
        try store.restart(afterSeconds: 50)
        #expect(store.exists(path))
        subscription.cancel()
        store.run(seconds: 120)
        #expect(!store.exists(path))
    }

    @Test func `Whoever sets the wall clock ends no sliding lifetime`() throws {
        let store = try ManualStore()
        try create(seconds: 100, in: store)
        let fixed = try StreamPath("fixed")
        let end = WallClockTime(millisecondsSince1970: store.wallClock.now + 200_000)
        try store.create(CreateRequest(path: fixed, lifetime: .until(end, text: "then")))
        store.run(seconds: 50)
        store.wallClock.advance(milliseconds: 86_400_000)
        store.run(seconds: 49)
        #expect(store.exists(path))
        // An instant is one of the wall clock.
        #expect(!store.exists(fixed))
        store.run(seconds: 2)
        #expect(!store.exists(path))
    }

    @Test func `A wall clock that was set ahead ends nothing early after a restart either`() throws {
        let store = try ManualStore()
        try create(seconds: 1_000, in: store)
        store.run(seconds: 10)
        store.wallClock.advance(milliseconds: 86_400_000)
        store.run(seconds: 10)
        try store.restart(afterSeconds: 10)
        store.run(seconds: 960)
        #expect(store.exists(path))
    }

    @Test func `A wall clock that is behind at a restart gives a stream its TTL once more and not for ever`() throws {
        let store = try ManualStore()
        try create(seconds: 1_000, in: store)
        try store.restart(wallClockError: -1_000_000)
        store.run(seconds: 999)
        #expect(store.exists(path))
        store.run(seconds: 2)
        #expect(!store.exists(path))
    }

    @Test func `An instant ends a stream whatever is read`() throws {
        let store = try ManualStore()
        let end = WallClockTime(millisecondsSince1970: store.wallClock.now + 100_000)
        try store.create(CreateRequest(path: path, lifetime: .until(end, text: "then")), "abc")
        store.run(seconds: 99)
        try read(store)
        try store.restart()
        #expect(store.exists(path))
        store.run(seconds: 1)
        #expect(!store.exists(path))
        #expect(store.store.statistics.streamCount == 0)
    }

    @Test func `A round over many streams takes several steps`() throws {
        let store = try ManualStore { $0.segmentByteCount = 4 << 20 }
        let count = 45_000
        let lane = DeliveryLane(direct: ())
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        store.store.runPendingWork()
        for number in 0..<count {
            let request = CreateRequest(path: try StreamPath("s/\(number)"), lifetime: .sliding(seconds: 10))
            store.store.create(request, payload: none, on: lane) { _ in }
            if number % 1_000 == 999 { store.store.runPendingWork() }
        }
        store.store.runPendingWork()
        #expect(store.store.statistics.streamCount == count)
        store.wait(seconds: 10)
        let sweeper = store.store.context.sweeper
        for expected in [25_000, 5_000, 0] {
            sweeper.step(afterMilliseconds: 1_000)
            store.store.context.log.runPendingWork()
            #expect(store.store.statistics.streamCount == expected)
        }
    }
}
