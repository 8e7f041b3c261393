import SegmentedLog
import SimulatedDisk
import Testing

@testable import DurableStreams

/// A store after its segments were sealed, which keeps only bytes and rows of them.
@Suite struct SealedStoreTests {
    private let path = try! StreamPath("a")

    @Test func `Everything about a stream is found again in its row`() throws {
        let store = try ManualStore()
        let end = WallClockTime(millisecondsSince1970: store.wallClock.now + 1_000_000_000)
        let request = CreateRequest(
            path: path, contentType: .json, lifetime: .until(end, text: "then"),
            retention: Retention(byteCountLimit: 1 << 40))
        try store.create(request, "[1]")
        let createdAt = store.store.stream(at: path)!.createdAt
        store.wait(seconds: 5)
        let stamp = ProducerStamp(identifier: "p", epoch: 3, sequence: 0)
        try store.append("[2]", to: path, AppendRequest(sequence: "b", producer: stamp))
        let last = ProducerStamp(identifier: "p", epoch: 3, sequence: 1)
        try store.append("[3]", to: path, AppendRequest(closes: true, producer: last))
        try store.seal()
        for _ in 0..<2 {
            let stream = store.store.stream(at: path)!
            #expect(stream.createdAt == createdAt && stream.contentType == .json)
            #expect(stream.snapshot.isClosed && stream.retention == request.retention)
            #expect(stream.withState { $0.writer.lastSequence } == "b")
            #expect(stream.withState { $0.writer.producerState("p") } == ProducerState(epoch: 3, sequence: 1))
            #expect(try store.content(path) == "1,2,3,")
            #expect(try !store.create(request).isNew)
            let duplicate = try store.append("[3]", to: path, AppendRequest(closes: true, producer: last))
            #expect(duplicate.kind == .duplicate)
            #expect(failure { try store.append("[4]", to: path) }.hasPrefix("closed"))
            try store.restart()
            #expect(store.store.statistics.sealedSegmentCount > 0)
        }
    }

    @Test func `Appends, deletions and new streams go on behind what is sealed`() throws {
        let store = try ManualStore()
        let other = try StreamPath("other")
        try store.create(CreateRequest(path: path), "one ")
        try store.create(CreateRequest(path: other), "other")
        let number = store.store.stream(at: other)!.number
        try store.seal()
        try store.restart()
        try store.append("two ", to: path)
        try store.delete(other)
        try store.create(CreateRequest(path: other), "another")
        try store.restart()
        #expect(try store.content(path) == "one two ")
        #expect(try store.content(other) == "another")
        #expect(store.store.stream(at: other)!.number != number)
    }

    @Test func `A damaged block fails its readers, and nobody else`() throws {
        let store = try ManualStore { $0.blockCacheByteCountLimit = 1 }
        try store.create(CreateRequest(path: path))
        for number in 0..<6 { try store.append(String(repeating: "\(number)", count: 16_384), to: path) }
        try store.create(CreateRequest(path: StreamPath("b")), "fine")
        try store.seal()
        let sealed = try #require(store.disk.paths.first { $0.hasSuffix(".sealed") })
        // The first byte of the first block, which is of the stream with the lowest number.
        store.disk.damage(sealed, at: 64)
        let stream = store.store.stream(at: path)!
        let read = try stream.read(from: .start, byteLimit: 100)
        let reason = failure { _ = try read.bytes() }
        #expect(reason.hasPrefix("damaged(reason: ") && reason.contains(sealed))
        let later = try stream.read(from: StreamPosition(rawValue: 5 * 16_384), byteLimit: 3)
        #expect(try later.bytes() == Array("555".utf8))
        #expect(try store.content(StreamPath("b")) == "fine")
    }

    @Test func `A read is resident where nothing has to come from the disk`() throws {
        let store = try ManualStore()
        try store.create(CreateRequest(path: path), String(repeating: "x", count: 20_000))
        try store.seal()
        let stream = store.store.stream(at: path)!
        let tail = stream.snapshot.tail
        #expect(stream.readIsResident(from: .start, byteLimit: 1_000))
        store.disk.mappingsAreResident = false
        #expect(!stream.readIsResident(from: .start, byteLimit: 1_000))
        #expect(stream.readIsResident(from: tail, byteLimit: 1_000))
        #expect(stream.readIsResident(from: StreamPosition(rawValue: .max), byteLimit: 1_000))
    }

    @Test func `Offsets inside messages are refused after sealing too`() throws {
        let store = try ManualStore()
        try store.create(CreateRequest(path: path, contentType: .json))
        var boundaries: Set<Int> = [0]
        var end = 0
        for number in 0..<200 {
            let message = number % 40 == 39 ? "\"" + String(repeating: "l", count: 90_000) + "\"" : "[\(number),\"x,y\"]"
            try store.append("[\(message),\(number)]", to: path)
            for text in [message, "\(number)"] {
                end += text.utf8.count + 1
                boundaries.insert(end)
            }
        }
        try store.seal()
        try store.restart()
        let stream = store.store.stream(at: path)!
        var random = SeededGenerator(seed: 9)
        let places = boundaries.sorted() + (0..<2_000).map { _ in random.integer(below: end) }
        for place in places {
            let result = failure { _ = try stream.read(from: StreamPosition(rawValue: UInt64(place)), byteLimit: 1) }
            #expect(result == (boundaries.contains(place) ? "none" : "positionInsideMessage"), "\(place)")
        }
    }
}
