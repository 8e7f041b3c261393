import Testing

extension BlackBox {
    /// Section 3.
    @Suite struct `Creating a stream` {
        @Test(arguments: [nil, "", " ", "text", "/", "text/", "/plain", ";", "; charset=utf-8"] as [String?])
        func `A type that is absent, empty or not of the form is an octet stream`(type: String?) async throws {
            let stream = try await TestStream.create(type)
            expectHeader(try await stream.head(), "Content-Type", "application/octet-stream")
            expectHeader(try await stream.read(), "Content-Type", "application/octet-stream")
        }

        @Test(arguments: [
            "text/plain", "Text/PLAIN", "text/plain; charset=utf-8", "Text/Plain;Charset=\"UTF-8\"; a=b",
            "application/vnd.api+json", "application/json;  profile=\"x, y\"", "image/svg+xml",
        ])
        func `The type comes back as it was given, parameters and case included`(type: String) async throws {
            let stream = try TestStream.unused(type)
            let created = try await stream.put()
            expectStatus(created, 201)
            for response in [created, try await stream.put(), try await stream.head(), try await stream.read()] {
                expectHeader(response, "Content-Type", type)
            }
        }

        @Test func `A new stream is 201 with its location, type and start`() async throws {
            let stream = try TestStream.unused("text/plain")
            let response = try await stream.put()
            expectStatus(response, 201)
            expectHeader(response, "Location", "http://\(stream.endpoint.authority)\(stream.target)")
            expectHeader(response, "Content-Type", "text/plain")
            expectHeader(response, "Stream-Next-Offset", TestStream.start)
            expectHeader(response, "Stream-Closed", nil)
            #expect(try await stream.read().text == "")
        }

        @Test func `The same again is 200 with the same headers, without location and without effect`() async throws {
            let stream = try TestStream.unused("text/plain")
            let first = try await stream.put(body: "content")
            expectStatus(first, 201)
            for body in [RequestBody.none, "content", "more", .chunked([Array("more".utf8)])] {
                let second = try await stream.put(body: body)
                expectStatus(second, 200)
                expectHeader(second, "Location", nil)
                expectHeader(second, "Content-Type", "text/plain")
                expectHeader(second, "Stream-Next-Offset", first.nextOffset)
                expectHeader(second, "Stream-Closed", nil)
            }
            #expect(try await stream.read().text == "content")
        }

        @Test func `The answer to the same again has the tail of now`() async throws {
            let stream = try await TestStream.create()
            let tail = try await stream.appendSuccessfully("abc")
            expectHeader(try await stream.put(), "Stream-Next-Offset", tail)
        }

        @Test(arguments: [
            RequestBody.bytes(Array("content".utf8)), .chunked([Array("content".utf8)]),
            .chunked("content".utf8.map { [$0] }),
        ])
        func `A body, announced by length or chunked, is the first content`(body: RequestBody) async throws {
            let stream = try TestStream.unused("text/plain")
            let created = try await stream.put(body: body)
            expectStatus(created, 201)
            let read = try await stream.read()
            #expect(read.text == "content")
            expectHeader(read, "Stream-Next-Offset", created.nextOffset)
            #expect(created.nextOffset != TestStream.start)
        }

        @Test(arguments: [RequestBody.none, .bytes([]), .chunked([])], ["text/plain", "application/json"])
        func `An empty body creates an empty stream`(body: RequestBody, type: String) async throws {
            let stream = try TestStream.unused(type)
            let created = try await stream.put(body: body)
            expectStatus(created, 201)
            expectHeader(created, "Stream-Next-Offset", TestStream.start)
        }

        @Test func `A chunked body of JSON becomes messages`() async throws {
            let chunks = ["[1,", "{\"a\"", ":2}", "]"].map { Array($0.utf8) }
            let stream = try await TestStream.create("application/json", body: .chunked(chunks))
            #expect(try await stream.read().text == "[1,{\"a\":2}]")
        }

        @Test(arguments: ["true", "TRUE", "True", "tRuE"])
        func `Created closed, the body is the whole content`(value: String) async throws {
            let stream = try TestStream.unused("text/plain")
            let created = try await stream.put(["Stream-Closed": value], body: "all")
            expectStatus(created, 201)
            expectHeader(created, "Stream-Closed", "true")
            let read = try await stream.read()
            #expect(read.text == "all")
            expectHeader(read, "Stream-Closed", "true")
            expectHeader(try await stream.head(), "Stream-Closed", "true")
            let refused = try await stream.append("more")
            expectStatus(refused, 409)
            expectHeader(refused, "Stream-Closed", "true")
            expectHeader(try await stream.put(["Stream-Closed": value]), "Stream-Closed", "true")
        }

        @Test func `Created closed without a body, it is empty and final`() async throws {
            let stream = try await TestStream.create("text/plain", ["Stream-Closed": "true"])
            let read = try await stream.read()
            expectStatus(read, 200)
            #expect(read.body.isEmpty)
            expectHeader(read, "Stream-Closed", "true")
            expectHeader(read, "Stream-Next-Offset", TestStream.start)
        }

        @Test(arguments: ["false", "1", "yes", "", "truee", "true true", "t", "on", "\"true\""])
        func `Any other value of the closing header is as if absent`(value: String) async throws {
            let stream = try await TestStream.create("text/plain", ["Stream-Closed": value])
            expectHeader(try await stream.head(), "Stream-Closed", nil)
            expectStatus(try await stream.put(), 200)
            expectStatus(try await stream.append("x", ["Stream-Closed": value]), 204)
            expectStatus(try await stream.append("y"), 204)
            #expect(try await stream.read().text == "xy")
        }

        @Test func `Sequence and producer headers are ignored`() async throws {
            let stream = try await TestStream.create(
                "text/plain",
                ["Stream-Seq": "zzz", "Producer-Id": "p", "Producer-Epoch": "5", "Producer-Seq": "9"],
                body: "a"
            )
            try await stream.appendSuccessfully("b", ["Stream-Seq": "0"])
            let producer: HeaderList = ["Producer-Id": "p", "Producer-Epoch": "0", "Producer-Seq": "0"]
            expectStatus(try await stream.append("c", producer), 200)
            let malformed = try TestStream.unused()
            expectStatus(try await malformed.put(["Producer-Id": "", "Producer-Seq": "x"]), 201)
            #expect(try await stream.read().text == "abc")
        }

        @Test func `Of many that create the same at once, one does`() async throws {
            let stream = try TestStream.unused("text/plain")
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<12 {
                    group.addTask { try await stream.put(body: "once").status }
                }
                return try await group.reduce(into: [Int]()) { $0.append($1) }
            }
            #expect(statuses.sorted() == [Int](repeating: 200, count: 11) + [201])
            #expect(try await stream.read().text == "once")
        }

        @Test(arguments: [
            ["Stream-TTL": "x"], ["Stream-Expires-At": "x"],
            ["Stream-TTL": "1", "Stream-Expires-At": "2099-01-01T00:00:00Z"],
        ] as [HeaderList])
        func `A failed create leaves nothing behind`(headers: HeaderList) async throws {
            let stream = try TestStream.unused()
            expectStatus(try await stream.put(headers, body: "x"), 400)
            expectStatus(try await stream.head(), 404)
            expectStatus(try await stream.put(), 201)
            #expect(try await stream.read().text == "")
        }
    }

    /// Section 3, the second table.
    @Suite struct `Creating what exists` {
        /// Headers of the first and of the second request, and the answer to the second.
        struct Row: Sendable, CustomTestStringConvertible {
            let first: HeaderList
            let second: HeaderList
            let status: Int

            init(_ first: HeaderList, _ second: HeaderList, _ status: Int) {
                self.first = first
                self.second = second
                self.status = status
            }

            var testDescription: String { "[\(first)] then [\(second)] is \(status)" }
        }

        static let rows = [
            Row([:], [:], 200),
            Row(["Content-Type": "text/plain"], ["Content-Type": "text/plain"], 200),
            Row(["Content-Type": "text/plain"], ["Content-Type": "TEXT/Plain"], 200),
            Row(["Content-Type": "text/plain"], ["Content-Type": "text/plain; charset=utf-8"], 200),
            Row(["Content-Type": "text/plain;a=b"], ["Content-Type": "text/plain;a=c"], 200),
            Row(["Content-Type": "text/plain"], ["Content-Type": "text/html"], 409),
            Row(["Content-Type": "application/json-seq"], ["Content-Type": "application/json"], 409),
            Row(["Content-Type": "text/plain"], [:], 409),
            Row([:], ["Content-Type": "text/plain"], 409),
            Row([:], ["Content-Type": "application/octet-stream"], 200),
            Row(["Content-Type": "nonsense"], ["Content-Type": "Application/Octet-Stream"], 200),
            Row(["Stream-TTL": "3600"], ["Stream-TTL": "3600"], 200),
            Row(["Stream-TTL": "3600"], ["Stream-TTL": "3601"], 409),
            Row(["Stream-TTL": "3600"], [:], 409),
            Row([:], ["Stream-TTL": "3600"], 409),
            Row(["Stream-Expires-At": "2099-01-01T00:00:00Z"], ["Stream-Expires-At": "2099-01-01T00:00:00Z"], 200),
            Row(["Stream-Expires-At": "2099-01-01T00:00:00Z"], ["Stream-Expires-At": "2099-01-01T02:00:00+02:00"], 200),
            Row(["Stream-Expires-At": "2099-01-01T00:00:00Z"], ["Stream-Expires-At": "2098-12-31T19:30:00-04:30"], 200),
            Row(["Stream-Expires-At": "2099-01-01T00:00:00.5Z"], ["Stream-Expires-At": "2099-01-01T00:00:00.50Z"], 200),
            Row(["Stream-Expires-At": "2099-01-01T00:00:00Z"], ["Stream-Expires-At": "2099-01-01T00:00:01Z"], 409),
            Row(["Stream-Expires-At": "2099-01-01T00:00:00Z"], ["Stream-Expires-At": "2099-01-01T00:00:00+01:00"], 409),
            Row(["Stream-Expires-At": "2099-01-01T00:00:00Z"], ["Stream-TTL": "3600"], 409),
            Row(["Stream-TTL": "3600"], ["Stream-Expires-At": "2099-01-01T00:00:00Z"], 409),
            Row(["Stream-Expires-At": "2099-01-01T00:00:00Z"], [:], 409),
            Row(["Stream-Closed": "true"], ["Stream-Closed": "TRUE"], 200),
            Row(["Stream-Closed": "true"], [:], 409),
            Row([:], ["Stream-Closed": "true"], 409),
            Row([:], ["Stream-Closed": "false"], 200),
            Row([:], ["Stream-Seq": "5"], 200),
        ]

        @Test(arguments: rows)
        func `The same configuration is 200, another one 409`(row: Row) async throws {
            let stream = try TestStream.unused(nil)
            let first = try await stream.put(row.first, body: "content")
            expectStatus(first, 201)
            let second = try await stream.put(row.second, body: "other")
            expectStatus(second, row.status)
            expectHeader(second, "Location", nil)
            if row.status == 200 {
                expectHeader(second, "Content-Type", first.headers["Content-Type"])
                expectHeader(second, "Stream-Next-Offset", first.nextOffset)
            }
            #expect(try await stream.read().text == "content")
        }

        @Test func `What counts is the closed state that was asked for at creation`() async throws {
            let stream = try await TestStream.create(body: "x")
            _ = try await stream.closeStream()
            let again = try await stream.put()
            expectStatus(again, 200)
            expectHeader(again, "Stream-Closed", "true")
            expectStatus(try await stream.put(["Stream-Closed": "true"]), 409)
        }
    }
}
