import DurableStreams
@testable import DurableStreamsHTTP
import DurableStreamsWire
import Testing

/// Reads of a stream whose beginning is not kept.
@Suite(.timeLimit(.minutes(1))) struct RetentionTests {
    private static func offset(_ position: UInt64) -> String { OffsetToken(position: position).description }

    private func earliest(_ driver: ProtocolDriver, _ path: String = "a") throws -> UInt64 {
        guard let stream = driver.store.stream(at: try StreamPath(path)) else { throw TestFailure("no stream") }
        return stream.earliest.rawValue
    }

    /// Waits until the beginning of the stream is gone, and until that is all that goes.
    private func trimmed(_ driver: ProtocolDriver, upTo position: UInt64 = 1) async throws -> UInt64 {
        try await eventually("the beginning to go") { ((try? earliest(driver)) ?? 0) >= position }
        try await Task.sleep(for: .milliseconds(50))
        return try earliest(driver)
    }

    private func expectBeginning(_ driver: ProtocolDriver, at earliest: UInt64, of content: String) async throws {
        let kept = String(decoding: Array(content.utf8)[Int(earliest)...], as: UTF8.self)
        for live in ["", "&live=long-poll", "&live=sse"] {
            for position in [0, 1, earliest - 1] {
                let response = try await driver.send(.get, "a?offset=\(Self.offset(position))\(live)")
                #expect(response.status == 410, "\(position)\(live)")
                #expect(response["Cache-Control"] == "no-store")
                #expect(response["ETag"] == nil && response["Stream-Next-Offset"] == nil)
            }
        }
        for offset in ["-1", Self.offset(earliest)] {
            for live in ["", "&live=long-poll"] {
                let response = try await driver.send(.get, "a?offset=\(offset)\(live)")
                #expect(response.status == 200, "\(offset)\(live)")
                #expect(response.text == kept, "\(offset)\(live)")
                #expect(response.nextOffset == Self.offset(UInt64(content.utf8.count)))
                #expect(response["Stream-Up-To-Date"] == "true")
            }
            let reader = try await driver.events("a?offset=\(offset)&live=sse")
            try await reader.until("what is kept") { $0.data == kept }
            await reader.cancel()
        }
    }

    @Test func `before the last bytes that are kept it is 410, and readers from the start begin there`() async throws {
        let driver = try ProtocolDriver(store: {
            $0.retention = Retention(byteCountLimit: 40_000)
            $0.expirySweepMilliseconds = 5
        })
        try await driver.create("a")
        var content = ""
        for number in 0..<20 {
            let piece = String(repeating: "\(number),", count: 3_000)
            try await driver.append("a", text: piece)
            content += piece
        }
        let size = UInt64(content.utf8.count)
        let earliest = try await trimmed(driver, upTo: size - 40_000 - (32 << 10))
        #expect(size - earliest >= 40_000, "never less than is asked for")
        try await expectBeginning(driver, at: earliest, of: content)
    }

    @Test func `before what is young enough it is 410, and readers from the start begin there`() async throws {
        let clock = ManualClock()
        let driver = try ProtocolDriver(clock: clock, store: {
            $0.retention = Retention(ageLimitSeconds: 60)
            $0.expirySweepMilliseconds = 5
        })
        let old = String(repeating: "old,", count: 10_000)
        let new = String(repeating: "new,", count: 10_000)
        try await driver.create("a", text: old)
        clock.advance(milliseconds: 50_000)
        try await driver.append("a", text: new)
        try await Task.sleep(for: .milliseconds(50))
        #expect(try earliest(driver) == 0)
        #expect(try await driver.send(.get, "a?offset=\(Self.offset(0))").text == old + new)

        clock.advance(milliseconds: 15_000)
        let earliest = try await trimmed(driver)
        #expect(earliest <= UInt64(old.utf8.count), "never more than is asked for")
        try await expectBeginning(driver, at: earliest, of: old + new)

        // All of it is too old: the stream goes on from its tail.
        clock.advance(milliseconds: 100_000)
        let tail = UInt64((old + new).utf8.count)
        #expect(try await trimmed(driver, upTo: tail) == tail)
        try await expectBeginningAtTail(driver, tail)
        try await driver.append("a", text: "again")
        #expect(try await driver.send(.get, "a?offset=-1").text == "again")
    }

    private func expectBeginningAtTail(_ driver: ProtocolDriver, _ tail: UInt64) async throws {
        let read = try await driver.send(.get, "a?offset=-1")
        #expect(read.status == 200 && read.text == "")
        #expect(read["Stream-Up-To-Date"] == "true" && read.nextOffset == Self.offset(tail))
        #expect(try await driver.send(.get, "a?offset=\(Self.offset(tail - 1))").status == 410)
        #expect(try await driver.send(.head, "a").nextOffset == Self.offset(tail))
    }

    @Test func `a JSON stream begins with a whole message`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a", type: "application/json", text: #"[{"n":1},{"n":2},{"n":3}]"#)
        _ = try await driver.store.trim(StreamPath("a"), upTo: StreamPosition(rawValue: 8))
        #expect(try await driver.send(.get, "a?offset=\(Self.offset(0))").status == 410)
        #expect(try await driver.send(.get, "a?offset=-1").text == #"[{"n":2},{"n":3}]"#)
        #expect(try await driver.send(.get, "a?offset=-1&live=long-poll").text == #"[{"n":2},{"n":3}]"#)
    }

    @Test func `an event stream that falls behind what is kept ends, and its client is told why`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a", text: "0123456789")
        let reader = try await driver.events("a?offset=-1&live=sse")
        try await reader.until("all") { $0.data == "0123456789" }
        await reader.pause()
        try await driver.append("a", text: "abcdef")
        _ = try await driver.store.trim(StreamPath("a"), upTo: StreamPosition(rawValue: 13))
        await reader.resume()
        try await reader.until("the end") { $0.hasEnded }
        #expect(reader.data == "0123456789", "nothing is left out silently")
        let next = try #require(reader.controls.last?.streamNextOffset)
        #expect(try await driver.send(.get, "a?offset=\(next)&live=sse").status == 410)
    }

    @Test func `a fork inherits what is kept, and none can begin before it`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a", text: "0123456789")
        _ = try await driver.store.trim(StreamPath("a"), upTo: StreamPosition(rawValue: 4))
        let source = ("Stream-Forked-From", "/v1/stream/a")
        let early = try await driver.send(.put, "early", [source, ("Stream-Fork-Offset", Self.offset(3))])
        #expect(early.status == 400)
        #expect(try await driver.send(.head, "early").status == 404)
        let fork = try await driver.send(.put, "fork", [source, ("Stream-Fork-Offset", Self.offset(6))], text: "ab")
        #expect(fork.status == 201 && fork.nextOffset == Self.offset(8))
        #expect(try await driver.send(.get, "fork?offset=-1").text == "45ab")
        #expect(try await driver.send(.get, "fork?offset=\(Self.offset(4))").text == "45ab")
        #expect(try await driver.send(.get, "fork?offset=\(Self.offset(3))").status == 410)
    }
}
