import Testing

extension BlackBox {
    /// Section 8: what a fork has from its source, and what it has not.
    @Suite struct `What forks inherit` {
        @Test(arguments: ["text/plain", "application/json"])
        func `A fork of a closed stream is open`(type: String) async throws {
            let source = try await TestStream.create(type, ["Stream-Closed": "true"], body: "1")
            let fork = try TestStream.unused(type)
            let created = try await source.fork(to: fork)
            expectStatus(created, 201)
            expectHeader(created, "Stream-Closed", nil)
            for response in [try await fork.head(), try await fork.read(), try await fork.longPoll("now")] {
                expectHeader(response, "Stream-Closed", nil)
            }
            try await fork.appendSuccessfully("2")
            #expect(try await fork.text() == (type == "text/plain" ? "12" : "[1,2]"))
            expectStatus(try await source.append("3"), 409)
            expectStatus(try await fork.closeStream(), 204)
            expectHeader(try await fork.read(), "Stream-Closed", "true")
        }

        @Test func `Closing the source does not close its forks, nor the other way`() async throws {
            let source = try await TestStream.create(body: "a")
            let fork = try await source.forked()
            expectStatus(try await source.closeStream(), 204)
            expectHeader(try await fork.read(), "Stream-Closed", nil)
            try await fork.appendSuccessfully("b")

            let open = try await TestStream.create(body: "a")
            let closed = try await open.forked()
            expectStatus(try await closed.closeStream(), 204)
            try await open.appendSuccessfully("b")
            expectHeader(try await open.read(), "Stream-Closed", nil)
        }

        @Test func `The state of producers is not inherited`() async throws {
            let producer = { `Idempotent producers`.producer($0, $1) }
            let source = try await TestStream.create()
            for sequence in 0..<3 { expectStatus(try await source.append("x", producer(4, sequence)), 200) }
            let fork = try await source.forked()
            let gap = try await fork.append("y", producer(4, 3))
            expectStatus(gap, 409)
            expectHeader(gap, "Producer-Expected-Seq", "0")
            expectStatus(try await fork.append("y", producer(0, 0)), 200)
            expectStatus(try await fork.append("y", producer(0, 0)), 204)
            expectStatus(try await source.append("x", producer(4, 3)), 200)
            #expect(try await fork.text() == "xxxy")
            #expect(try await source.text() == "xxxx")
        }

        @Test func `The closing request of the source closes a fork anew`() async throws {
            let closing = `Idempotent producers`.producer(0, 0) + ["Stream-Closed": "true"]
            let source = try await TestStream.create()
            expectStatus(try await source.append("last", closing), 200)
            let fork = try await source.forked()
            let closed = try await fork.append("own", closing)
            expectStatus(closed, 200)
            expectHeader(closed, "Stream-Closed", "true")
            #expect(try await fork.text() == "lastown")
        }

        @Test func `The last sequence is not inherited`() async throws {
            let source = try await TestStream.create()
            try await source.appendSuccessfully("a", ["Stream-Seq": "9"])
            let fork = try await source.forked()
            try await fork.appendSuccessfully("b", ["Stream-Seq": "1"])
            expectStatus(try await fork.append("c", ["Stream-Seq": "1"]), 409)
            #expect(try await fork.text() == "ab")
        }

        @Test(arguments: [RequestBody.bytes(Array("own".utf8)), .chunked([Array("o".utf8), Array("wn".utf8)])])
        func `A body is the first append of the fork`(body: RequestBody) async throws {
            let source = try await TestStream.create(body: "inherited,")
            let fork = try TestStream.unused("text/plain")
            let created = try await source.fork(to: fork, body: body)
            expectStatus(created, 201)
            expectHeader(created, "Stream-Next-Offset", TestStream.offset(13))
            #expect(try await fork.text() == "inherited,own")
            #expect(try await source.text() == "inherited,")
        }

        @Test func `A body in JSON is messages, and one that is not valid leaves nothing`() async throws {
            let source = try await TestStream.create("application/json", body: "1")
            #expect(try await source.forked(body: "[2,[3]]").text() == "[1,2,[3]]")
            #expect(try await source.forked(body: " [ ] ").text() == "[1]")
            let held = try await TestStream.create("application/json", body: "1")
            let fork = try TestStream.unused("application/json")
            for body in ["{", "[1,", "1 2", "nul", "\u{feff}1"] {
                let refused = try await held.fork(to: fork, body: .text(body))
                try await expectNoFork(refused, [400], at: fork, body)
            }
            try await expectUnheld(held)
        }

        @Test func `Closing on the request itself creates the fork closed`() async throws {
            let source = try await TestStream.create(body: "abc")
            for (body, content) in [(RequestBody.none, "abc"), ("d", "abcd")] {
                let fork = try TestStream.unused("text/plain")
                let created = try await source.fork(to: fork, ["Stream-Closed": "TRUE"], body: body)
                expectStatus(created, 201)
                expectHeader(created, "Stream-Closed", "true")
                let read = try await fork.read()
                #expect(read.text == content)
                expectHeader(read, "Stream-Closed", "true")
                let tail = try await fork.longPoll("now")
                expectStatus(tail, 204)
                expectHeader(tail, "Stream-Closed", "true")
                expectStatus(try await fork.append("x"), 409)
            }
            try await source.appendSuccessfully("open")
            let open = try await source.forked(["Stream-Closed": "false"])
            try await open.appendSuccessfully("x")
        }

        @Test(arguments: [nil, "", "text", "/", ";"] as [String?])
        func `A type that is not given is that of the source, as it was given there`(type: String?) async throws {
            let source = try await TestStream.create("Text/HTML; Charset=\"UTF-8\"", body: "a")
            let fork = try TestStream.unused(nil)
            var headers: HeaderList = [:]
            if let type { headers.append("Content-Type", type) }
            let created = try await source.fork(to: fork, headers, body: "b")
            expectStatus(created, 201)
            expectHeader(created, "Content-Type", "Text/HTML; Charset=\"UTF-8\"")
            expectHeader(try await fork.read(), "Content-Type", "Text/HTML; Charset=\"UTF-8\"")
            expectStatus(try await fork.post("c", ["Content-Type": "text/html"]), 204)
            #expect(try await fork.text() == "abc")
        }

        @Test func `A type that is given must be that of the source, without case and parameters`() async throws {
            let source = try await TestStream.create("application/json; a=b", body: "1")
            for type in ["application/json", "APPLICATION/JSON", "application/json;x=y"] {
                let fork = try await source.forked(["Content-Type": type], body: "2")
                #expect(try await fork.text() == "[1,2]")
            }
            let held = try await TestStream.create("application/json", body: "1")
            let fork = try TestStream.unused()
            for type in ["text/plain", "application/json-seq", "application/octet-stream", "application/ld+json"] {
                let refused = try await held.fork(to: fork, ["Content-Type": type])
                try await expectNoFork(refused, [409], at: fork, type)
            }
            try await expectUnheld(held)
        }

        static let lifetimes: [HeaderList] = [
            ["Stream-TTL": "3600"], ["Stream-Expires-At": "2099-06-30T23:59:59.5+02:00"], [:],
        ]

        @Test(arguments: lifetimes)
        func `A lifetime is inherited as it was requested`(source headers: HeaderList) async throws {
            let source = try await TestStream.create("text/plain", headers, body: "a")
            let fork = try await source.forked()
            let second = try await fork.forked()
            for stream in [fork, second] {
                let head = try await stream.head()
                for name in ["Stream-TTL", "Stream-Expires-At"] { expectHeader(head, name, headers[name]) }
            }
        }

        @Test(
            arguments: lifetimes,
            [["Stream-TTL": "777"], ["Stream-Expires-At": "2098-01-01T00:00:00Z"]] as [HeaderList])
        func `A lifetime of the request is in place of that of the source`(
            source: HeaderList, fork own: HeaderList
        ) async throws {
            let source = try await TestStream.create("text/plain", source, body: "a")
            let fork = try await source.forked(own)
            let head = try await fork.head()
            for name in ["Stream-TTL", "Stream-Expires-At"] { expectHeader(head, name, own[name]) }
        }

        @Test(arguments: [
            ["Stream-TTL": "-1"], ["Stream-TTL": "01"], ["Stream-Expires-At": "tomorrow"],
            ["Stream-TTL": "60", "Stream-Expires-At": "2099-01-01T00:00:00Z"],
        ] as [HeaderList])
        func `A malformed lifetime is 400 and leaves nothing`(headers: HeaderList) async throws {
            let source = try await TestStream.create(body: "a")
            let fork = try TestStream.unused()
            try await expectNoFork(try await source.fork(to: fork, headers), [400], at: fork)
            try await expectUnheld(source)
        }
    }
}
