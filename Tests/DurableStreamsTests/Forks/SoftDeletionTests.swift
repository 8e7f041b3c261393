import SegmentedLog
import Testing

@testable import DurableStreams

/// Streams that are deleted, or end, while others read from them.
@Suite struct SoftDeletionTests {
    private let source = try! StreamPath("source")
    private let fork = try! StreamPath("fork")

    private func makeFork(_ path: StreamPath, of source: StreamPath, in store: ManualStore) throws {
        try store.create(CreateRequest(path: path, fork: ForkRequest(source: source)), path.text)
    }

    /// Nobody can do anything with it, and nothing else can be there.
    private func expectGone(_ path: StreamPath, in store: ManualStore) throws {
        let stream = try #require(store.store.stream(at: path))
        #expect(stream.isSoftDeleted)
        #expect(failure { _ = try stream.read(from: .start, byteLimit: 1) } == "gone")
        #expect(failure { try store.append("x", to: path) } == "gone")
        #expect(failure { try store.append("", to: path, AppendRequest(closes: true)) } == "gone")
        #expect(failure { try store.delete(path) } == "gone")
        #expect(failure { try store.trim(path, upTo: 1) } == "gone")
        #expect(failure { try store.create(CreateRequest(path: path)) } == "gone")
        let another = CreateRequest(path: try StreamPath("another"), fork: ForkRequest(source: path))
        #expect(failure { try store.create(another) } == "forkSourceGone")
        #expect(!store.store.streams().streams.contains { $0.path == path })
    }

    @Test func `A source that is deleted is gone for everybody but its forks, until the last of them is`() throws {
        let store = try ManualStore()
        try store.create(CreateRequest(path: source), "abc ")
        try makeFork(fork, of: source, in: store)
        let second = try StreamPath("second")
        try makeFork(second, of: source, in: store)
        try store.delete(source)
        for step in 0..<3 {
            try expectGone(source, in: store)
            #expect(try store.content(fork) == "abc fork")
            if step == 1 { try store.seal() }
            try store.restart()
        }
        try store.delete(second)
        try expectGone(source, in: store)
        try store.delete(fork)
        #expect(!store.exists(source) && !store.exists(fork))
        #expect(try store.create(CreateRequest(path: source), "new").isNew)
        try store.restart()
        #expect(try store.content(source) == "new")
    }

    @Test func `A deletion goes up the chain as far as nothing else is there`() throws {
        let store = try ManualStore()
        let paths = try (0..<6).map { try StreamPath("s\($0)") }
        try store.create(CreateRequest(path: paths[0]), "s0")
        for (source, path) in zip(paths, paths.dropFirst()) { try makeFork(path, of: source, in: store) }
        let branch = try StreamPath("branch")
        try makeFork(branch, of: paths[2], in: store)
        for path in paths.dropLast() { try store.delete(path) }
        try store.restart()
        #expect(try store.content(paths[5]) == "s0s1s2s3s4s5")
        try store.delete(paths[5])
        for path in paths[3...] { #expect(!store.exists(path)) }
        for path in paths[...2] { try expectGone(path, in: store) }
        try store.restart()
        #expect(try store.content(branch) == "s0s1s2branch")
        try store.delete(branch)
        #expect(store.store.statistics.streamCount == 0)
        try store.restart()
        #expect(store.store.statistics.streamCount == 0)
    }

    @Test func `A source that is not deleted stays when its forks go`() throws {
        let store = try ManualStore()
        try store.create(CreateRequest(path: source), "abc")
        try makeFork(fork, of: source, in: store)
        try store.delete(fork)
        #expect(try store.content(source) == "abc")
        try store.delete(source)
        #expect(!store.exists(source))
    }

    @Test func `Two deletions at once are one, and a fork meanwhile is refused`() throws {
        let store = try ManualStore()
        try store.create(CreateRequest(path: source), "abc")
        try makeFork(fork, of: source, in: store)
        let lane = DeliveryLane(direct: ())
        store.store.delete(source, on: lane) { _ in }
        // Still there for readers, as long as it is not durable.
        #expect(!store.store.stream(at: source)!.isSoftDeleted)
        #expect(try store.content(source) == "abc")
        #expect(failure { try store.delete(source) } == "gone")
        try expectGone(source, in: store)
    }

    @Test func `A source that expires with forks is gone for everybody but them, at once and for good`() throws {
        let store = try ManualStore()
        try store.create(CreateRequest(path: source, lifetime: .sliding(seconds: 100)), "abc ")
        try store.create(
            CreateRequest(path: fork, lifetime: .sliding(seconds: 10_000), fork: ForkRequest(source: source)), "fork")
        store.wait(seconds: 100)
        // Nobody has looked yet.
        #expect(store.store.stream(at: source)!.isSoftDeleted)
        #expect(failure { try store.create(CreateRequest(path: source)) } == "gone")
        store.run(seconds: 5)
        try expectGone(source, in: store)
        try store.restart()
        try expectGone(source, in: store)
        #expect(try store.content(fork) == "abc fork")
        store.run(seconds: 10_100)
        #expect(!store.exists(fork) && !store.exists(source))
        #expect(store.store.statistics.streamCount == 0)
    }

    @Test func `Followers of a source that is deleted are told that it is gone`() async throws {
        let store = try TestStore.open()
        defer { store.close() }
        try await store.create(CreateRequest(path: source), content: "abc".utf8)
        try await store.create(CreateRequest(path: fork, fork: ForkRequest(source: source)))
        let stream = store.stream(at: source)!
        let follower = Task { for try await _ in stream.follow() {} }
        #expect(await eventually { stream.withState { $0.isWatched } })
        try await store.delete(source)
        await #expect { try await follower.value } throws: { error in
            if case StreamError.gone = error { true } else { false }
        }
        #expect(stream.snapshot.isDeleted)
    }

    @Test func `A fork that is refused leaves no trace`() throws {
        let store = try ManualStore()
        try store.create(CreateRequest(path: source, contentType: .json), "[1]")
        try store.create(CreateRequest(path: fork))
        let requests = [
            CreateRequest(path: try StreamPath("a"), contentType: .octetStream, fork: ForkRequest(source: source)),
            CreateRequest(path: fork, fork: ForkRequest(source: source)),
        ]
        for request in requests { #expect(failure { try store.create(request) } != "none") }
        #expect(failure {
            try store.create(CreateRequest(path: try StreamPath("a"), fork: ForkRequest(source: source)), "{")
        }.hasPrefix("invalidJSON"))
        #expect(store.store.stream(at: source)!.withState { !$0.hasForks })
        try store.delete(source)
        #expect(!store.exists(source))
    }

    @Test func `A fork of a path that was created anew reads what it inherited, not what is there`() throws {
        let store = try ManualStore()
        try store.create(CreateRequest(path: source), "old ")
        try makeFork(fork, of: source, in: store)
        let third = try StreamPath("third")
        try makeFork(third, of: fork, in: store)
        try store.delete(fork)
        try store.delete(third)
        try store.create(CreateRequest(path: fork), "new")
        #expect(try store.content(fork) == "new")
        #expect(try store.content(source) == "old ")
    }
}
