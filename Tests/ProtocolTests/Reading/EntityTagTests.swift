import Testing

extension BlackBox {
    /// Section 7.1, `ETag` and `If-None-Match`.
    @Suite struct `Entity tags` {
        @Test func `A tag is strong and stays while nothing changes`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let tag = try #require(try await stream.read().entityTag)
            #expect(tag.hasPrefix("\"") && tag.hasSuffix("\"") && tag.count > 2)
            #expect(!tag.dropFirst().dropLast().contains { $0 == "\"" || $0 == " " || $0 == "," })
            #expect(try await stream.read("offset=-1").entityTag == tag)
            #expect(try await stream.read("offset=\(TestStream.start)").entityTag == tag)
        }

        @Test func `A tag differs by stream, incarnation, start, end, closing and coding`() async throws {
            let content = compressibleText(2_000)
            var tags: [String] = []
            let add: (Response) throws -> Void = { response in
                tags.append(try #require(response.entityTag, "\(response)"))
            }
            let stream = try await TestStream.create(body: .text(content))
            let middle = try await stream.tail()
            try add(try await stream.read())
            try add(try await stream.read("", ["Accept-Encoding": "gzip"]))
            try add(try await stream.read("", ["Accept-Encoding": "deflate"]))
            try add(try await stream.read("offset=\(middle)"))
            try add(try await stream.read("offset=0000000000000000_0000000000000001"))
            try await stream.appendSuccessfully(.text(content))
            try add(try await stream.read())
            try add(try await stream.read("offset=\(middle)"))
            _ = try await stream.closeStream()
            try add(try await stream.read())
            try add(try await stream.read("", ["Accept-Encoding": "gzip"]))
            try add(try await stream.read("offset=\(middle)"))
            try add(try await stream.read("offset=\(try await stream.tail())"))
            _ = try await stream.delete()
            _ = try await stream.put(body: .text(content))
            try add(try await stream.read())
            try add(try await stream.read("offset=\(middle)"))
            let other = try await TestStream.create(body: .text(content))
            try add(try await other.read())
            #expect(Set(tags).count == tags.count, "\(tags)")
        }

        /// How a request may spell the tag, `T` standing for it, and whether it matches.
        static let spellings: [(String, Bool)] = [
            ("T", true), ("W/T", true), ("*", true), ("\"other\", T", true), ("T, \"other\"", true),
            ("\"a\",W/T,\"b\"", true), ("  T  ", true), (",, T ,", true), ("\"a,b\", T", true), ("\"other\"", false),
            ("W/\"other\"", false), ("\"a\", \"b\"", false), ("\"\"", false), ("\"*\"", false), ("", false),
        ]

        @Test(arguments: spellings)
        func `A matching condition is 304 with the headers of a 200`(spelling: String, matches: Bool) async throws {
            let stream = try await TestStream.create(body: "abc")
            let plain = try await stream.read()
            let tag = try #require(plain.entityTag)
            let connection = try await Connection(to: stream.endpoint)
            let condition: HeaderList = ["If-None-Match": spelling.replacing("T", with: tag)]
            // Twice on one connection: a body would be taken for the second response.
            for _ in 0..<2 {
                let response = try await connection.exchange(stream.request("GET", condition))
                expectStatus(response, matches ? 304 : 200)
                for name in ["ETag", "Stream-Next-Offset", "Stream-Up-To-Date", "Cache-Control", "Vary"] {
                    expectHeader(response, name, plain.headers[name])
                }
                expectHeader(response, "Stream-Closed", nil)
                #expect(response.text == (matches ? "" : "abc"))
            }
        }

        @Test func `An append and a close each make the condition fail`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let first = try await stream.read()
            try await stream.appendSuccessfully("d")
            let second = try await stream.read("", ["If-None-Match": first.entityTag ?? ""])
            expectStatus(second, 200)
            _ = try await stream.closeStream()
            let third = try await stream.read("", ["If-None-Match": second.entityTag ?? ""])
            expectStatus(third, 200)
            let fourth = try await stream.read("", ["If-None-Match": third.entityTag ?? ""])
            expectStatus(fourth, 304)
            expectHeader(fourth, "Stream-Closed", "true")
        }

        @Test func `The tag of one coding does not match another`() async throws {
            let stream = try await TestStream.create(body: .text(compressibleText(2_000)))
            let compressed = try await stream.read("", ["Accept-Encoding": "gzip"])
            let tag = try #require(compressed.entityTag)
            expectStatus(try await stream.read("", ["If-None-Match": tag]), 200)
            let same = try await stream.read("", ["If-None-Match": tag, "Accept-Encoding": "gzip"])
            expectStatus(same, 304)
            #expect(same.headers.members("Vary").contains("accept-encoding"))
        }

        @Test func `Only catch-up reads are conditional`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let tag = try #require(try await stream.read().entityTag)
            for value in [tag, "*"] {
                expectStatus(try await stream.longPoll("-1", ["If-None-Match": value]), 200)
                expectStatus(try await stream.read("offset=now", ["If-None-Match": value]), 200)
                expectStatus(try await stream.append("x", ["If-None-Match": value]), 204)
                let source = try await stream.events("-1", ["If-None-Match": value])
                #expect(source.head.status == 200)
                await source.close()
            }
        }
    }
}
