import SegmentedLog
import SimulatedDisk
import Testing

@testable import DurableStreams

/// The space of what has expired comes back by itself: nobody asks for those streams any more.
@Suite struct ExpiredSpaceTests {
    private static let expiringByteCount = 12 * 20_000
    private let kept = try! StreamPath("kept")

    enum End: Sendable, CaseIterable { case sliding, instant }

    private func lifetime(_ end: End, from now: Int64) -> Lifetime {
        switch end {
        case .sliding: .sliding(seconds: 500)
        case .instant: .until(WallClockTime(millisecondsSince1970: now + 500_000), text: "then")
        }
    }

    /// Bytes that cannot be compressed.
    private func noise(_ seed: UInt64) -> String {
        var random = SeededGenerator(seed: seed)
        return String(decoding: (0..<20_000).map { _ in UInt8(random.integer(below: 128)) }, as: UTF8.self)
    }

    /// A stream that stays, between many that do not, all of them sealed.
    private func fill(_ store: ManualStore, _ end: End) throws {
        try store.create(CreateRequest(path: kept))
        for number in 0..<12 {
            let path = try StreamPath("expiring/\(number)")
            let lifetime = lifetime(end, from: store.wallClock.now)
            try store.create(CreateRequest(path: path, lifetime: lifetime), noise(UInt64(number)))
            try store.append("\(number),", to: kept)
        }
        try store.seal()
        try store.delete(StreamPath("filler"))
        #expect(sealedByteCount(store) > Self.expiringByteCount)
    }

    private func sealedByteCount(_ store: ManualStore) -> Int {
        store.disk.paths.filter { $0.hasSuffix(".sealed") }.reduce(0) { $0 + store.disk.content($1)!.count }
    }

    @Test(arguments: End.allCases)
    func `Sealed segments shrink once lifetimes are over`(_ end: End) throws {
        let store = try ManualStore()
        try fill(store, end)
        let used = store.disk.usedByteCount
        store.run(seconds: 480)
        #expect(sealedByteCount(store) > Self.expiringByteCount, "not earlier than promised")
        store.run(seconds: 60)
        #expect(store.store.statistics.streamCount == 1)
        #expect(sealedByteCount(store) < Self.expiringByteCount / 10)
        #expect(store.store.statistics.sealedByteCount == sealedByteCount(store))
        #expect(store.disk.usedByteCount < used)
        #expect(try store.content(kept) == (0..<12).map { "\($0)," }.joined())
    }

    @Test(arguments: End.allCases)
    func `So they do if lifetimes ended while nobody ran the store`(_ end: End) throws {
        let store = try ManualStore()
        try fill(store, end)
        try store.restart(afterSeconds: 1_000)
        #expect(sealedByteCount(store) > Self.expiringByteCount)
        store.run(seconds: 1)
        #expect(store.store.statistics.streamCount == 1)
        #expect(sealedByteCount(store) < Self.expiringByteCount / 10)
        #expect(try store.content(kept) == (0..<12).map { "\($0)," }.joined())
    }

    @Test func `What a fork has inherited is kept until the fork has expired too`() throws {
        let store = try ManualStore()
        try fill(store, .sliding)
        let fork = try StreamPath("fork")
        let source = try StreamPath("expiring/3")
        try store.create(
            CreateRequest(path: fork, lifetime: .sliding(seconds: 1_000), fork: ForkRequest(source: source)))
        store.run(seconds: 600)
        #expect(store.store.statistics.streamCount == 3)
        #expect((20_000..<Self.expiringByteCount / 4).contains(sealedByteCount(store)))
        #expect(try store.content(fork) == noise(3))
        store.run(seconds: 1_060)
        #expect(store.store.statistics.streamCount == 1)
        #expect(sealedByteCount(store) < Self.expiringByteCount / 10)
    }

    @Test func `The store's own threads do it`() async throws {
        let clock = TestClock()
        let disk = SimulatedDisk(seed: 1, recordsTrace: false)
        let store = try TestStore.open(disk) {
            $0.wallClock = { clock.now }
            $0.expirySweepMilliseconds = 5
        }
        defer { store.close() }
        for number in 0..<12 {
            let request = CreateRequest(
                path: try StreamPath("expiring/\(number)"), lifetime: lifetime(.sliding, from: clock.now))
            try await store.create(request, content: noise(UInt64(number)).utf8)
        }
        // The last of them are sealed with what comes behind.
        try await store.create(CreateRequest(path: kept), content: noise(100).utf8)
        for number in 0..<3 { try await store.append(noise(UInt64(101 + number)).utf8, to: kept) }
        #expect(await eventually { store.statistics.sealedByteCount > Self.expiringByteCount / 2 })
        clock.advance(milliseconds: 600_000)
        #expect(await eventually { store.statistics.streamCount == 1 })
        #expect(await eventually { store.statistics.sealedByteCount < Self.expiringByteCount / 2 })
        #expect(await eventually { store.statistics.segmentCount <= 3 })
    }
}
