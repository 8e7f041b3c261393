import Testing

extension BlackBox {
    /// Section 8: reading what a fork inherits and what it has itself.
    @Suite struct `Reading forks` {
        @Test func `What is inherited and what is its own come in one response, from every position`() async throws {
            let source = try await TestStream.create("application/octet-stream", body: "abc")
            try await source.appendSuccessfully("def")
            let fork = try await source.forked(at: TestStream.offset(5), body: "12")
            try await fork.appendSuccessfully("34")
            let content = Array("abcde1234".utf8)
            for position in 0...content.count {
                let response = try await fork.read("offset=\(TestStream.offset(position))")
                expectStatus(response, 200)
                #expect(response.body == Array(content[position...]))
                expectHeader(response, "Stream-Next-Offset", TestStream.offset(9))
                expectHeader(response, "Stream-Up-To-Date", "true")
                expectHeader(response, "Content-Length", "\(content.count - position)")
            }
            #expect(try await source.text() == "abcdef")
        }

        @Test func `A chain of three forks comes in one response`() async throws {
            let first = try await TestStream.create("application/json", body: "[1,2]")
            try await first.appendSuccessfully("3")
            let second = try await first.forked(at: TestStream.start, past: "2", body: "[\"b\"]")
            try await second.appendSuccessfully("\"bb\"")
            let third = try await second.forked(body: "{\"c\" : 1}")
            let fourth = try await third.forked(body: "[[null], 1e2]")
            #expect(try await first.text() == "[1,2,3]")
            #expect(try await second.text() == "[1,2,\"b\",\"bb\"]")
            #expect(try await third.text() == "[1,2,\"b\",\"bb\",{\"c\" : 1}]")
            #expect(try await fourth.text() == "[1,2,\"b\",\"bb\",{\"c\" : 1},[null],1e2]")
            // Below its own parent, into what that has from its grandparent.
            let deep = try await fourth.forked(at: TestStream.start, past: "1", body: "0")
            #expect(try await deep.text() == "[1,0]")
        }

        @Test(arguments: ["application/octet-stream", "application/json"])
        func `Below the divergence offsets are equal, and stay valid`(type: String) async throws {
            let source = try await TestStream.create(type)
            var offsets = [TestStream.start]
            for number in 1...6 { offsets.append(try await source.appendSuccessfully(.text("\(number)"))) }
            let fork = try await source.forked(at: offsets[4])
            let own = try await fork.appendSuccessfully("7")
            #expect(own > offsets[4])
            let rest = ["1", "2", "3", "4", "7"]
            for (index, offset) in offsets[...4].enumerated() {
                let text = try await fork.read("offset=\(offset)").text
                let tail = rest[index...]
                #expect(text == (type == "application/json" ? "[\(tail.joined(separator: ","))]" : tail.joined()))
            }
            expectHeader(try await fork.read("offset=now"), "Stream-Next-Offset", own)
            let beyond = try await fork.read("offset=0000000000000000_0000000000009999")
            expectStatus(beyond, 200)
            expectHeader(beyond, "Stream-Next-Offset", own)
        }

        @Test func `Neither sees what the other appends after the divergence`() async throws {
            let source = try await TestStream.create(body: "shared.")
            let first = try await source.forked()
            let second = try await source.forked()
            for number in 0..<5 {
                try await source.appendSuccessfully(.text("s\(number)."))
                try await first.appendSuccessfully(.text("f\(number)."))
                try await second.appendSuccessfully(.text("g\(number)."))
            }
            #expect(try await source.text() == "shared.s0.s1.s2.s3.s4.")
            #expect(try await first.text() == "shared.f0.f1.f2.f3.f4.")
            #expect(try await second.text() == "shared.g0.g1.g2.g3.g4.")
        }

        @Test func `A fork of many appends and a large body comes back byte for byte`() async throws {
            var random = SeededGenerator(seed: SeededGenerator.seed)
            let large = random.bytes(1_500_000)
            let source = try await TestStream.create("application/octet-stream", body: .bytes(large))
            try await source.appendSuccessfully(.bytes(random.bytes(10_000)))
            let own = random.bytes(700_000)
            let fork = try await source.forked(at: TestStream.offset(1_400_001), body: .bytes(own))
            #expect(try await fork.readBytes() == Array(large.prefix(1_400_001)) + own)
            #expect(try await fork.readBytes(from: TestStream.offset(1_400_000)) == [large[1_400_000]] + own)
        }

        @Test(arguments: ["gzip", "deflate"])
        func `A compressed answer across the divergence is the same`(coding: String) async throws {
            let source = try await TestStream.create(body: .text(compressibleText(5_000)))
            let fork = try await source.forked(at: TestStream.offset(3_000), body: .text(compressibleText(4_000)))
            let response = try await fork.read("", ["Accept-Encoding": coding])
            expectHeader(response, "Content-Encoding", coding)
            let plain = try await fork.text()
            #expect(plain == compressibleText(3_000) + compressibleText(4_000))
            #expect(response.entityTag != nil)
            #expect(response.entityTag != (try await fork.read()).entityTag)
        }

        @Test func `Entity tags of the same range differ between a source and its forks`() async throws {
            let source = try await TestStream.create(body: "abc")
            let streams = [source, try await source.forked(), try await source.forked(), try await source.forked()]
            var tags: [String] = []
            for stream in streams { tags.append(try #require(try await stream.read().entityTag)) }
            #expect(Set(tags).count == streams.count)
            for (index, stream) in streams.enumerated() {
                for (other, tag) in tags.enumerated() {
                    expectStatus(try await stream.read("", ["If-None-Match": tag]), index == other ? 304 : 200)
                }
            }
        }

        @Test func `The condition on a fork fails after its own append and close, not after those of its source`()
            async throws
        {
            let source = try await TestStream.create(body: "abc")
            let fork = try await source.forked()
            var tag = try #require(try await fork.read().entityTag)
            try await source.appendSuccessfully("d")
            _ = try await source.closeStream()
            expectStatus(try await fork.read("", ["If-None-Match": tag]), 304)
            try await fork.appendSuccessfully("x")
            let changed = try await fork.read("", ["If-None-Match": tag])
            expectStatus(changed, 200)
            tag = try #require(changed.entityTag)
            _ = try await fork.closeStream()
            let closed = try await fork.read("", ["If-None-Match": tag])
            expectStatus(closed, 200)
            expectHeader(closed, "Stream-Closed", "true")
        }

        @Test func `No response has a header about forks`() async throws {
            let source = try await TestStream.create(body: "abc")
            let fork = try TestStream.unused("text/plain")
            let events = { (stream: TestStream) in
                let source = try await stream.events("-1")
                await source.close()
                return source.head.headers
            }
            var headers: [HeaderList] = [
                try await source.fork(to: fork, at: TestStream.offset(2)).headers,
                try await source.fork(to: fork, at: TestStream.offset(2)).headers,
                try await source.fork(to: fork, at: TestStream.offset(3)).headers,
                try await source.fork(to: try TestStream.unused(), at: "x").headers,
            ]
            for stream in [source, fork] {
                headers += [
                    try await stream.head().headers, try await stream.read().headers, try await events(stream),
                    try await stream.longPoll("-1").headers, try await stream.longPoll("now").headers,
                    try await stream.append("x").headers, try await stream.read("offset=bad").headers,
                    try await stream.delete().headers, try await stream.head().headers,
                ]
            }
            for list in headers {
                #expect(!list.fields.contains { $0.name.lowercased().contains("fork") }, "\(list)")
            }
        }
    }

    /// Section 8, with chunks that begin and end on both sides of the divergence.
    @Suite(.server(ServerSettings { $0.chunkByteCountLimit = 1_000 }), .ownServerOnly)
    struct `Reading forks in chunks` {
        @Test(arguments: [1, 999, 1_000, 1_001, 2_500, 3_999])
        func `Chunks go on across the divergence`(divergence: Int) async throws {
            var random = SeededGenerator(seed: SeededGenerator.seed)
            let inherited = random.bytes(4_000)
            let own = random.bytes(3_000)
            let source = try await TestStream.create("application/octet-stream", body: .bytes(inherited))
            let first = RequestBody.bytes(Array(own.prefix(1_500)))
            let fork = try await source.forked(at: TestStream.offset(divergence), body: first)
            try await fork.appendSuccessfully(.bytes(Array(own.dropFirst(1_500))))
            let chunks = try await fork.readChunks()
            #expect(chunks.flatMap(\.body) == Array(inherited.prefix(divergence)) + own)
            for chunk in chunks.dropLast() {
                #expect(chunk.body.count <= 1_000)
                expectHeader(chunk, "Stream-Up-To-Date", nil)
            }
        }

        @Test func `Messages of both sides are whole`() async throws {
            let source = try await TestStream.create("application/json")
            var expected: [String] = []
            for number in 0..<20 {
                let message = "\"\(number)" + String(repeating: "x", count: number * 37) + "\""
                expected.append(message)
                try await source.appendSuccessfully(.text(message))
            }
            let fork = try await source.forked()
            for number in 20..<40 {
                let message = "\"\(number)" + String(repeating: "y", count: number * 11) + "\""
                expected.append(message)
                try await fork.appendSuccessfully(.text(message))
            }
            let messages = try await fork.readMessages().map { String(decoding: $0, as: UTF8.self) }
            #expect(messages == expected)
        }
    }
}
