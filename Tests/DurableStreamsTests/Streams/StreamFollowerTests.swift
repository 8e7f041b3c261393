import SegmentedLog
import SimulatedDisk
import Synchronization
import Testing

@testable import DurableStreams

@Suite(.timeLimit(.minutes(1))) struct StreamFollowerTests {
    private let path = try! StreamPath("a")

    private func text(_ chunk: StreamChunk?) -> String? { chunk.map { String(decoding: $0.bytes, as: UTF8.self) } }

    @Test func `A follower gets what is there, then what is appended, then the end`() async throws {
        let store = try TestStore.open()
        defer { store.close() }
        try await store.create(CreateRequest(path: path), content: "abc".utf8)
        var chunks = store.stream(at: path)!.follow().makeAsyncIterator()
        let first = try await chunks.next()
        #expect(
            first
                == StreamChunk(
                    bytes: Array("abc".utf8), start: .start, end: StreamPosition(rawValue: 3), upToDate: true,
                    isClosed: false))
        Task { try await store.append("def".utf8, to: path) }
        #expect(try await text(chunks.next()) == "def")
        try await store.append("g".utf8, to: path, AppendRequest(closes: true))
        let last = try await chunks.next()
        #expect(text(last) == "g")
        #expect(last?.isClosed == true && last?.upToDate == true)
        #expect(try await chunks.next() == nil)
        #expect(try await chunks.next() == nil)
    }

    @Test func `A close behind everything delivered is a chunk without bytes`() async throws {
        let store = try TestStore.open()
        defer { store.close() }
        try await store.create(CreateRequest(path: path), content: "abc".utf8)
        var chunks = store.stream(at: path)!.follow().makeAsyncIterator()
        #expect(try await chunks.next()?.isClosed == false)
        try await store.close(path)
        let last = try #require(try await chunks.next())
        #expect(last.isClosed && last.bytes.isEmpty && last.start == last.end)
        #expect(try await chunks.next() == nil)
    }

    @Test func `Chunks are not longer than asked for, and only the last of what is there is up to date`() async throws {
        let store = try TestStore.open()
        defer { store.close() }
        try await store.create(CreateRequest(path: path, closed: true), content: "0123456789".utf8)
        var found: [String] = []
        for try await chunk in store.stream(at: path)!.follow(from: StreamPosition(rawValue: 1), byteLimit: 4) {
            let range = "\(chunk.start.rawValue) \(chunk.end.rawValue)"
            found.append("\(text(chunk)!) \(range) \(chunk.upToDate) \(chunk.isClosed)")
        }
        #expect(found == ["1234 1 5 false false", "5678 5 9 false false", "9 9 10 true true"])
    }

    @Test func `A JSON stream is followed in whole messages, from a boundary`() async throws {
        let store = try TestStore.open()
        defer { store.close() }
        try await store.create(CreateRequest(path: path, contentType: .json), content: "[10,20,30]".utf8)
        try await store.append("[40,50]".utf8, to: path, AppendRequest(closes: true))
        let stream = store.stream(at: path)!
        var found = ""
        for try await chunk in stream.follow(from: StreamPosition(rawValue: 3), byteLimit: 1) {
            #expect(chunk.bytes.last == UInt8(ascii: ",") && chunk.bytes.count.isMultiple(of: 3))
            found += text(chunk)!
        }
        #expect(found == "20,30,40,50,")
        await #expect { for try await _ in stream.follow(from: StreamPosition(rawValue: 4)) {} } throws: { error in
            if case StreamError.positionInsideMessage = error { true } else { false }
        }
    }

    @Test func `A position beyond the tail counts as the tail`() async throws {
        let store = try TestStore.open()
        defer { store.close() }
        try await store.create(CreateRequest(path: path), content: "abc".utf8)
        let stream = store.stream(at: path)!
        let follower = Task {
            var found = ""
            for try await chunk in stream.follow(from: StreamPosition(rawValue: 1_000)) { found += text(chunk)! }
            return found
        }
        #expect(await eventually { stream.withState { $0.isWatched } })
        // Long enough for the follower to have looked, in nearly every run; the answer is the same in all of them.
        try await Task.sleep(for: .milliseconds(20))
        try await store.append("def".utf8, to: path)
        try await store.close(path)
        #expect(try await follower.value == "def")
    }

    @Test func `Nothing is missed or repeated, however appends and followers take turns`() async throws {
        let store = try TestStore.open { $0.segmentByteCount = 1 << 20 }
        defer { store.close() }
        let count = 400
        try await store.create(CreateRequest(path: path))
        let stream = store.stream(at: path)!
        let followers = (0..<8).map { number in
            Task {
                var found: [UInt8] = []
                for try await chunk in stream.follow(byteLimit: 1 + number * 37) {
                    #expect(chunk.start.rawValue == UInt64(found.count))
                    found += chunk.bytes
                    if number.isMultiple(of: 2) { await Task.yield() }
                }
                return found
            }
        }
        var expected: [UInt8] = []
        for number in 0..<count {
            let bytes = Array("\(number) ".utf8)
            expected += bytes
            try await store.append(bytes, to: path)
            if number.isMultiple(of: 50) { try await Task.sleep(for: .milliseconds(1)) }
        }
        try await store.close(path)
        for follower in followers { #expect(try await follower.value == expected) }
        #expect(await eventually { stream.withState { !$0.isWatched } })
    }

    @Test func `A deletion ends a follower with an error`() async throws {
        let store = try TestStore.open()
        defer { store.close() }
        try await store.create(CreateRequest(path: path), content: "abc".utf8)
        let stream = store.stream(at: path)!
        var chunks = stream.follow().makeAsyncIterator()
        _ = try await chunks.next()
        try await store.delete(path)
        await expectNotFound { _ = try await chunks.next() }
        #expect(try await chunks.next() == nil)
        await expectNotFound { for try await _ in stream.follow() {} }
    }

    @Test func `A deletion wakes a follower that waits`() async throws {
        let store = try TestStore.open()
        defer { store.close() }
        try await store.create(CreateRequest(path: path))
        let stream = store.stream(at: path)!
        let follower = Task { for try await _ in stream.follow() {} }
        #expect(await eventually { stream.withState { $0.isWatched } })
        try await store.delete(path)
        await expectNotFound { try await follower.value }
    }

    @Test func `A cancelled task's follower ends and leaves nothing behind`() async throws {
        let store = try TestStore.open()
        defer { store.close() }
        try await store.create(CreateRequest(path: path), content: "abc".utf8)
        let stream = store.stream(at: path)!
        let follower = Task {
            var count = 0
            for try await chunk in stream.follow() { count += chunk.bytes.count }
            return count
        }
        #expect(await eventually { stream.withState { $0.isWatched } })
        follower.cancel()
        #expect([0, 3].contains(try await follower.value))
        #expect(await eventually { stream.withState { !$0.isWatched } })
    }

    @Test func `A stream does not expire while it is followed, and one that has is not followed`() async throws {
        let clock = TestClock()
        let store = try TestStore.open {
            $0.wallClock = { clock.now }
            $0.expirySweepMilliseconds = 1_000_000
        }
        defer { store.close() }
        try await store.create(CreateRequest(path: path, lifetime: .sliding(seconds: 10)), content: "abc".utf8)
        let stream = store.stream(at: path)!
        do {
            var chunks = stream.follow().makeAsyncIterator()
            _ = try await chunks.next()
            clock.advance(milliseconds: 60_000)
            #expect(store.stream(at: path) != nil)
            withExtendedLifetime(chunks) {}
        }
        #expect(store.stream(at: path) != nil)
        clock.advance(milliseconds: 10_000)
        #expect(store.stream(at: path) == nil)
        await expectNotFound { for try await _ in stream.follow() {} }
    }

    @Test func `What is not in memory is read as well`() async throws {
        let disk = SimulatedDisk(seed: 1, recordsTrace: false)
        let store = try TestStore.open(disk)
        defer { store.close() }
        try await store.create(CreateRequest(path: path, contentType: .json))
        var expected = ""
        for number in 0..<40 {
            let message = "\"\(String(repeating: "\(number) ", count: 2_000))\""
            expected += message + ","
            try await store.append(message.utf8, to: path)
        }
        try await store.close(path)
        disk.mappingsAreResident = false
        let stream = store.stream(at: path)!
        #expect(try !stream.read(from: .start, byteLimit: 1 << 20).isResident)
        var found = ""
        for try await chunk in stream.follow(byteLimit: 10_000) { found += text(chunk)! }
        #expect(found == expected)
    }

    private func expectNotFound(_ body: () async throws -> Void) async {
        await #expect { try await body() } throws: { error in
            if case StreamError.notFound = error { true } else { false }
        }
    }
}
