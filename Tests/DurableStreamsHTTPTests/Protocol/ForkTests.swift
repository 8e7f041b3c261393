import DurableStreams
@testable import DurableStreamsHTTP
import Testing

/// Forks (`PUT` with `Stream-Forked-From`).
@Suite struct ForkTests {
    private func offset(_ position: Int) -> String {
        let digits = "\(position)"
        return "0000000000000000_" + String(repeating: "0", count: 16 - digits.count) + digits
    }

    private func fork(
        _ driver: ProtocolDriver, _ path: String, of source: String = "/v1/stream/source",
        _ headers: [(String, String)] = [], text: String = ""
    ) async throws -> TestResponse {
        let headers = [("Stream-Forked-From", source)] + headers
        return try await driver.send(.put, path, headers, body: text.isEmpty ? nil : Array(text.utf8))
    }

    @Test func `a fork is 201 with its source's type and goes on behind the source's tail`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("source", type: "Text/Plain; charset=utf-8", text: "0123456789")
        let response = try await fork(driver, "fork", [("Host", "h")], text: "ab")
        #expect(response.status == 201)
        #expect(response["Location"] == "http://h/v1/stream/fork")
        #expect(response["Content-Type"] == "Text/Plain; charset=utf-8")
        #expect(response.nextOffset == offset(12))
        #expect(!response.fields.contains { $0.name.rawName.lowercased().contains("fork") && $0.name.rawName.hasPrefix("S") })
        #expect(try await driver.append("source", text: "xyz").status == 204)
        let read = try await driver.send(.get, "fork")
        #expect(read.text == "0123456789ab" && read.nextOffset == offset(12))
        #expect(try await driver.send(.get, "fork?offset=\(offset(9))").text == "9ab")
        #expect(try await driver.send(.get, "source").text == "0123456789xyz")
    }

    @Test func `an offset and a sub-offset say where`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("source", text: "0123456789")
        try await driver.append("source", text: "abc")
        #expect(try await fork(driver, "f1", [("Stream-Fork-Offset", offset(4))]).nextOffset == offset(4))
        let both = [("Stream-Fork-Offset", offset(4)), ("Stream-Fork-Sub-Offset", "6")]
        #expect(try await fork(driver, "f2", both).nextOffset == offset(10))
        let zero = [("Stream-Fork-Sub-Offset", "0")]
        #expect(try await fork(driver, "f3", zero).nextOffset == offset(13))
        try await driver.create("json", type: "application/json", text: "[1,[2],3]")
        let messages = [("Stream-Fork-Offset", offset(0)), ("Stream-Fork-Sub-Offset", "2")]
        #expect(try await fork(driver, "f4", of: "/v1/stream/json", messages, text: "[9]").status == 201)
        #expect(try await driver.send(.get, "f4").text == "[1,[2],9]")
    }

    @Test(arguments: [
        [("Stream-Fork-Offset", "-1")], [("Stream-Fork-Offset", "now")], [("Stream-Fork-Offset", "")],
        [("Stream-Fork-Offset", "5")], [("Stream-Fork-Offset", "0000000000000000_0000000000000011")],
        [("Stream-Fork-Offset", "0000000000000001_0000000000000000")],
        [("Stream-Fork-Sub-Offset", "1")], [("Stream-Fork-Sub-Offset", "")], [("Stream-Fork-Sub-Offset", "01")],
        [("Stream-Fork-Sub-Offset", "-1")], [("Stream-Fork-Sub-Offset", "1.0")],
        [("Stream-Fork-Offset", "0000000000000000_0000000000000004"), ("Stream-Fork-Sub-Offset", "7")],
        [("Stream-Fork-Offset", "0000000000000000_0000000000000010"), ("Stream-Fork-Sub-Offset", "1")],
        [("Stream-Fork-Offset", "0000000000000000_0000000000000000"), ("Stream-Fork-Offset", "0000000000000000_0000000000000000")],
    ])
    func `a malformed or impossible place is 400, and leaves no trace`(headers: [(String, String)]) async throws {
        let driver = try ProtocolDriver()
        try await driver.create("source", text: "0123456789")
        #expect(try await fork(driver, "fork", headers).status == 400)
        #expect(try await driver.send(.head, "fork").status == 404)
        #expect(try await driver.send(.delete, "source").status == 204)
        #expect(try await driver.send(.head, "source").status == 404)
    }

    @Test func `a place inside a message is 400`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("source", type: "application/json", text: "[10,20]")
        #expect(try await fork(driver, "fork", [("Stream-Fork-Offset", offset(1))]).status == 400)
        #expect(try await fork(driver, "fork", [("Stream-Fork-Offset", offset(3))]).status == 201)
    }

    @Test(arguments: [
        ("/v1/stream/missing", 404), ("/v1/stream/__ds/x", 404), ("/elsewhere/source", 404), ("source", 404),
        ("/v1/stream/fork", 404), ("", 400), ("/v1/stream/", 400), ("/v1/stream/a/../source", 400),
        ("/v1/stream/source?x", 400), ("/v1/stream/so%zzurce", 400), ("/v1/stream/so%00urce", 400),
        ("/v1/stream/s\u{FFFD}", 400), ("/v1/stream/%73ource", 201), ("/v1/stream/source", 201),
    ])
    func `the source is the path of a URL on this server`(source: String, status: Int) async throws {
        let driver = try ProtocolDriver()
        try await driver.create("source", text: "0123456789")
        #expect(try await fork(driver, "fork", of: source).status == status)
    }

    @Test func `fork headers without a source are 400`() async throws {
        let driver = try ProtocolDriver()
        for header in [("Stream-Fork-Offset", offset(0)), ("Stream-Fork-Sub-Offset", "1")] {
            #expect(try await driver.send(.put, "fork", [header]).status == 400)
        }
    }

    @Test func `another type is 409, and so is another stream`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("source", text: "0123456789")
        #expect(try await fork(driver, "fork", [("Content-Type", "text/html")]).status == 409)
        #expect(try await fork(driver, "fork", [("Content-Type", "text/plain; x=y")]).status == 201)
        #expect(try await fork(driver, "fork").status == 200)
        #expect(try await fork(driver, "fork", [("Stream-Fork-Offset", offset(10))]).status == 200)
        #expect(try await fork(driver, "fork", [("Stream-Fork-Offset", offset(9))]).status == 409)
        #expect(try await fork(driver, "fork", [("Stream-TTL", "60")]).status == 409)
        #expect(try await driver.create("fork").status == 409)
        #expect(try await fork(driver, "source").status == 409)
    }

    @Test func `lifetimes are the source's unless the request has one`() async throws {
        let driver = try ProtocolDriver()
        _ = try await driver.send(.put, "source", [("Stream-TTL", "500")])
        _ = try await fork(driver, "inherits")
        _ = try await fork(driver, "own", [("Stream-TTL", "700")])
        _ = try await fork(driver, "until", [("Stream-Expires-At", "2999-01-01T00:00:00Z")])
        #expect(try await driver.send(.head, "inherits")["Stream-TTL"] == "500")
        #expect(try await driver.send(.head, "own")["Stream-TTL"] == "700")
        #expect(try await driver.send(.head, "until")["Stream-Expires-At"] == "2999-01-01T00:00:00Z")
        #expect(try await driver.send(.head, "until")["Stream-TTL"] == nil)
        #expect(try await fork(driver, "inherits").status == 200)
    }

    @Test func `a fork of a closed stream is open, unless it is created closed`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("source", text: "a")
        try await driver.append("source", text: "b", closing: true)
        #expect(try await fork(driver, "open")["Stream-Closed"] == nil)
        #expect(try await driver.append("open", text: "c").status == 204)
        let closed = try await fork(driver, "closed", [("Stream-Closed", "true")], text: "z")
        #expect(closed["Stream-Closed"] == "true")
        let read = try await driver.send(.get, "closed")
        #expect(read.text == "abz" && read["Stream-Closed"] == "true")
    }

    @Test func `a deleted source is gone for all but its forks`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("source", text: "0123456789")
        _ = try await fork(driver, "fork", text: "ab")
        let waiting = await driver.begin(.get, "source?offset=now&live=long-poll")
        #expect(try await driver.send(.delete, "source").status == 204)
        #expect(try await waiting.response().status == 410)
        for (method, status) in [
            (.get, 410), (.head, 410), (.delete, 410), (.put, 409),
        ] as [(ProtocolRequest.Method, Int)] {
            #expect(try await driver.send(method, "source").status == status)
        }
        #expect(try await driver.append("source", text: "x").status == 410)
        #expect(try await driver.send(.get, "source?offset=-1&live=sse").status == 410)
        #expect(try await fork(driver, "another").status == 409)
        #expect(try await driver.send(.get, "fork").text == "0123456789ab")
        #expect(try await driver.send(.delete, "fork").status == 204)
        #expect(try await driver.send(.get, "source").status == 404)
        #expect(try await driver.create("source", text: "new").status == 201)
    }

    @Test func `live readers of a fork get what is inherited, then what is appended`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("source", text: "0123")
        _ = try await fork(driver, "fork")
        let reader = try await driver.events("fork?offset=-1&live=sse")
        try await reader.until("caught up") { $0.controls.last?.upToDate == true }
        #expect(reader.data == "0123")
        try await driver.append("source", text: "nobody")
        try await driver.append("fork", text: "45", closing: true)
        try await reader.until("the end") { $0.hasEnded }
        #expect(reader.data == "012345")
    }
}
