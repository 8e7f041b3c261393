@testable import DurableStreamsHTTP
import DurableStreamsWire
import Testing

/// Reads that may wait for the disk are done on other threads; nobody sees a difference.
@Suite struct ColdReadTests {
    private func driver(_ configure: (inout ProtocolConfiguration) -> Void = { _ in }) throws -> ProtocolDriver {
        var environment = ProtocolEnvironment()
        environment.isResident = { _ in false }
        return try ProtocolDriver(configure, environment: environment)
    }

    @Test func `a catch-up read is answered later`() async throws {
        let driver = try driver()
        try await driver.create("a", text: "abc")
        let pending = await driver.begin(.get, "a")
        #expect(pending.hasExchange)
        #expect(try await pending.response().text == "abc")
    }

    @Test func `one that is cancelled is not answered`() async throws {
        let driver = try driver()
        try await driver.create("a", text: "abc")
        let isAnswered = await driver.lane.run { [driver] in
            let exchange = driver.service.handle(
                ProtocolDriver.request(.get, "/v1/stream/a", []), body: nil, on: driver.lane.lane
            ) { _ in Issue.record("an answer to a client that has gone") }
            exchange?.cancel()
            return exchange == nil
        }
        #expect(!isAnswered)
        #expect(try await driver.send(.get, "a").text == "abc")
    }

    @Test func `an entity tag is compared before anything is read`() async throws {
        let driver = try driver()
        try await driver.create("a", text: "abc")
        let tag = try #require(try await driver.send(.get, "a")["ETag"])
        let pending = await driver.begin(.get, "a", [("If-None-Match", tag)])
        #expect(!pending.hasExchange)
        #expect(try await pending.response().status == 304)
    }

    @Test func `a long poll is answered, or cancelled, while it reads`() async throws {
        let driver = try driver()
        try await driver.create("a", text: "abc")
        #expect(try await driver.send(.get, "a?offset=-1&live=long-poll").text == "abc")
        let waiting = await driver.begin(.get, "a?offset=now&live=long-poll")
        let gone = await driver.begin(.get, "a?offset=now&live=long-poll")
        try await driver.append("a", text: "def")
        await gone.cancel()
        #expect(try await waiting.response().text == "def")
    }

    @Test func `an event stream sends all of it, in order`() async throws {
        let driver = try driver { $0.chunkByteCountLimit = 16 }
        try await driver.create("a", text: "0123456789é0123456789é0123456789é")
        let reader = try await driver.events("a?offset=-1&live=sse")
        try await reader.until("all") { $0.controls.last?.upToDate == true }
        for number in 0..<20 { try await driver.append("a", text: "\(number),") }
        try await driver.append("a", text: "end", closing: true)
        try await reader.until("the end") { $0.hasEnded }
        #expect(reader.data == "0123456789é0123456789é0123456789é" + (0..<20).map { "\($0)," }.joined() + "end")
        #expect(reader.controls.last?.streamClosed == true)
    }

    @Test func `a deleted stream ends an event stream that is reading`() async throws {
        let driver = try driver()
        try await driver.create("a", text: "abc")
        let reader = try await driver.events("a?offset=-1&live=sse")
        _ = try await driver.send(.delete, "a")
        try await reader.until("the end") { $0.hasEnded }
    }

    @Test func `shutting down lets an event stream that is reading send one event`() async throws {
        let driver = try driver()
        driver.service.shutDown()
        try await driver.create("a", text: "abc")
        let reader = try await driver.events("a?offset=-1&live=sse")
        try await reader.until("the end") { $0.hasEnded }
        #expect(reader.data == "abc")
    }

    @Test func `a message that is longer than an event loop likes is sent whole`() async throws {
        let driver = try ProtocolDriver()
        let message = "\"" + String(repeating: "x", count: 3 << 20) + "\""
        try await driver.create("j", type: "application/json", text: message)
        #expect(try await driver.send(.get, "j").text == "[\(message)]")
        let shorter = "\"" + String(repeating: "x", count: 300 << 10) + "\""
        try await driver.create("k", type: "application/json", text: shorter)
        let reader = try await driver.events("k?offset=-1&live=sse")
        try await eventually("the message") { reader.stepCount == 1 }
        #expect(reader.data == "[\(shorter)]")
        await reader.cancel()
    }
}
