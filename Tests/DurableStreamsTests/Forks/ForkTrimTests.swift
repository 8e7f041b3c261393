import SegmentedLog
import Testing

@testable import DurableStreams

/// Trims of what several streams share.
@Suite struct ForkTrimTests {
    private let source = try! StreamPath("source")
    private let fork = try! StreamPath("fork")

    private func makeStreams() throws -> ManualStore {
        let store = try ManualStore()
        try store.create(CreateRequest(path: source), "0123456789")
        let request = ForkRequest(source: source, offset: StreamPosition(rawValue: 6))
        try store.create(CreateRequest(path: fork, fork: request), "abcdef")
        return store
    }

    @Test func `A fork keeps what its source is trimmed of`() throws {
        let store = try makeStreams()
        #expect(try store.trim(source, upTo: 8) == 8)
        for step in 0..<3 {
            #expect(try store.content(source) == "89")
            #expect(store.store.stream(at: source)!.earliest.rawValue == 8)
            #expect(try store.content(fork) == "012345abcdef")
            if step == 1 { try store.seal() }
            try store.restart()
        }
        // Now nobody needs it.
        try store.delete(fork)
        store.store.runPendingWork()
        #expect(store.store.stream(at: source)!.logStream.start.rawValue == 8)
        #expect(try store.content(source) == "89")
        try store.append("x", to: source)
        try store.restart()
        #expect(try store.content(source) == "89x")
    }

    @Test func `A new fork inherits what is left`() throws {
        let store = try makeStreams()
        try store.trim(source, upTo: 4)
        let late = try StreamPath("late")
        let early = ForkRequest(source: source, offset: StreamPosition(rawValue: 3))
        #expect(failure { try store.create(CreateRequest(path: late, fork: early)) }.hasPrefix("trimmed"))
        try store.create(CreateRequest(path: late, fork: ForkRequest(source: source)), "!")
        for _ in 0..<2 {
            #expect(store.store.stream(at: late)!.earliest.rawValue == 4)
            #expect(try store.content(late) == "456789!")
            try store.restart()
        }
    }

    @Test func `A fork made while a trim is pending inherits what is left after it`() throws {
        let store = try ManualStore()
        try store.create(CreateRequest(path: source), "0123456789")
        let lane = DeliveryLane(direct: ())
        store.store.trim(source, upTo: StreamPosition(rawValue: 4), on: lane) { _ in }
        try store.create(CreateRequest(path: fork, fork: ForkRequest(source: source)))
        #expect(try store.content(fork) == "456789")
    }

    @Test(arguments: [3, 6, 8, 12])
    func `A fork can be trimmed within what it inherited, and behind it`(position: Int) throws {
        let store = try makeStreams()
        #expect(try store.trim(fork, upTo: position) == position)
        #expect(try store.trim(fork, upTo: position - 1) == position)
        for step in 0..<3 {
            #expect(try store.content(fork) == "012345abcdef".dropFirst(position))
            #expect(try store.content(source) == "0123456789")
            let stream = store.store.stream(at: fork)!
            #expect(stream.earliest.rawValue == UInt64(position))
            #expect(failure { _ = try stream.read(from: .start, byteLimit: 1) }.hasPrefix("trimmed"))
            if step == 1 { try store.seal() }
            try store.restart()
        }
        try store.append("!", to: fork)
        #expect(try store.content(fork) == "012345abcdef!".dropFirst(position))
    }

    @Test func `Retention of a fork is about its own bytes, and takes the others with them`() throws {
        let store = try ManualStore()
        try store.create(CreateRequest(path: source), String(repeating: "s", count: 50_000))
        let retention = Retention(byteCountLimit: 100_000)
        try store.create(CreateRequest(path: fork, retention: retention, fork: ForkRequest(source: source)))
        for _ in 0..<3 { try store.append(String(repeating: "f", count: 30_000), to: fork) }
        #expect(store.store.stream(at: fork)!.earliest == .start)
        #expect(try store.content(fork).utf8.count == 140_000)
        for _ in 0..<10 { try store.append(String(repeating: "f", count: 30_000), to: fork) }
        #expect(store.store.stream(at: fork)!.earliest.rawValue > 50_000)
        try store.restart()
        #expect(try store.content(fork).utf8.count >= 100_000)
        #expect(try store.content(source).utf8.count == 50_000)
    }
}
