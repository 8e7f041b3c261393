import DurableStreams
@testable import DurableStreamsHTTP
import DurableStreamsWire
import Testing

@Suite struct LongPollTests {
    private static func offset(_ position: UInt64) -> String { OffsetToken(position: position).description }

    @Test func `data that is there comes at once, with a cursor`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a", text: "abc")
        let response = try await driver.send(.get, "a?offset=-1&live=long-poll")
        #expect(response.status == 200)
        #expect(response.text == "abc")
        #expect(response["Stream-Cursor"].flatMap { UInt64($0) } != nil)
        #expect(response["Stream-Up-To-Date"] == "true")
        #expect(response.nextOffset == Self.offset(3))
        #expect(response["ETag"] != nil)
        #expect(response["Cache-Control"]?.hasPrefix("public") == true)
    }

    @Test func `at the tail it waits for an append`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a", text: "abc")
        let waiting = await driver.begin(.get, "a?offset=\(Self.offset(3))&live=long-poll", [("If-None-Match", "*")])
        #expect(waiting.hasExchange)
        #expect(!waiting.isAnswered)
        try await driver.append("a", text: "def")
        let response = try await waiting.response()
        #expect(response.status == 200)
        #expect(response.text == "def")
        #expect(response.nextOffset == Self.offset(6))
        #expect(response["Stream-Cursor"] != nil)
    }

    @Test func `now and positions behind the tail wait at the tail`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a", text: "abc")
        let now = await driver.begin(.get, "a?offset=now&live=long-poll")
        let beyond = await driver.begin(.get, "a?offset=\(Self.offset(1_000))&live=long-poll")
        try await driver.append("a", text: "def")
        for waiting in [now, beyond] {
            let response = try await waiting.response()
            #expect(response.text == "def")
            #expect(response.nextOffset == Self.offset(6))
        }
        // Its URL names no position, so a cache must not answer with it.
        #expect(try await now.response()["Cache-Control"] == "no-store")
        #expect(try await now.response()["ETag"] == nil)
    }

    @Test func `after a while it is 204`() async throws {
        let driver = try ProtocolDriver { $0.longPollTimeoutMilliseconds = 100 }
        try await driver.create("a", text: "abc")
        let response = try await driver.send(.get, "a?offset=now&live=long-poll")
        #expect(response.status == 204)
        #expect(response.nextOffset == Self.offset(3))
        #expect(response["Stream-Up-To-Date"] == "true")
        #expect(response["Stream-Cursor"] != nil)
        #expect(response["Stream-Closed"] == nil)
        #expect(response["Cache-Control"] == "no-store")
    }

    @Test func `at the end of a closed stream it is 204 at once`() async throws {
        let driver = try ProtocolDriver()
        _ = try await driver.send(.put, "a", [("Stream-Closed", "true")], text: "abc")
        for offset in ["now", Self.offset(3)] {
            let response = try await driver.send(.get, "a?offset=\(offset)&live=long-poll")
            #expect(response.status == 204)
            #expect(response["Stream-Closed"] == "true")
            #expect(response["Stream-Up-To-Date"] == "true")
            #expect(response.nextOffset == Self.offset(3))
        }
        let data = try await driver.send(.get, "a?offset=-1&live=long-poll")
        #expect(data.status == 200)
        #expect(data["Stream-Closed"] == "true")
    }

    @Test func `the end of the stream ends the wait`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a")
        let waiting = await driver.begin(.get, "a?offset=now&live=long-poll")
        _ = try await driver.send(.post, "a", [("Stream-Closed", "true")])
        let response = try await waiting.response()
        #expect(response.status == 204)
        #expect(response["Stream-Closed"] == "true")
    }

    @Test func `data that comes with the end comes first`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a")
        let waiting = await driver.begin(.get, "a?offset=now&live=long-poll")
        try await driver.append("a", text: "end", closing: true)
        let response = try await waiting.response()
        #expect(response.status == 200)
        #expect(response.text == "end")
        #expect(response["Stream-Closed"] == "true")
    }

    @Test func `a stream that is deleted meanwhile is 404`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a")
        let waiting = await driver.begin(.get, "a?offset=now&live=long-poll")
        _ = try await driver.send(.delete, "a")
        #expect(try await waiting.response().status == 404)
    }

    @Test func `who has gone is not answered`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a")
        let waiting = await driver.begin(.get, "a?offset=now&live=long-poll")
        await waiting.cancel()
        await waiting.cancel()
        try await driver.append("a", text: "x")
        await driver.lane.run {}
        #expect(!waiting.isAnswered)
        let readers = driver.service.readers(of: driver.lane.lane)
        #expect(await driver.lane.run { readers.isEmpty })
    }

    @Test func `shutting down answers those who wait and those who come`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a", text: "abc")
        let waiting = await driver.begin(.get, "a?offset=now&live=long-poll")
        driver.service.shutDown()
        let response = try await waiting.response()
        #expect(response.status == 204)
        #expect(response["Stream-Up-To-Date"] == "true")
        #expect(try await driver.send(.get, "a?offset=now&live=long-poll").status == 204)
        #expect(try await driver.send(.get, "a?offset=-1&live=long-poll").text == "abc")
    }

    @Test func `a cursor only goes forward`() async throws {
        var environment = ProtocolEnvironment()
        environment.now = { WallClockTime(millisecondsSince1970: 1_728_432_000_000 + 20_000 * 50) }
        environment.random = { $0.upperBound }
        let driver = try ProtocolDriver(environment: environment)
        try await driver.create("a", text: "abc")
        func cursor(_ query: String) async throws -> String? {
            try await driver.send(.get, "a?offset=-1&live=long-poll" + query)["Stream-Cursor"]
        }
        #expect(try await cursor("") == "50")
        #expect(try await cursor("&cursor=49") == "50")
        #expect(try await cursor("&cursor=50") == "230")
        #expect(try await cursor("&cursor=1000") == "1180")
        #expect(try await cursor("&cursor=abc") == "50")
        #expect(try await cursor("&cursor=1000000000000000") == "50")
    }

    @Test func `many who wait are all answered`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a")
        var waiting: [PendingResponse] = []
        for _ in 0..<200 { waiting.append(await driver.begin(.get, "a?offset=now&live=long-poll")) }
        try await driver.append("a", text: "x")
        for pending in waiting { #expect(try await pending.response().text == "x") }
        let readers = driver.service.readers(of: driver.lane.lane)
        #expect(await driver.lane.run { readers.isEmpty })
    }
}
