import SegmentedLog
import SimulatedDisk
import Synchronization
import Testing

@testable import DurableStreams

/// What forks inherit and read.
@Suite struct ForkTests {
    let source = try! StreamPath("source")
    let fork = try! StreamPath("fork")

    private func position(_ value: Int) -> StreamPosition { StreamPosition(rawValue: UInt64(value)) }

    private func read(_ store: ManualStore, _ path: StreamPath, from start: Int, limit: Int = 1 << 20) throws -> String {
        let read = try store.store.stream(at: path)!.read(from: position(start), byteLimit: limit)
        #expect(read.start == position(start))
        return String(decoding: try read.bytes(), as: UTF8.self)
    }

    @Test func `A fork begins with what its source has, and both go their own ways`() throws {
        let store = try ManualStore()
        try store.create(CreateRequest(path: source), "0123456789")
        let receipt = try store.create(CreateRequest(path: fork, fork: ForkRequest(source: source)), "ab")
        #expect(receipt.isNew && receipt.tail == position(12))
        try store.append("source", to: source)
        #expect(try store.append("cd", to: fork).tail == position(14))
        for _ in 0..<2 {
            #expect(try store.content(source) == "0123456789source")
            #expect(try store.content(fork) == "0123456789abcd")
            #expect(store.store.stream(at: fork)!.snapshot.tail == position(14))
            try store.seal()
            try store.restart()
        }
    }

    @Test func `A read gives what is inherited and what is not in one piece, from any position and of any length`() throws {
        let store = try ManualStore()
        try store.create(CreateRequest(path: source), "0123456789")
        try store.create(CreateRequest(path: fork, fork: ForkRequest(source: source, offset: position(6))), "abcdef")
        let content = Array("012345abcdef".utf8)
        for _ in 0..<2 {
            for start in 0...12 {
                for limit in 1...13 {
                    let expected = content[start..<min(12, start + limit)]
                    let text = try read(store, fork, from: start, limit: limit)
                    #expect(text == String(decoding: expected, as: UTF8.self))
                }
            }
            try store.seal()
        }
    }

    @Test func `Appends to the source wake nobody who follows the fork`() throws {
        let store = try ManualStore()
        try store.create(CreateRequest(path: source), "0123456789")
        try store.create(CreateRequest(path: fork, fork: ForkRequest(source: source)))
        let count = Atomic(0)
        let subscription = store.store.stream(at: fork)!.subscribe(on: DeliveryLane(direct: ())) {
            count.add(1, ordering: .relaxed)
        }
        try store.append("x", to: source)
        #expect(count.load(ordering: .relaxed) == 0)
        try store.append("x", to: fork)
        #expect(count.load(ordering: .relaxed) == 1)
        subscription.cancel()
    }

    @Test func `A fork can begin anywhere from the start to the tail, and nowhere else`() throws {
        let store = try ManualStore()
        try store.create(CreateRequest(path: source), "0123456789")
        for offset in 0...10 {
            let path = try StreamPath("fork/\(offset)")
            try store.create(CreateRequest(path: path, fork: ForkRequest(source: source, offset: position(offset))), "x")
            #expect(try store.content(path) == "0123456789".prefix(offset) + "x")
        }
        let beyond = CreateRequest(path: fork, fork: ForkRequest(source: source, offset: position(11)))
        #expect(failure { try store.create(beyond) }.hasPrefix("positionBeyondTail"))
        let nothing = CreateRequest(path: fork, fork: ForkRequest(source: try StreamPath("missing")))
        #expect(failure { try store.create(nothing) } == "forkSourceNotFound")
        #expect(failure { try store.create(CreateRequest(path: fork, fork: ForkRequest(source: fork))) }
            == "forkSourceNotFound")
        #expect(!store.exists(fork))
    }

    @Test func `A JSON fork begins between messages, and gives whole ones across its beginning`() async throws {
        let store = try TestStore.open()
        defer { store.close() }
        try await store.create(CreateRequest(path: source, contentType: .json), content: "[10,20,30]".utf8)
        for place in [1, 2, 4] {
            let request = CreateRequest(path: fork, fork: ForkRequest(source: source, offset: position(place)))
            await #expect { try await store.create(request) } throws: { error in
                if case StreamError.positionInsideMessage = error { true } else { false }
            }
        }
        let request = CreateRequest(path: fork, fork: ForkRequest(source: source, offset: position(6)))
        let receipt = try await store.create(request, content: #"[{"a":1},2]"#.utf8)
        #expect(receipt.contentType == .json)
        let stream = store.stream(at: fork)!
        #expect(stream.contentType == .json)
        let all = try stream.read(from: .start, byteLimit: 100).bytes()
        #expect(String(decoding: all, as: UTF8.self) == #"10,20,{"a":1},2,"#)
        var found = ""
        for try await chunk in stream.follow(byteLimit: 4) {
            #expect(chunk.bytes.last == UInt8(ascii: ","))
            found += String(decoding: chunk.bytes, as: UTF8.self)
            if chunk.upToDate { break }
        }
        #expect(found == #"10,20,{"a":1},2,"#)
        // Boundaries and what is none, on either side.
        for (place, isBoundary) in [(3, true), (4, false), (6, true), (8, false), (14, true), (15, false), (16, true)] {
            let read = try? stream.read(from: position(place), byteLimit: 1)
            #expect((read != nil) == isBoundary, "\(place)")
        }
    }

    @Test func `A fork starts open and knows no producers and no sequence`() throws {
        let store = try ManualStore()
        try store.create(CreateRequest(path: source), "abc")
        let stamp = ProducerStamp(identifier: "p", epoch: 0, sequence: 0)
        try store.append("x", to: source, AppendRequest(closes: true, sequence: "z", producer: stamp))
        try store.create(CreateRequest(path: fork, fork: ForkRequest(source: source)))
        #expect(!store.store.stream(at: fork)!.snapshot.isClosed)
        let receipt = try store.append("y", to: fork, AppendRequest(sequence: "a", producer: stamp))
        #expect(receipt.kind == .appended)
        let closed = try StreamPath("closed")
        try store.create(CreateRequest(path: closed, closed: true, fork: ForkRequest(source: source)), "!")
        for _ in 0..<2 {
            #expect(try store.content(fork) == "abcxy")
            #expect(!store.store.stream(at: fork)!.snapshot.isClosed)
            #expect(try store.content(closed) == "abcx!")
            #expect(store.store.stream(at: closed)!.snapshot.isClosed)
            try store.restart()
        }
    }

    @Test func `A fork takes its source's type, and no other`() throws {
        let store = try ManualStore()
        let text = ContentType("text/plain; charset=utf-8")!
        try store.create(CreateRequest(path: source, contentType: text), "abc")
        let other = CreateRequest(path: fork, contentType: .octetStream, fork: ForkRequest(source: source))
        #expect(failure { try store.create(other) }.hasPrefix("contentTypeMismatch"))
        try store.create(CreateRequest(path: fork, fork: ForkRequest(source: source)))
        #expect(store.store.stream(at: fork)!.contentType == text)
        let same = try StreamPath("same")
        let plain = ContentType("Text/Plain")!
        try store.create(CreateRequest(path: same, contentType: plain, fork: ForkRequest(source: source)))
        #expect(store.store.stream(at: same)!.contentType == plain)
    }

    @Test func `Creating a fork writes the same however long the source is`() throws {
        let store = try ManualStore()
        try store.create(CreateRequest(path: source))
        try store.create(CreateRequest(path: fork, fork: ForkRequest(source: source)))
        for _ in 0..<10 { try store.append(String(repeating: "x", count: 30_000), to: source) }
        let before = store.store.statistics
        let path = try StreamPath("late")
        try store.create(CreateRequest(path: path, fork: ForkRequest(source: source)))
        #expect(store.store.statistics.entryCount == before.entryCount + 1)
        #expect(store.store.statistics.payloadByteCount == before.payloadByteCount)
        #expect(try store.content(path).utf8.count == 300_000)
    }

    // MARK: The same again

    @Test func `The same fork again is found, another one is refused`() throws {
        let store = try ManualStore()
        try store.create(CreateRequest(path: source), "0123456789")
        let request = ForkRequest(source: source, offset: position(4), subOffset: 2)
        try store.create(CreateRequest(path: source2, fork: ForkRequest(source: source)))
        // Not by way of the store, which looks up sub-offsets on other threads.
        let plan = StreamStore.ForkPlan(
            request: request, source: store.store.stream(at: source)!, divergence: position(6))
        let creation = CreateRequest(path: fork, fork: request)
        let _: CreateReceipt = try store.perform { store, lane, completion in
            store.create(creation, fork: plan, payload: .none, on: lane, completion: completion)
        }
        for _ in 0..<2 {
            #expect(try !store.create(creation).isNew)
            #expect(try !store.create(CreateRequest(path: fork, fork: ForkRequest(source: source, subOffset: 2))).isNew)
            let others = [
                nil, ForkRequest(source: source), ForkRequest(source: source2, offset: position(4), subOffset: 2),
                ForkRequest(source: source, offset: position(5), subOffset: 2),
                ForkRequest(source: source, offset: position(4), subOffset: 1),
                ForkRequest(source: source, offset: position(6)),
            ]
            for other in others {
                #expect(failure { try store.create(CreateRequest(path: fork, fork: other)) } == "alreadyExists")
            }
            #expect(failure { try store.create(CreateRequest(path: source, fork: request)) } == "alreadyExists")
            // Made at the tail, which was asked for by saying nothing.
            for offset in [nil, position(10)] {
                let same = ForkRequest(source: source, offset: offset)
                #expect(try !store.create(CreateRequest(path: source2, fork: same)).isNew)
            }
            try store.restart()
        }
        // Nothing of it depends on what has become of the source.
        try store.delete(source)
        #expect(try !store.create(creation).isNew)
    }

    private let source2 = try! StreamPath("source2")

    @Test func `A lifetime is inherited, and asked for by saying nothing`() throws {
        let store = try ManualStore()
        try store.create(CreateRequest(path: source, lifetime: .sliding(seconds: 1_000)), "abc")
        try store.create(CreateRequest(path: fork, fork: ForkRequest(source: source)))
        let own = try StreamPath("own")
        try store.create(
            CreateRequest(path: own, lifetime: .sliding(seconds: 5_000), fork: ForkRequest(source: source)))
        for _ in 0..<2 {
            #expect(store.store.stream(at: fork)!.lifetime == .sliding(seconds: 1_000))
            #expect(store.store.stream(at: own)!.lifetime == .sliding(seconds: 5_000))
            let again = CreateRequest(path: fork, fork: ForkRequest(source: source))
            #expect(try !store.create(again).isNew)
            var explicit = again
            explicit.lifetime = .sliding(seconds: 1_000)
            #expect(failure { try store.create(explicit) } == "alreadyExists")
            try store.restart()
        }
        let end = WallClockTime(millisecondsSince1970: store.wallClock.now + 50_000)
        try store.create(CreateRequest(path: source2, lifetime: .until(end, text: "then")))
        let until = try StreamPath("until")
        try store.create(CreateRequest(path: until, fork: ForkRequest(source: source2)))
        #expect(store.store.stream(at: until)!.lifetime == .until(end, text: "then"))
        store.run(seconds: 50)
        #expect(!store.exists(until) && !store.exists(source2))
        #expect(store.exists(fork))
    }
}
