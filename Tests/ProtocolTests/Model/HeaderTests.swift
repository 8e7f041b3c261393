import Testing

extension BlackBox {
    /// Section 2.
    @Suite struct `Headers on every response` {
        /// One kind of answer: how to provoke it and which status it has.
        struct Kind: Sendable, CustomTestStringConvertible {
            let testDescription: String
            let status: Int
            let provoke: @Sendable (TestStream) async throws -> Response

            init(_ name: String, _ status: Int, _ provoke: @escaping @Sendable (TestStream) async throws -> Response) {
                testDescription = "\(status) \(name)"
                self.status = status
                self.provoke = provoke
            }
        }

        static let successes = [
            Kind("create", 201) { _ in try await TestStream.unused().put() },
            Kind("create again", 200) { try await $0.put() },
            Kind("catch-up read", 200) { try await $0.read() },
            Kind("read now", 200) { try await $0.read("offset=now") },
            Kind("not modified", 304) { try await $0.read("", ["If-None-Match": "*"]) },
            Kind("long-poll with data", 200) { try await $0.longPoll("-1") },
            Kind("long-poll timeout", 204) { try await $0.longPoll("now") },
            Kind("head", 200) { try await $0.head() },
            Kind("append", 204) { try await $0.append("x") },
            Kind("append of a producer", 200) {
                try await $0.append("x", ["Producer-Id": "p", "Producer-Epoch": "0", "Producer-Seq": "0"])
            },
            Kind("close", 204) { try await $0.closeStream() },
            Kind("delete", 204) { try await $0.delete() },
            Kind("options", 204) { try await $0.send("OPTIONS") },
            Kind("options of nothing", 204) { _ in try await TestStream.unused().send("OPTIONS") },
            Kind("event stream", 200) { stream in
                let source = try await stream.events("now")
                await source.close()
                return Response(head: source.head, body: [])
            },
        ]

        static let errors = [
            Kind("read of nothing", 404) { _ in try await TestStream.unused().read() },
            Kind("head of nothing", 404) { _ in try await TestStream.unused().head() },
            Kind("append to nothing", 404) { _ in try await TestStream.unused().append("x") },
            Kind("delete of nothing", 404) { _ in try await TestStream.unused().delete() },
            Kind("reserved path", 404) { stream in
                try await TestStream(endpoint: stream.endpoint, name: "__ds/x", contentType: nil).read()
            },
            Kind("bad offset", 400) { try await $0.read("offset=x") },
            Kind("bad live mode", 400) { try await $0.read("offset=-1&live=x") },
            Kind("long-poll without offset", 400) { try await $0.read("live=long-poll") },
            Kind("bad lifetime", 400) { _ in try await TestStream.unused().put(["Stream-TTL": "x"]) },
            Kind("empty append", 400) { try await $0.append(.bytes([])) },
            Kind("header twice", 400) { try await $0.append("x", ["Stream-Seq": "1", "Stream-Seq": "2"]) },
            Kind("dot segment", 400) { stream in
                try await TestStream(endpoint: stream.endpoint, name: "a/../b", contentType: nil).read()
            },
            Kind("other configuration", 409) { try await $0.put(["Stream-TTL": "100"]) },
            Kind("other content type", 409) { try await $0.post("x", ["Content-Type": "image/png"]) },
            Kind("append to a closed stream", 409) {
                _ = try await $0.closeStream()
                return try await $0.append("x")
            },
            Kind("producer gap", 409) {
                try await $0.append("x", ["Producer-Id": "p", "Producer-Epoch": "0", "Producer-Seq": "7"])
            },
            Kind("stale epoch", 403) {
                _ = try await $0.append("x", ["Producer-Id": "p", "Producer-Epoch": "1", "Producer-Seq": "0"])
                return try await $0.append("x", ["Producer-Id": "p", "Producer-Epoch": "0", "Producer-Seq": "0"])
            },
            Kind("encoded body", 415) { try await $0.append("x", ["Content-Encoding": "gzip"]) },
            Kind("other method", 405) { try await $0.send("PATCH") },
            Kind("long path", 414) { stream in
                let name = String(repeating: "a", count: 2_000)
                return try await TestStream(endpoint: stream.endpoint, name: name, contentType: nil).read()
            },
        ] + (Transport.current.answersWhatIsNoRequest ? [malformedRequest] : [])

        static let malformedRequest = Kind("malformed request", 400) { stream in
            let connection = try await Connection(to: stream.endpoint)
            try await connection.send("complete nonsense\r\n\r\n")
            return try await connection.receiveFinalResponse()
        }

        static let requestHeaders: Set<String> = [
            "content-type", "authorization", "if-none-match", "stream-ttl", "stream-expires-at", "stream-closed",
            "stream-forked-from", "stream-fork-offset", "stream-fork-sub-offset", "stream-seq", "producer-id",
            "producer-epoch", "producer-seq",
        ]
        static let responseHeaders: Set<String> = [
            "stream-next-offset", "stream-up-to-date", "stream-closed", "stream-cursor", "stream-ttl",
            "stream-expires-at", "stream-sse-data-encoding", "producer-epoch", "producer-seq",
            "producer-expected-seq", "producer-received-seq", "retry-after", "etag", "location", "content-type",
            "content-encoding", "vary",
        ]

        @Test(arguments: successes + errors)
        func `Security and cross-origin headers are on every response`(kind: Kind) async throws {
            let response = try await kind.provoke(TestStream.create(body: "content"))
            expectStatus(response, kind.status)
            expectHeader(response, "X-Content-Type-Options", "nosniff")
            expectHeader(response, "Cross-Origin-Resource-Policy", "cross-origin")
            expectHeader(response, "Access-Control-Allow-Origin", "*")
            expectHeader(response, "Access-Control-Allow-Methods", "GET, POST, PUT, DELETE, HEAD, OPTIONS")
            expectHeader(response, "Access-Control-Max-Age", "86400")
            let allowed = response.headers.members("Access-Control-Allow-Headers")
            #expect(Self.requestHeaders.subtracting(allowed) == [], "\(response)")
            let exposed = response.headers.members("Access-Control-Expose-Headers")
            #expect(Self.responseHeaders.subtracting(exposed) == [], "\(response)")
        }

        @Test(arguments: errors)
        func `An error has a short plain text that says what is wrong, and is not stored`(kind: Kind) async throws {
            let response = try await kind.provoke(TestStream.create(body: "content"))
            expectStatus(response, kind.status)
            expectHeader(response, "Cache-Control", "no-store")
            // HEAD has no body, and reserved paths have one in JSON.
            if kind.testDescription.contains("head of") || kind.testDescription.contains("reserved") { return }
            #expect(response.headers["Content-Type"]?.hasPrefix("text/plain") == true, "\(response)")
            #expect((3...512).contains(response.body.count), "\(response)")
        }

        @Test(
            arguments: ["/v1/stream/", "/v1/stream/__ds/x", "/v1/stream/a/b"]
                + (Transport.current.ownsEveryPath ? ["/", "/elsewhere"] : []))
        func `OPTIONS anywhere is 204`(target: String) async throws {
            let connection = try await Connection(to: .current)
            let preflight: HeaderList = [
                "Origin": "https://example.com", "Access-Control-Request-Method": "PUT",
                "Access-Control-Request-Headers": "stream-ttl",
            ]
            let response = try await connection.exchange(Request("OPTIONS", target, preflight))
            expectStatus(response, 204)
            #expect(response.body.isEmpty)
            expectHeader(response, "Access-Control-Allow-Origin", "*")
        }

        @Test(arguments: ["PATCH", "TRACE", "PROPFIND", "LOCK", "REPORT"])
        func `Any other method is 405 and says what is allowed`(method: String) async throws {
            let stream = try await TestStream.create(body: "content")
            let response = try await stream.send(method)
            expectStatus(response, 405)
            #expect(response.headers.members("Allow") == ["get", "post", "put", "delete", "head", "options"])
            #expect(try await stream.read().text == "content")
        }

        @Test func `No error echoes request bytes unescaped`() async throws {
            let script = "<script>alert(1)</script>"
            let stream = try await TestStream.create("application/json", body: "1")
            let other = TestStream(endpoint: stream.endpoint, name: script + "/..", contentType: script)
            let responses = [
                try await stream.read("offset=\(script)"),
                try await stream.read("offset=-1&live=\(script)"),
                try await stream.append(.text(script)),
                try await stream.post("1", ["Content-Type": "text/\(script)"]),
                try await stream.append("1", ["Stream-Seq": script, "stream-seq": script]),
                try await stream.append("1", ["Producer-Id": script, "Producer-Epoch": script, "Producer-Seq": script]),
                try await stream.append("1", ["Content-Encoding": script]),
                try await TestStream.unused().put(["Stream-TTL": script]),
                try await TestStream.unused().put(["Stream-Expires-At": script]),
                try await other.read(), try await other.put(),
            ]
            for response in responses {
                #expect((400..<500).contains(response.status), "\(response)")
                #expect(!response.text.contains("<script"), "\(response)")
                for field in response.head.headers.fields {
                    #expect(!field.value.contains("<script"), "\(response)")
                }
            }
        }

        @Test(arguments: [
            "Content-Type", "Stream-TTL", "Stream-Expires-At", "Stream-Closed", "Stream-Seq", "Producer-Id",
            "Producer-Epoch", "Producer-Seq", "Stream-Forked-From", "Stream-Fork-Offset", "Stream-Fork-Sub-Offset",
        ])
        func `A request header of the protocol that occurs twice is 400`(name: String) async throws {
            let values = [
                "Content-Type": "text/plain", "Stream-TTL": "60", "Stream-Expires-At": "2099-01-01T00:00:00Z",
                "Stream-Closed": "true", "Stream-Forked-From": "/v1/stream/a",
            ]
            let value = values[name] ?? "0"
            let twice: HeaderList = [name: value, name.lowercased(): value]
            let producer = ["Producer-Id", "Producer-Epoch", "Producer-Seq"]
            if name != "Stream-Seq", !producer.contains(name) {
                let stream = try TestStream.unused(nil)
                expectStatus(try await stream.put(twice), 400)
                expectStatus(try await stream.head(), 404)
            }
            if (producer + ["Content-Type", "Stream-Closed", "Stream-Seq"]).contains(name) {
                let stream = try await TestStream.create()
                var headers = twice
                for other in producer where producer.contains(name) && other != name { headers.append(other, "0") }
                if name != "Content-Type" { headers.append("Content-Type", "text/plain") }
                expectStatus(try await stream.post("x", headers), 400)
                #expect(try await stream.read().text == "")
                expectHeader(try await stream.head(), "Stream-Closed", nil)
            }
        }

        @Test(arguments: ["gzip", "deflate", "br", "zstd", "gzip, identity", "x"])
        func `A body with a content coding is 415`(coding: String) async throws {
            let stream = try await TestStream.create()
            expectStatus(try await stream.append("x", ["Content-Encoding": coding]), 415)
            #expect(try await stream.read().text == "")
            let uncreated = try TestStream.unused()
            expectStatus(try await uncreated.put(["Content-Encoding": coding], body: "x"), 415)
            expectStatus(try await uncreated.head(), 404)
        }

        @Test func `The identity coding is no coding`() async throws {
            let stream = try await TestStream.create("text/plain", ["Content-Encoding": "identity"], body: "a")
            try await stream.appendSuccessfully("b", ["Content-Encoding": "identity"])
            #expect(try await stream.read().text == "ab")
        }

        @Test func `A missing stream is 404 even if the request is malformed in other ways`() async throws {
            let missing = try TestStream.unused()
            let responses = [
                try await missing.read("offset=x"), try await missing.read("offset=-1&offset=-1"),
                try await missing.read("live=long-poll"), try await missing.read("live=sse"),
                try await missing.read("offset=-1&live=x"), try await missing.read("offset=-1&live=sse"),
                try await missing.longPoll("now"),
                try await missing.post(.bytes([])), try await missing.post("x"),
                try await missing.post("{", ["Content-Type": "application/json"]),
                try await missing.append("x", ["Stream-Seq": "1", "stream-seq": "1"]),
                try await missing.append("x", ["Producer-Id": ""]),
                try await missing.append("x", ["Producer-Epoch": "x"]),
                try await missing.append("x", ["Content-Encoding": "gzip"]),
                try await missing.post(.chunked([[0x78]])), try await missing.closeStream(),
                try await missing.head(), try await missing.delete(),
            ]
            for (number, response) in responses.enumerated() {
                expectStatus(response, 404, "request \(number)")
            }
            expectStatus(try await missing.read(), 404)
        }
    }

    /// Section 2: the origin is configurable.
    @Suite(.server(ServerSettings { $0.allowedOrigin = "https://app.example" }), .ownServerOnly)
    struct `A configured origin` {
        @Test func `It is in the header in place of the star`() async throws {
            let stream = try await TestStream.create(body: "x")
            for response in [
                try await stream.read(), try await stream.read("offset=x"), try await stream.send("OPTIONS"),
            ] {
                expectHeader(response, "Access-Control-Allow-Origin", "https://app.example")
            }
        }
    }
}
