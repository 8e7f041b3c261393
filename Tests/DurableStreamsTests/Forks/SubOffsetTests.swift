import SegmentedLog
import Testing

@testable import DurableStreams

/// Where a sub-offset leads to: within the append at the offset, by bytes or by messages.
@Suite struct SubOffsetTests {
    private let source = try! StreamPath("source")

    private func result(_ store: ManualStore, _ path: StreamPath, _ offset: Int, _ count: UInt64) -> Int? {
        let stream = store.store.stream(at: path)!
        return (try? stream.position(count, behind: StreamPosition(rawValue: UInt64(offset)))).map { Int($0.rawValue) }
    }

    @Test func `In a byte stream it counts bytes, up to the end of the append`() throws {
        let store = try ManualStore()
        try store.create(CreateRequest(path: source))
        for piece in ["abc", "defg", "h"] { try store.append(piece, to: source) }
        // In one commit with others, so that they lie side by side.
        let lane = DeliveryLane(direct: ())
        for piece in ["ij", "klm"] {
            Array(piece.utf8).withUnsafeBytes {
                store.store.append(AppendRequest(), payload: $0, to: source, on: lane) { _ in }
            }
        }
        store.store.runPendingWork()
        let ends = [3, 7, 8, 10, 13]
        for _ in 0..<2 {
            for offset in 0..<13 {
                let end = ends.first { $0 > offset }!
                for count in 1...6 {
                    #expect(result(store, source, offset, UInt64(count)) == (offset + count <= end ? offset + count : nil))
                }
            }
            #expect(result(store, source, 13, 1) == nil)
            try store.seal()
            try store.restart()
            #expect(store.store.statistics.sealedSegmentCount > 0)
        }
    }

    @Test func `An append of many parts is one`() throws {
        let store = try ManualStore { $0.segmentByteCount = 1 << 20 }
        try store.create(CreateRequest(path: source))
        try store.append(String(repeating: "x", count: 300_000), to: source)
        try store.append("y", to: source)
        #expect(result(store, source, 5, 299_995) == 300_000)
        #expect(result(store, source, 5, 299_996) == nil)
    }

    @Test func `In a JSON stream it counts messages`() throws {
        let store = try ManualStore { $0.segmentByteCount = 1 << 20 }
        try store.create(CreateRequest(path: source, contentType: .json), "[1,[2,2],\"3,\"]")
        let long = "\"" + String(repeating: "l", count: 100_000) + "\""
        try store.append("[{\"a\":[1,2]},\(long),5]", to: source)
        // 0 "1," 2 "[2,2]," 8 "\"3,\"," 13 "{…}," 25 long 100,028 "5," 100,030
        for _ in 0..<2 {
            #expect(result(store, source, 0, 1) == 2)
            #expect(result(store, source, 0, 2) == 8)
            #expect(result(store, source, 0, 3) == 13)
            #expect(result(store, source, 0, 4) == nil)
            #expect(result(store, source, 8, 1) == 13)
            #expect(result(store, source, 13, 1) == 25)
            #expect(result(store, source, 13, 2) == 100_028)
            #expect(result(store, source, 13, 3) == 100_030)
            #expect(result(store, source, 13, 4) == nil)
            #expect(result(store, source, 13, .max) == nil)
            #expect(result(store, source, 100_030, 1) == nil)
            let filler = try StreamPath("big")
            try store.create(CreateRequest(path: filler))
            for _ in 0..<12 { try store.append(String(repeating: "f", count: 100_000), to: filler) }
            try store.restart()
        }
    }

    @Test func `What is inherited of an append ends at the divergence`() throws {
        let store = try ManualStore()
        try store.create(CreateRequest(path: source), "0123456789")
        let fork = try StreamPath("fork")
        let divergence = StreamPosition(rawValue: 6)
        try store.create(CreateRequest(path: fork, fork: ForkRequest(source: source, offset: divergence)), "abc")
        #expect(result(store, fork, 2, 4) == 6)
        #expect(result(store, fork, 2, 5) == nil)
        #expect(result(store, fork, 6, 3) == 9)
        #expect(result(store, source, 2, 5) == 7)
    }

    @Test func `A fork is made there, through the store`() async throws {
        let store = try TestStore.open()
        defer { store.close() }
        try await store.create(CreateRequest(path: source, contentType: .json), content: "[10,20,30]".utf8)
        let fork = try StreamPath("fork")
        let beyond = ForkRequest(source: source, offset: .start, subOffset: 4)
        await #expect { try await store.create(CreateRequest(path: fork, fork: beyond)) } throws: { error in
            if case StreamError.subOffsetBeyondAppend = error { true } else { false }
        }
        let nowhere = ForkRequest(source: source, subOffset: 1)
        await #expect(throws: StreamError.self) { try await store.create(CreateRequest(path: fork, fork: nowhere)) }
        let request = CreateRequest(path: fork, fork: ForkRequest(source: source, offset: .start, subOffset: 2))
        #expect(try await store.create(request, content: "4".utf8).tail.rawValue == 8)
        #expect(try await !store.create(request).isNew)
        let bytes = try store.stream(at: fork)!.read(from: .start, byteLimit: 100).bytes()
        #expect(String(decoding: bytes, as: UTF8.self) == "10,20,4,")
    }
}
