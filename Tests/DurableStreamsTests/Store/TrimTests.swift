import Foundation
import SegmentedLog
import Testing

@testable import DurableStreams

@Suite(.timeLimit(.minutes(1))) struct TrimTests {
    private let path = try! StreamPath("a")

    @Test func `What is before a trim cannot be read, and positions do not change`() throws {
        let store = try ManualStore()
        try store.create(CreateRequest(path: path), "0123456789")
        #expect(try store.trim(path, upTo: 4) == 4)
        let stream = store.store.stream(at: path)!
        #expect(stream.earliest.rawValue == 4 && stream.snapshot.earliest.rawValue == 4)
        #expect(stream.snapshot.tail.rawValue == 10)
        for position in 0..<4 {
            #expect(failure { _ = try stream.read(from: StreamPosition(rawValue: UInt64(position)), byteLimit: 5) }
                .hasPrefix("trimmed(earliest: "))
        }
        let read = try stream.read(from: StreamPosition(rawValue: 5), byteLimit: 3)
        #expect(String(decoding: try read.bytes(), as: UTF8.self) == "567")
        try store.append("ab", to: path)
        #expect(try store.content(path) == "456789ab")
    }

    @Test func `A trim to an earlier place or the same one changes nothing`() throws {
        let store = try ManualStore()
        try store.create(CreateRequest(path: path), "0123456789")
        try store.trim(path, upTo: 6)
        let entryCount = store.store.statistics.entryCount
        #expect(try store.trim(path, upTo: 6) == 6)
        #expect(try store.trim(path, upTo: 0) == 6)
        #expect(store.store.statistics.entryCount == entryCount)
    }

    @Test func `A trim that is pending is known to the next one`() throws {
        let store = try ManualStore()
        try store.create(CreateRequest(path: path), "0123456789")
        let stream = store.store.stream(at: path)!
        let lane = DeliveryLane(direct: ())
        store.store.trim(path, upTo: StreamPosition(rawValue: 6), on: lane) { _ in }
        #expect(stream.earliest == .start)
        #expect(try store.trim(path, upTo: 3) == 6)
        #expect(stream.withState { !$0.hasPendingEntries && $0.pendingStart == nil })
    }

    @Test func `A whole stream can be trimmed, and goes on from its tail`() throws {
        let store = try ManualStore()
        try store.create(CreateRequest(path: path), "0123456789")
        #expect(try store.trim(path, upTo: 10) == 10)
        #expect(try store.content(path) == "")
        try store.append("ab", to: path)
        #expect(try store.content(path) == "ab")
        try store.restart()
        #expect(try store.content(path) == "ab")
    }

    @Test func `What is not there, or not durable, cannot be trimmed`() throws {
        let store = try ManualStore()
        #expect(failure { try store.trim(path, upTo: 0) } == "notFound")
        try store.create(CreateRequest(path: path), "0123456789")
        #expect(failure { try store.trim(path, upTo: 11) }.hasPrefix("positionBeyondTail"))
        let lane = DeliveryLane(direct: ())
        Array("abc".utf8).withUnsafeBytes {
            store.store.append(AppendRequest(), payload: $0, to: path, on: lane) { _ in }
        }
        #expect(failure { try store.trim(path, upTo: 13) }.hasPrefix("positionBeyondTail"))
        #expect(try store.trim(path, upTo: 13) == 13)
    }

    @Test func `A JSON stream is cut between messages only`() async throws {
        let store = try TestStore.open()
        defer { store.close() }
        try await store.create(CreateRequest(path: path, contentType: .json), content: "[10,20,30]".utf8)
        try await store.append("[40]".utf8, to: path)
        let position = { StreamPosition(rawValue: $0) }
        for place: UInt64 in [1, 2, 4, 8, 10] {
            await #expect { try await store.trim(path, upTo: position(place)) } throws: { error in
                if case StreamError.positionInsideMessage = error { true } else { false }
            }
        }
        #expect(try await store.trim(path, upTo: position(3)) == position(3))
        let stream = store.stream(at: path)!
        #expect(String(decoding: try stream.read(from: position(3), byteLimit: 100).bytes(), as: UTF8.self) == "20,30,40,")
        #expect(String(decoding: try stream.read(from: position(6), byteLimit: 1).bytes(), as: UTF8.self).hasPrefix("30,"))
        #expect(try await store.trim(path, upTo: position(12)) == position(12))
    }

    @Test func `Following what is trimmed fails with where the stream begins`() async throws {
        let store = try TestStore.open()
        defer { store.close() }
        try await store.create(CreateRequest(path: path), content: "0123456789".utf8)
        let stream = store.stream(at: path)!
        var chunks = stream.follow(byteLimit: 2).makeAsyncIterator()
        #expect(try await chunks.next()?.bytes == Array("01".utf8))
        try await store.trim(path, upTo: StreamPosition(rawValue: 5))
        do {
            _ = try await chunks.next()
            Issue.record("read what was trimmed")
        } catch {
            if case .trimmed(let earliest) = error {
                #expect(earliest.rawValue == 5)
            } else {
                Issue.record("\(error)")
            }
        }
    }

    @Test func `Trims survive sealing, merging and restarts, at any position`() throws {
        let store = try ManualStore()
        try store.create(CreateRequest(path: path))
        var expected: [UInt8] = []
        for round in 0..<12 {
            let piece = String(repeating: "\(round).", count: 3_000)
            try store.append(piece, to: path)
            expected += Array(piece.utf8)
            let position = expected.count * round / 20 + round
            try store.trim(path, upTo: position)
            try store.seal()
            if round % 3 == 2 { try store.restart() }
            #expect(try store.content(path) == String(decoding: expected[position...], as: UTF8.self))
            try store.delete(StreamPath("filler"))
        }
        #expect(store.store.statistics.sealedSegmentCount > 0)
    }
}

@Suite struct RetentionTests {
    private let path = try! StreamPath("a")

    private func create(_ retention: Retention?, contentType: ContentType = .octetStream, in store: ManualStore) throws {
        try store.create(CreateRequest(path: path, contentType: contentType, retention: retention))
    }

    @Test func `The last bytes are kept, and not many more`() throws {
        let store = try ManualStore()
        try create(Retention(byteCountLimit: 100_000), in: store)
        for number in 0..<60 {
            try store.append(String(repeating: "\(number % 10)", count: 10_000), to: path)
            let stream = store.store.stream(at: path)!
            let kept = stream.snapshot.tail.distance(from: stream.earliest)
            #expect(kept >= min(100_000, (number + 1) * 10_000))
            #expect(kept <= 200_000)
        }
        let earliest = store.store.stream(at: path)!.earliest
        #expect(earliest.rawValue > 400_000)
        try store.restart()
        #expect(store.store.stream(at: path)!.earliest == earliest)
        #expect(try store.content(path).utf8.count == 600_000 - Int(earliest.rawValue))
    }

    @Test func `What is old goes, what is young stays`() throws {
        let store = try ManualStore()
        try create(Retention(ageLimitSeconds: 100), in: store)
        for _ in 0..<30 {
            try store.append(String(repeating: "x", count: 20_000), to: path)
            store.run(seconds: 10)
        }
        let stream = store.store.stream(at: path)!
        let keptSeconds = stream.snapshot.tail.distance(from: stream.earliest) / 20_000 * 10
        #expect((100...180).contains(keptSeconds))
        store.run(seconds: 200)
        #expect(stream.earliest == stream.snapshot.tail)
        try store.append("new", to: path)
        #expect(try store.content(path) == "new")
    }

    @Test func `A stream without a retention of its own has that of the store, now and after a restart`() throws {
        let store = try ManualStore { $0.retention = Retention(byteCountLimit: 1_000) }
        try create(nil, in: store)
        let unlimited = try StreamPath("unlimited")
        try store.create(CreateRequest(path: unlimited, retention: .unlimited))
        #expect(store.store.stream(at: path)!.retention == Retention(byteCountLimit: 1_000))
        for _ in 0..<2 {
            for _ in 0..<20 {
                try store.append(String(repeating: "x", count: 10_000), to: path)
                try store.append(String(repeating: "x", count: 10_000), to: unlimited)
            }
            #expect(store.store.stream(at: path)!.earliest > .start)
            #expect(store.store.stream(at: unlimited)!.earliest == .start)
            try store.restart()
        }
    }

    @Test func `Messages are kept whole`() throws {
        let store = try ManualStore()
        try create(Retention(byteCountLimit: 50_000), contentType: .json, in: store)
        for number in 0..<40 {
            try store.append("[\(number),\"\(String(repeating: "y", count: 9_000))\"]", to: path)
        }
        try store.seal()
        #expect(store.store.stream(at: path)!.earliest > .start)
        let text = "[" + (try store.content(path)).dropLast() + "]"
        let messages = try JSONSerialization.jsonObject(with: Data(text.utf8)) as! [Any]
        #expect(messages.count >= 10 && messages.count < 40)
    }

    @Test func `A stream that exists matches a request that says nothing of retention, or the same`() throws {
        let store = try ManualStore()
        try create(Retention(byteCountLimit: 5), in: store)
        for _ in 0..<2 {
            #expect(try !store.create(CreateRequest(path: path)).isNew)
            #expect(try !store.create(CreateRequest(path: path, retention: Retention(byteCountLimit: 5))).isNew)
            for other in [Retention(byteCountLimit: 6), .unlimited, Retention(ageLimitSeconds: 5)] {
                #expect(failure { try store.create(CreateRequest(path: path, retention: other)) } == "alreadyExists")
            }
            try store.restart()
        }
    }

    @Test func `Limits that are too large to be reached are none`() {
        #expect(Retention(ageLimitSeconds: .max, byteCountLimit: .max).logRetention == nil)
        #expect(Retention(ageLimitSeconds: 1 << 55).logRetention == nil)
        #expect(Retention(ageLimitSeconds: 1 << 50).logRetention?.ageMilliseconds == 1_000 << 50)
        #expect(Retention.unlimited.logRetention == nil)
    }
}
