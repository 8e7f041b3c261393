@testable import DurableStreamsHTTP
import Testing

/// Appending and closing (`POST`), without producers.
@Suite struct AppendTests {
    @Test func `an append is 204 with the new tail`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a")
        let response = try await driver.append("a", text: "hello")
        #expect(response.status == 204)
        #expect(response.bodyIsOmitted)
        #expect(response.nextOffset == "0000000000000000_0000000000000005")
        #expect(response["Stream-Closed"] == nil)
        #expect(response["Producer-Epoch"] == nil)
        try await driver.append("a", type: "TEXT/PLAIN; charset=x", text: " world")
        #expect(try await driver.send(.get, "a").text == "hello world")
    }

    @Test func `what is missing or malformed is 400`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a")
        #expect(try await driver.send(.post, "a", [("Content-Type", "text/plain")]).status == 400)
        #expect(try await driver.send(.post, "a", [("Content-Type", "text/plain")], body: []).status == 400)
        #expect(try await driver.send(.post, "a", text: "x").status == 400)
        #expect(try await driver.send(.post, "a", [("Content-Type", "")], text: "x").status == 400)
        for header in [("Stream-Seq", "\u{FFFD}"), ("Content-Type", "text/plain")] {
            let headers = [("Content-Type", "text/plain"), header]
            #expect(try await driver.send(.post, "a", headers, text: "x").status == 400)
        }
        #expect(try await driver.send(.get, "a").text == "")
    }

    @Test func `a missing stream is 404, also to a malformed request`() async throws {
        let driver = try ProtocolDriver()
        #expect(try await driver.append("a", text: "x").status == 404)
        #expect(try await driver.send(.post, "a").status == 404)
        #expect(try await driver.send(.post, "a", text: "x").status == 404)
        #expect(try await driver.send(.post, "a", [("Producer-Id", "")], text: "x").status == 404)
        #expect(try await driver.send(.post, "a", [("Stream-Seq", "1"), ("Stream-Seq", "1")]).status == 404)
    }

    @Test func `another type is 409`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a")
        #expect(try await driver.append("a", type: "text/html", text: "x").status == 409)
        #expect(try await driver.append("a", type: "garbage", text: "x").status == 409)
        #expect(try await driver.send(.put, "b", [("Content-Type", "garbage")]).status == 201)
        #expect(try await driver.append("b", type: "garbage", text: "x").status == 204)
    }

    @Test func `closing is durable, final and can be repeated`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a", text: "x")
        for _ in 0..<2 {
            let response = try await driver.send(.post, "a", [("Stream-Closed", "true"), ("Content-Type", "image/png")])
            #expect(response.status == 204)
            #expect(response["Stream-Closed"] == "true")
            #expect(response.nextOffset == "0000000000000000_0000000000000001")
        }
        for closing in [true, false] {
            let refused = try await driver.append("a", text: "y", closing: closing)
            #expect(refused.status == 409)
            #expect(refused["Stream-Closed"] == "true")
            #expect(refused.nextOffset == "0000000000000000_0000000000000001")
        }
    }

    @Test func `data and end can come together`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a")
        let response = try await driver.append("a", text: "end", closing: true)
        #expect(response.status == 204)
        #expect(response["Stream-Closed"] == "true")
        #expect(response.nextOffset == "0000000000000000_0000000000000003")
        let read = try await driver.send(.get, "a")
        #expect(read.text == "end")
        #expect(read["Stream-Closed"] == "true")
    }

    @Test func `closed comes before another type`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a")
        _ = try await driver.send(.post, "a", [("Stream-Closed", "true")])
        let response = try await driver.append("a", type: "text/html", text: "x")
        #expect(response.status == 409)
        #expect(response["Stream-Closed"] == "true")
    }

    @Test func `malformed comes before closed`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a")
        _ = try await driver.send(.post, "a", [("Stream-Closed", "true")])
        #expect(try await driver.send(.post, "a", text: "x").status == 400)
        #expect(try await driver.send(.post, "a", [("Content-Type", "text/plain")]).status == 400)
        #expect(try await driver.send(.post, "a", [("Stream-Closed", "true"), ("Producer-Id", "")]).status == 400)
    }

    @Test func `a sequence must grow byte by byte`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a")
        func append(_ sequence: String) async throws -> Int {
            let headers = [("Content-Type", "text/plain"), ("Stream-Seq", sequence)]
            return try await driver.send(.post, "a", headers, text: "x").status
        }
        #expect(try await append("10") == 204)
        #expect(try await append("10") == 409)
        #expect(try await append("2") == 204)
        #expect(try await append("11") == 409)
        #expect(try await append("B") == 204)
        #expect(try await append("a") == 204)
        #expect(try await append("C") == 409)
        #expect(try await driver.send(.get, "a").text == "xxxx")
    }

    @Test func `JSON is flattened by one level`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("j", type: "application/json; charset=utf-8")
        for body in ["1", "[2,3]", "[[4,5]]", " {\"a\":\t[] } ", "\"x\"", "null"] {
            #expect(try await driver.append("j", type: "application/JSON", text: body).status == 204)
        }
        #expect(try await driver.send(.get, "j").text == "[1,2,3,[4,5],{\"a\":\t[] },\"x\",null]")
        #expect(try await driver.append("j", type: "application/json", text: "[]").status == 400)
        #expect(try await driver.append("j", type: "application/json", text: "nope").status == 400)
        #expect(try await driver.append("j", type: "application/json", text: "  ").status == 400)
    }

    @Test func `a refusal echoes no bytes of the request`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("j", type: "application/json")
        let response = try await driver.append("j", type: "application/json", text: "<script>alert(1)</script>")
        #expect(response.status == 400)
        #expect(response["Content-Type"] == "text/plain; charset=utf-8")
        #expect(response["Cache-Control"] == "no-store")
        #expect(!response.text.contains("script"))
        #expect(!response.text.isEmpty)
    }
}
