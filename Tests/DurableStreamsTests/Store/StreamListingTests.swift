import SegmentedLog
import SimulatedDisk
import Testing

@testable import DurableStreams

@Suite struct StreamListingTests {
    private func paths(_ page: StreamListingPage) -> [String] { page.streams.map(\.path.text) }

    @Test func `Streams are listed in the order of their paths' bytes`() async throws {
        let store = try TestStore.open()
        defer { store.close() }
        for path in ["b", "a/b", "a", "B", "a!", "a/", "a//b", "ab", "a%2F", "%C3%A9"] {
            try await store.create(CreateRequest(path: StreamPath(path)))
        }
        let page = await store.streams()
        #expect(paths(page) == ["%C3%A9", "B", "a", "a!", "a%2F", "a/", "a//b", "a/b", "ab", "b"])
        #expect(page.cursor == nil)
    }

    @Test func `A prefix ends anywhere, and the empty one is that of all`() async throws {
        let store = try TestStore.open()
        defer { store.close() }
        for path in ["chats/1", "chats/12", "chats/2", "chat", "logs/1"] {
            try await store.create(CreateRequest(path: StreamPath(path)))
        }
        #expect(await paths(store.streams(withPrefix: "chats/")) == ["chats/1", "chats/12", "chats/2"])
        #expect(await paths(store.streams(withPrefix: "chats/1")) == ["chats/1", "chats/12"])
        #expect(await paths(store.streams(withPrefix: "chat")) == ["chat", "chats/1", "chats/12", "chats/2"])
        #expect(await paths(store.streams(withPrefix: "x")) == [])
        #expect(await store.streams(withPrefix: "").streams.count == 5)
    }

    @Test(arguments: [1, 2, 3, 7, 50, 99, 100, 101])
    func `Pages cover all streams once, in order`(limit: Int) async throws {
        let store = try TestStore.open()
        defer { store.close() }
        var random = SeededGenerator(seed: 5)
        var expected: Set<String> = []
        while expected.count < 100 { expected.insert("s/\(random.integer(below: 1_000))") }
        _ = await withTaskGroup(of: Void.self) { group in
            for path in expected {
                group.addTask { _ = try? await store.create(CreateRequest(path: StreamPath(path))) }
            }
        }
        try await store.create(CreateRequest(path: StreamPath("t")))
        var found: [String] = []
        var cursor: StreamPath?
        repeat {
            let page = await store.streams(withPrefix: "s/", after: cursor, limit: limit)
            #expect(page.streams.count <= limit && !page.streams.isEmpty)
            found += paths(page)
            #expect(page.cursor == nil || page.cursor == page.streams.last?.path)
            cursor = page.cursor
        } while cursor != nil
        #expect(found == expected.sorted())
    }

    @Test func `A cursor need not be the path of a stream`() async throws {
        let store = try TestStore.open()
        defer { store.close() }
        for path in ["a", "c"] { try await store.create(CreateRequest(path: StreamPath(path))) }
        #expect(await paths(store.streams(after: try StreamPath("b"))) == ["c"])
        #expect(await paths(store.streams(after: try StreamPath("c"))) == [])
    }

    @Test func `A listing tells the type, the tail, the end and the time of creation`() async throws {
        let clock = TestClock()
        let store = try TestStore.open { $0.wallClock = { clock.now } }
        defer { store.close() }
        try await store.create(CreateRequest(path: StreamPath("a"), contentType: .json), content: "[1,22]".utf8)
        clock.advance(milliseconds: 5)
        try await store.create(CreateRequest(path: StreamPath("b"), closed: true), content: "xyz".utf8)
        #expect(
            await store.streams().streams == [
                StreamListing(
                    path: try StreamPath("a"), contentType: .json, tail: StreamPosition(rawValue: 5), isClosed: false,
                    createdAt: WallClockTime(millisecondsSince1970: 1_700_000_000_000)),
                StreamListing(
                    path: try StreamPath("b"), contentType: .octetStream, tail: StreamPosition(rawValue: 3),
                    isClosed: true, createdAt: WallClockTime(millisecondsSince1970: 1_700_000_000_005)),
            ])
    }

    @Test func `Deleted, expired and not yet durable streams are not listed`() async throws {
        let disk = SimulatedDisk(seed: 1, recordsTrace: false)
        let clock = TestClock()
        let store = try TestStore.open(disk) {
            $0.wallClock = { clock.now }
            $0.expirySweepMilliseconds = 1_000_000
        }
        defer { store.close() }
        for path in ["deleted", "kept", "again"] { try await store.create(CreateRequest(path: StreamPath(path))) }
        try await store.create(CreateRequest(path: StreamPath("expired"), lifetime: .sliding(seconds: 10)))
        try await store.delete(StreamPath("deleted"))
        clock.advance(milliseconds: 10_000)
        disk.hold([.synchronize])
        async let pending = store.create(CreateRequest(path: StreamPath("pending")))
        disk.waitUntilHeld()
        #expect(await paths(store.streams()) == ["again", "kept"])
        disk.letThrough()
        _ = try await pending
        #expect(await paths(store.streams()) == ["again", "kept", "pending"])
    }

    @Test func `Being listed does not renew a lifetime`() async throws {
        let clock = TestClock()
        let store = try TestStore.open { $0.wallClock = { clock.now } }
        defer { store.close() }
        try await store.create(CreateRequest(path: StreamPath("a"), lifetime: .sliding(seconds: 10)))
        clock.advance(milliseconds: 6_000)
        #expect(await store.streams().streams.count == 1)
        clock.advance(milliseconds: 6_000)
        #expect(await store.streams().streams.isEmpty)
    }
}
