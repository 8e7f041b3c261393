import Testing

extension BlackBox {
    /// Section 7.1.
    @Suite struct `Catch-up reads` {
        @Test func `A read that reaches the tail says so`() async throws {
            let stream = try await TestStream.create("text/plain; charset=utf-8", body: "abc")
            let response = try await stream.read()
            expectStatus(response, 200)
            #expect(response.text == "abc")
            expectHeader(response, "Content-Type", "text/plain; charset=utf-8")
            expectHeader(response, "Stream-Next-Offset", try await stream.tail())
            expectHeader(response, "Stream-Up-To-Date", "true")
            expectHeader(response, "Stream-Closed", nil)
            expectHeader(response, "Stream-Cursor", nil)
            expectHeader(response, "Cache-Control", "public, max-age=60, stale-while-revalidate=300")
            expectHeader(response, "Content-Length", "3")
            expectHeader(response, "Content-Encoding", nil)
        }

        @Test(arguments: [("text/plain", ""), ("application/octet-stream", ""), ("application/json", "[]")])
        func `At the tail there is an empty body or an empty array`(type: String, empty: String) async throws {
            let stream = try await TestStream.create(type)
            let fresh = try await stream.read()
            expectStatus(fresh, 200)
            #expect(fresh.text == empty)
            expectHeader(fresh, "Stream-Up-To-Date", "true")
            let tail = try await stream.appendSuccessfully("1")
            let response = try await stream.read("offset=\(tail)")
            expectStatus(response, 200)
            #expect(response.text == empty)
            expectHeader(response, "Stream-Next-Offset", tail)
            expectHeader(response, "Stream-Up-To-Date", "true")
            expectHeader(response, "Content-Type", type)
            expectHeader(response, "Content-Length", "\(empty.utf8.count)")
        }

        @Test func `A closed stream shows at its final offset`() async throws {
            let stream = try await TestStream.create(body: "abc")
            _ = try await stream.closeStream()
            for query in ["offset=-1", "offset=\(try await stream.tail())"] {
                let response = try await stream.read(query)
                expectStatus(response, 200)
                expectHeader(response, "Stream-Closed", "true")
                expectHeader(response, "Stream-Up-To-Date", "true")
            }
        }

        @Test(arguments: ["text/plain", "application/json"], [false, true])
        func `Reading now gives the tail and no content`(type: String, isClosed: Bool) async throws {
            let stream = try await TestStream.create(type, body: "1")
            let tail = try await stream.tail()
            if isClosed { _ = try await stream.closeStream() }
            let response = try await stream.read("offset=now")
            expectStatus(response, 200)
            #expect(response.text == (type == "application/json" ? "[]" : ""))
            expectHeader(response, "Content-Type", type)
            expectHeader(response, "Stream-Next-Offset", tail)
            expectHeader(response, "Stream-Up-To-Date", "true")
            expectHeader(response, "Stream-Closed", isClosed ? "true" : nil)
            expectHeader(response, "Cache-Control", "no-store")
            expectHeader(response, "ETag", nil)
        }

        @Test(arguments: ["bytes=0-0", "bytes=1-", "bytes=-1", "bytes=99-", "nonsense"])
        func `Range is ignored`(range: String) async throws {
            let stream = try await TestStream.create(body: "abc")
            let response = try await stream.read("", ["Range": range])
            expectStatus(response, 200)
            #expect(response.text == "abc")
            expectHeader(response, "Content-Range", nil)
        }

        @Test(arguments: ["x", "", "true", "longpoll", "long_poll", "0", "sse,long-poll", "%73%73%65%20"])
        func `An unknown live mode is 400`(mode: String) async throws {
            let stream = try await TestStream.create(body: "abc")
            expectStatus(try await stream.read("offset=-1&live=\(mode)"), 400)
            expectStatus(try await stream.read("live=\(mode)"), 400)
        }

        @Test func `A live mode may be percent-encoded`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let response = try await stream.read("offset=-1&live=long%2Dpoll")
            expectStatus(response, 200)
            #expect(response.headers["Stream-Cursor"] != nil, "\(response)")
        }
    }

    /// Sections 7.1 and 7.5, on a server with small chunks.
    @Suite(.server(ServerSettings { $0.chunkByteCountLimit = 1_000 }), .ownServerOnly)
    struct `Catch-up reads in chunks` {
        @Test func `Only the last chunk is up to date, and only there a closed stream shows`() async throws {
            let stream = try await TestStream.create(body: .text(compressibleText(10_500)))
            _ = try await stream.closeStream()
            let chunks = try await stream.readChunks()
            #expect(chunks.count >= 10)
            for (number, chunk) in chunks.enumerated() {
                let isLast = number == chunks.count - 1
                expectHeader(chunk, "Stream-Up-To-Date", isLast ? "true" : nil)
                expectHeader(chunk, "Stream-Closed", isLast ? "true" : nil)
                expectHeader(chunk, "Cache-Control", "public, max-age=60, stale-while-revalidate=300")
                #expect((1...1_000).contains(chunk.body.count))
            }
            #expect(chunks.flatMap(\.body) == Array(compressibleText(10_500).utf8))
        }

        @Test func `A chunk that does not reach the tail never changes`() async throws {
            let stream = try await TestStream.create(body: .text(compressibleText(1_500)))
            let before = try await stream.read()
            try #require(!before.isUpToDate)
            try await stream.appendSuccessfully("more")
            _ = try await stream.closeStream()
            let after = try await stream.read()
            #expect(after.body == before.body)
            expectHeader(after, "ETag", before.entityTag)
            expectHeader(after, "Stream-Next-Offset", before.nextOffset)
            expectHeader(after, "Stream-Closed", nil)
        }

        @Test func `Appends of any size come back whole through chunks`() async throws {
            var random = SeededGenerator(seed: SeededGenerator.seed)
            let stream = try await TestStream.create("application/octet-stream")
            var expected: [UInt8] = []
            for _ in 0..<40 {
                let bytes = random.bytes(Int.random(in: 1...2_500, using: &random))
                try await stream.appendSuccessfully(.bytes(bytes))
                expected += bytes
            }
            #expect(try await stream.readBytes() == expected)
        }
    }

    /// Section 7.1: `Cache-Control` is configurable.
    @Suite(.server(ServerSettings { $0.cacheIsPrivate = true }), .ownServerOnly)
    struct `Private caches` {
        @Test func `Reads may be kept in private caches only`() async throws {
            let stream = try await TestStream.create(body: "abc")
            for response in [try await stream.read(), try await stream.longPoll("-1")] {
                let members = response.headers.members("Cache-Control")
                #expect(members.contains("private") && !members.contains("public"), "\(response)")
            }
        }
    }
}
