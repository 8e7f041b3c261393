import DurableStreams
@testable import DurableStreamsHTTP
import Testing

/// `HEAD`, `DELETE`, `OPTIONS`, and what every response carries.
@Suite struct MetadataTests {
    @Test func `HEAD says what is known, without a body`() async throws {
        let driver = try ProtocolDriver()
        _ = try await driver.send(.put, "a", [("Content-Type", "text/plain"), ("Stream-TTL", "3600")], text: "abc")
        let head = try await driver.send(.head, "a")
        #expect(head.status == 200)
        #expect(head.bodyIsOmitted)
        #expect(head.body.isEmpty)
        #expect(head["Content-Type"] == "text/plain")
        #expect(head.nextOffset == "0000000000000000_0000000000000003")
        #expect(head["Stream-TTL"] == "3600")
        #expect(head["Stream-Closed"] == nil)
        #expect(head["Cache-Control"] == "no-store")
        _ = try await driver.send(.post, "a", [("Stream-Closed", "true")])
        #expect(try await driver.send(.head, "a")["Stream-Closed"] == "true")
    }

    @Test func `an end comes back as it was written`() async throws {
        let driver = try ProtocolDriver()
        let text = "2999-01-01t01:00:00.5+01:00"
        _ = try await driver.send(.put, "a", [("Stream-Expires-At", text)])
        #expect(try await driver.send(.head, "a")["Stream-Expires-At"] == text)
        #expect(try await driver.send(.put, "a", [("Stream-Expires-At", "2999-01-01T00:00:00.500Z")]).status == 200)
    }

    @Test func `HEAD of what is missing has no body either`() async throws {
        let driver = try ProtocolDriver()
        for target in ["missing", "__ds/x", "/elsewhere", "a%zz", ""] {
            let response = try await driver.send(.head, target)
            #expect(response.bodyIsOmitted, "\(target)")
            #expect(response.body.isEmpty)
            #expect(response.status >= 400)
        }
    }

    @Test func `a deleted stream is gone, and its successor is new`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a", text: "old")
        let tag = try await driver.send(.get, "a")["ETag"]
        #expect(try await driver.send(.delete, "a").status == 204)
        #expect(try await driver.send(.delete, "a").status == 404)
        #expect(try await driver.send(.get, "a").status == 404)
        #expect(try await driver.append("a", text: "x").status == 404)
        #expect(try await driver.create("a", text: "new").status == 201)
        let read = try await driver.send(.get, "a")
        #expect(read.text == "new")
        #expect(read["ETag"] != tag)
    }

    @Test func `OPTIONS is 204 anywhere`() async throws {
        let driver = try ProtocolDriver()
        for target in ["a", "__ds/x", "/elsewhere", "*", "a%zz"] {
            let response = try await driver.send(.options, target)
            #expect(response.status == 204, "\(target)")
            #expect(response["Access-Control-Allow-Methods"] == "GET, POST, PUT, DELETE, HEAD, OPTIONS")
        }
    }

    @Test func `another method is 405 with those that there are`() async throws {
        let driver = try ProtocolDriver()
        let response = try await driver.send(.other("PATCH"), "a")
        #expect(response.status == 405)
        #expect(response["Allow"] == "GET, POST, PUT, DELETE, HEAD, OPTIONS")
    }

    @Test func `every response can be read from another origin`() async throws {
        let driver = try ProtocolDriver { $0.allowedOrigin = "https://app.example" }
        try await driver.create("a")
        let targets: [(ProtocolRequest.Method, String)] = [
            (.get, "a"), (.get, "missing"), (.options, "a"), (.head, "a"), (.get, "__ds/x"), (.other("X"), "a"),
            (.post, "a"), (.get, "/elsewhere"),
        ]
        for (method, target) in targets {
            let response = try await driver.send(method, target)
            #expect(response["X-Content-Type-Options"] == "nosniff")
            #expect(response["Cross-Origin-Resource-Policy"] == "cross-origin")
            #expect(response["Access-Control-Allow-Origin"] == "https://app.example")
            #expect(response["Access-Control-Max-Age"] == "86400")
            for name in ["stream-next-offset", "stream-sse-data-encoding", "etag", "retry-after", "vary", "location"] {
                #expect(response["Access-Control-Expose-Headers"]?.lowercased().contains(name) == true)
            }
            for name in ["authorization", "if-none-match", "producer-id", "stream-seq", "stream-forked-from"] {
                #expect(response["Access-Control-Allow-Headers"]?.lowercased().contains(name) == true)
            }
        }
    }

    @Test func `the reserved paths are 404 in JSON, and no stream can be there`() async throws {
        let driver = try ProtocolDriver()
        for (method, target) in [(ProtocolRequest.Method.get, "__ds"), (.put, "__ds/x"), (.post, "%5f_ds/a/b")] {
            let response = try await driver.send(method, target)
            #expect(response.status == 404)
            #expect(response["Content-Type"] == "application/json")
            #expect(response.text.hasPrefix(#"{"error":{"code":""#))
        }
    }

    @Test func `a path that is none is refused`() async throws {
        let driver = try ProtocolDriver()
        for method in [ProtocolRequest.Method.get, .put, .post, .delete] {
            #expect(try await driver.send(method, "").status == 404)
            #expect(try await driver.send(method, "a/../b").status == 400)
            #expect(try await driver.send(method, "a%00").status == 400)
            #expect(try await driver.send(method, String(repeating: "a", count: 1_025)).status == 414)
        }
        #expect(try await driver.send(.put, String(repeating: "a", count: 1_024)).status == 201)
    }

    @Test func `spellings of one path are one stream, others are others`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a%2Fb~", text: "1")
        #expect(try await driver.send(.get, "%61%2fb%7E").text == "1")
        for other in ["a/b~", "a%2Fb~/", "A%2Fb~"] { #expect(try await driver.send(.get, other).status == 404) }
    }
}
