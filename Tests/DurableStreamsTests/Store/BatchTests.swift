import SegmentedLog
import SimulatedDisk
import Testing

@testable import DurableStreams

@Suite(.timeLimit(.minutes(1))) struct BatchTests {
    private func content(of path: StreamPath, in store: StreamStore) throws -> String {
        String(decoding: try store.stream(at: path)!.read(from: .start, byteLimit: 1 << 20).bytes(), as: UTF8.self)
    }

    @Test func `The appends of a batch are answered in its order, each for itself`() async throws {
        let store = try TestStore.open()
        defer { store.close() }
        let (text, json, missing) = (try StreamPath("text"), try StreamPath("json"), try StreamPath("missing"))
        try await store.create(CreateRequest(path: text))
        try await store.create(CreateRequest(path: json, contentType: .json))
        let results = await store.appendAll([
            BatchedAppend("ab".utf8, to: text),
            BatchedAppend("[1,2]".utf8, to: json),
            BatchedAppend("x".utf8, to: missing),
            BatchedAppend("{".utf8, to: json),
            BatchedAppend("cd".utf8, to: text, AppendRequest(closes: true)),
            BatchedAppend("ef".utf8, to: text),
        ])
        let outcomes = results.map { result in
            switch result {
            case .success(let receipt): "\(receipt.tail.rawValue) \(receipt.isClosed)"
            case .failure(.notFound): "not found"
            case .failure(.invalidJSON): "invalid JSON"
            case .failure(.closed(let position)): "closed at \(position.rawValue)"
            case .failure(let error): "\(error)"
            }
        }
        #expect(outcomes == ["2 false", "4 false", "not found", "invalid JSON", "4 true", "closed at 4"])
        #expect(try content(of: text, in: store) == "abcd")
        #expect(try content(of: json, in: store) == "1,2,")
    }

    @Test func `A batch without appends has no results`() async throws {
        let store = try TestStore.open()
        defer { store.close() }
        #expect(await store.appendAll([]).isEmpty)
    }

    @Test func `A batch shares commits`() async throws {
        let store = try TestStore.open { $0.segmentByteCount = 1 << 20 }
        defer { store.close() }
        let paths = try (0..<100).map { try StreamPath("s/\($0)") }
        for path in paths { try await store.create(CreateRequest(path: path)) }
        let before = store.statistics.commitCount
        let results = await store.appendAll((0..<1_000).map { BatchedAppend("\($0),".utf8, to: paths[$0 % 100]) })
        #expect(results.allSatisfy { (try? $0.get())?.kind == .appended })
        // A commit takes what has come while the one before it was written.
        #expect(store.statistics.commitCount - before < 500)
        #expect(try content(of: paths[7], in: store) == (0..<10).map { "\($0 * 100 + 7)," }.joined())
    }

    @Test func `Appends to one stream keep their order where they must wait for room`() async throws {
        let store = try TestStore.open { $0.pendingByteCountLimit = 2_000 }
        defer { store.close() }
        let path = try StreamPath("a")
        try await store.create(CreateRequest(path: path))
        let pieces = (0..<300).map { "\($0)" + String(repeating: ".", count: $0 % 3 * 400) }
        let results = await store.appendAll(pieces.map { BatchedAppend($0.utf8, to: path) })
        #expect(results.allSatisfy { (try? $0.get())?.kind == .appended })
        #expect(try content(of: path, in: store) == pieces.joined())
    }

    @Test func `A cancelled task's batch is made all the same`() async throws {
        let store = try TestStore.open { $0.pendingByteCountLimit = 2_000 }
        defer { store.close() }
        let path = try StreamPath("a")
        try await store.create(CreateRequest(path: path))
        let batch = (0..<50).map { _ in BatchedAppend(String(repeating: "x", count: 100).utf8, to: path) }
        let task = Task { await store.appendAll(batch) }
        task.cancel()
        #expect(await task.value.count == 50)
        #expect(store.stream(at: path)!.snapshot.tail.rawValue == 5_000)
    }
}
