import DurableStreams
@testable import DurableStreamsHTTP
import Testing

/// Creating streams (`PUT`).
@Suite struct CreateTests {
    @Test func `a new stream is 201 with its URL, type and offset`() async throws {
        let driver = try ProtocolDriver()
        let headers = [("Host", "example.com"), ("Content-Type", "Text/Plain; charset=UTF-8")]
        let response = try await driver.send(.put, "a/b%20c", headers)
        #expect(response.status == 201)
        #expect(response["Location"] == "http://example.com/v1/stream/a/b%20c")
        #expect(response["Content-Type"] == "Text/Plain; charset=UTF-8")
        #expect(response.nextOffset == "0000000000000000_0000000000000000")
        #expect(response["Stream-Closed"] == nil)
        #expect(response.body.isEmpty)
    }

    @Test func `the same again is 200 without a URL, and appends nothing`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a", type: "text/plain", text: "one")
        let again = try await driver.send(.put, "a", [("Content-Type", "TEXT/plain; x=y")], text: "two")
        #expect(again.status == 200)
        #expect(again["Location"] == nil)
        #expect(again["Content-Type"] == "text/plain")
        #expect(again.nextOffset == "0000000000000000_0000000000000003")
        #expect(try await driver.send(.get, "a").text == "one")
    }

    @Test func `another configuration is 409`() async throws {
        let driver = try ProtocolDriver()
        _ = try await driver.send(.put, "a", [("Content-Type", "text/plain"), ("Stream-TTL", "60")])
        let others: [[(String, String)]] = [
            [("Content-Type", "text/html"), ("Stream-TTL", "60")],
            [("Content-Type", "text/plain"), ("Stream-TTL", "61")],
            [("Content-Type", "text/plain")], [("Stream-TTL", "60")],
            [("Content-Type", "text/plain"), ("Stream-TTL", "60"), ("Stream-Closed", "true")],
            [("Content-Type", "text/plain"), ("Stream-Expires-At", "2999-01-01T00:00:00Z")],
        ]
        for headers in others {
            let response = try await driver.send(.put, "a", headers)
            #expect(response.status == 409, "\(headers)")
            #expect(response["Cache-Control"] == "no-store")
        }
        let same = try await driver.send(.put, "a", [("Content-Type", "text/plain"), ("Stream-TTL", "60")])
        #expect(same.status == 200)
    }

    @Test(arguments: ["", "not-a-type", "text/", "/plain", "a b/c"])
    func `a type that is none is octet-stream`(type: String) async throws {
        let driver = try ProtocolDriver()
        let response = try await driver.send(.put, "a", [("Content-Type", type)])
        #expect(response.status == 201)
        #expect(response["Content-Type"] == "application/octet-stream")
        #expect(try await driver.send(.put, "a").status == 200)
    }

    @Test func `a body is the first content`() async throws {
        let driver = try ProtocolDriver()
        let created = try await driver.create("a", text: "hello")
        #expect(created.nextOffset == "0000000000000000_0000000000000005")
        #expect(try await driver.send(.get, "a").text == "hello")
        let json = try await driver.create("j", type: "application/json", text: " [1, {\"a\" : 2}] ")
        #expect(json.status == 201)
        #expect(try await driver.send(.get, "j").text == #"[1,{"a" : 2}]"#)
        #expect(try await driver.create("e", type: "application/json", text: "[]").status == 201)
        #expect(try await driver.send(.get, "e").text == "[]")
    }

    @Test func `a stream can be created closed, with all its content`() async throws {
        let driver = try ProtocolDriver()
        let response = try await driver.send(
            .put, "a", [("Content-Type", "text/plain"), ("Stream-Closed", "TRUE")], text: "all")
        #expect(response.status == 201)
        #expect(response["Stream-Closed"] == "true")
        let read = try await driver.send(.get, "a")
        #expect(read.text == "all")
        #expect(read["Stream-Closed"] == "true")
        #expect(try await driver.append("a", text: "x").status == 409)
        #expect(try await driver.send(.put, "b", [("Stream-Closed", "yes")])["Stream-Closed"] == nil)
    }

    @Test(arguments: [
        [("Stream-TTL", "01")], [("Stream-TTL", "-1")], [("Stream-TTL", "1.5")], [("Stream-TTL", "1e3")],
        [("Stream-TTL", "")], [("Stream-TTL", "9007199254740992")], [("Stream-TTL", "+1")],
        [("Stream-Expires-At", "tomorrow")], [("Stream-Expires-At", "")], [("Stream-Expires-At", "2999-01-01")],
        [("Stream-Expires-At", "2999-02-30T00:00:00Z")],
        [("Stream-TTL", "1"), ("Stream-Expires-At", "2999-01-01T00:00:00Z")],
        [("Stream-TTL", "1"), ("Stream-TTL", "1")], [("Content-Type", "a/b"), ("Content-Type", "a/b")],
        [("Content-Type", "text/plain; x=\u{FFFD}")],
        [("Stream-Fork-Offset", "0000000000000000_0000000000000000")], [("Stream-Fork-Sub-Offset", "0")],
    ])
    func `an invalid header is 400 and creates nothing`(headers: [(String, String)]) async throws {
        let driver = try ProtocolDriver()
        #expect(try await driver.send(.put, "a", headers).status == 400)
        #expect(try await driver.send(.head, "a").status == 404)
    }

    @Test func `an invalid body is 400 and creates nothing`() async throws {
        let driver = try ProtocolDriver()
        for body in ["{", "[1,]", "1 2", "\u{FEFF}1"] {
            #expect(try await driver.create("a", type: "application/json", text: body).status == 400, "\(body)")
        }
        #expect(try await driver.send(.get, "a").status == 404)
    }

    @Test func `a large JSON body is taken elsewhere and answered as usual`() async throws {
        let driver = try ProtocolDriver()
        let messages = (0..<40_000).map { "{\"n\":\($0)}" }
        let body = "[" + messages.joined(separator: ", ") + "]"
        #expect(body.utf8.count > ProtocolService.inlineBodyByteCountLimit)
        #expect(try await driver.create("a", type: "application/json", text: body).status == 201)
        #expect(try await driver.append("a", type: "application/json", text: body).status == 204)
        #expect(try await driver.create("b", type: "application/json", text: String(body.dropLast())).status == 400)
        #expect(try await driver.append("a", type: "application/json", text: body + "]").status == 400)
        #expect(try await driver.append("missing", type: "application/json", text: body).status == 404)
    }

    @Test func `a lifetime of nothing is over at once`() async throws {
        let driver = try ProtocolDriver()
        for header in [("Stream-TTL", "0"), ("Stream-Expires-At", "1999-01-01T00:00:00Z")] {
            #expect(try await driver.send(.put, "a", [header]).status == 201)
            #expect(try await driver.send(.get, "a").status == 404)
            #expect(try await driver.send(.head, "a").status == 404)
        }
    }

    @Test func `headers of other requests are ignored`() async throws {
        let driver = try ProtocolDriver()
        let headers = [("Stream-Seq", "1"), ("Producer-Id", ""), ("Producer-Epoch", "x")]
        #expect(try await driver.send(.put, "a", headers).status == 201)
    }

    @Test func `a coded body is 415`() async throws {
        let driver = try ProtocolDriver()
        let headers = [("Content-Type", "text/plain"), ("Content-Encoding", "gzip")]
        #expect(try await driver.send(.put, "a", headers, text: "x").status == 415)
        #expect(try await driver.send(.put, "a", headers).status == 201)
        #expect(try await driver.send(.post, "a", headers, text: "x").status == 415)
        #expect(try await driver.send(.post, "missing", headers, text: "x").status == 404)
    }
}
