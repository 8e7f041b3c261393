import Testing

extension BlackBox {
    /// Section 8: where a fork leaves its source.
    @Suite struct `Divergence of forks` {
        @Test(arguments: ["text/plain", "application/json"])
        func `Without an offset it is the tail of the source`(type: String) async throws {
            let source = try await TestStream.create(type, body: "1")
            try await source.appendSuccessfully("2")
            let tail = try await source.tail()
            let fork = try TestStream.unused(type)
            let created = try await source.fork(to: fork)
            expectStatus(created, 201)
            expectHeader(created, "Stream-Next-Offset", tail)
            expectHeader(created, "Content-Type", type)
            #expect(created.headers["Location"]?.hasSuffix(fork.target) == true, "\(created)")
            #expect(try await fork.text() == (type == "text/plain" ? "12" : "[1,2]"))
            #expect(try await fork.tail() == tail)
        }

        @Test func `In a byte stream it may be every position`() async throws {
            let source = try await TestStream.create("application/octet-stream", body: "0123")
            try await source.appendSuccessfully("456")
            for position in 0...7 {
                let fork = try await source.forked(at: TestStream.offset(position))
                #expect(try await fork.tail() == TestStream.offset(position))
                #expect(try await fork.text() == "0123456".prefix(position))
            }
        }

        @Test func `In JSON it may be every boundary that was handed out, and nothing between them`() async throws {
            let source = try await TestStream.create("application/json")
            var boundaries = [TestStream.start]
            for message in ["{\"a\":1}", "12345", "\"text\""] {
                boundaries.append(try await source.appendSuccessfully(.text(message)))
            }
            let contents = ["[]", "[{\"a\":1}]", "[{\"a\":1},12345]", "[{\"a\":1},12345,\"text\"]"]
            for (boundary, content) in zip(boundaries, contents) {
                let fork = try await source.forked(at: boundary)
                #expect(try await fork.text() == content)
                #expect(try await fork.tail() == boundary)
                expectStatus(try await fork.delete(), 204)
            }
            let tail = try #require(Int(boundaries[3].dropFirst(17)))
            let fork = try TestStream.unused("application/json")
            for position in 0...tail where !boundaries.contains(TestStream.offset(position)) {
                let refused = try await source.fork(to: fork, at: TestStream.offset(position))
                try await expectNoFork(refused, [400], at: fork, "position \(position)")
            }
            try await expectUnheld(source)
        }

        @Test(arguments: ["text/plain", "application/json"])
        func `At the start nothing is inherited`(type: String) async throws {
            let source = try await TestStream.create(type, body: "1")
            let fork = try await source.forked(at: TestStream.start)
            #expect(try await fork.tail() == TestStream.start)
            try await fork.appendSuccessfully("7")
            #expect(try await fork.text() == (type == "text/plain" ? "7" : "[7]"))
        }

        @Test func `A sub-offset counts bytes past the offset`() async throws {
            let source = try await TestStream.create("text/plain", body: "abcd")
            try await source.appendSuccessfully("efgh")
            let rows = [(0, 1, "a"), (0, 3, "abc"), (1, 2, "abc"), (4, 1, "abcde"), (5, 2, "abcdefg"), (0, 4, "abcd")]
            for (position, count, content) in rows {
                let fork = try await source.forked(at: TestStream.offset(position), past: "\(count)", body: "!")
                #expect(try await fork.text() == content + "!")
                #expect(try await fork.tail() == TestStream.offset(content.count + 1))
            }
        }

        @Test func `A sub-offset counts messages in JSON`() async throws {
            let source = try await TestStream.create("application/json", body: "[1,[2],{\"three\":3}]")
            let second = try await source.tail()
            try await source.appendSuccessfully("[4,5]")
            let rows: [(String, Int, String)] = [
                (TestStream.start, 1, "[1,9]"), (TestStream.start, 2, "[1,[2],9]"),
                (TestStream.start, 3, "[1,[2],{\"three\":3},9]"), (second, 1, "[1,[2],{\"three\":3},4,9]"),
                (second, 2, "[1,[2],{\"three\":3},4,5,9]"),
            ]
            for (offset, count, content) in rows {
                let fork = try await source.forked(at: offset, past: "\(count)", body: "9")
                #expect(try await fork.text() == content)
            }
        }

        @Test(arguments: ["text/plain", "application/json"])
        func `A sub-offset of 0 is as if absent`(type: String) async throws {
            let source = try await TestStream.create(type, body: "1")
            let tail = try await source.tail()
            #expect(try await source.forked(past: "0").tail() == tail)
            #expect(try await source.forked(at: tail, past: "0").tail() == tail)
            #expect(try await source.forked(at: TestStream.start, past: "0").tail() == TestStream.start)
            #expect(try await TestStream.create(type).forked(past: "0").tail() == TestStream.start)
        }

        @Test func `A sub-offset past the end of the append that it points into is 400`() async throws {
            let source = try await TestStream.create("text/plain", body: "abcd")
            try await source.appendSuccessfully("efgh")
            let fork = try TestStream.unused("text/plain")
            let greatest = 9_007_199_254_740_991
            for (position, count) in [(0, 5), (0, 8), (1, 4), (3, 2), (4, 5), (7, 2), (8, 1), (0, greatest)] {
                let refused = try await source.fork(to: fork, at: TestStream.offset(position), past: "\(count)")
                try await expectNoFork(refused, [400], at: fork, "\(count) past \(position)")
            }
            try await expectUnheld(source)

            let messages = try await TestStream.create("application/json", body: "[1,2,3]")
            let second = try await messages.tail()
            let tail = try await messages.appendSuccessfully("[4,5]")
            for (offset, count) in [(TestStream.start, 4), (TestStream.start, 5), (second, 3), (tail, 1)] {
                let refused = try await messages.fork(to: fork, at: offset, past: "\(count)")
                try await expectNoFork(refused, [400], at: fork, "\(count) past \(offset)")
            }
            try await expectUnheld(messages)
        }

        @Test func `A sub-offset in an inherited append ends where that append ends`() async throws {
            let source = try await TestStream.create("text/plain", body: "abcd")
            try await source.appendSuccessfully("efgh")
            let middle = try await source.forked(body: "ijkl")
            #expect(try await middle.forked(at: TestStream.offset(4), past: "3").text() == "abcdefg")
            #expect(try await middle.forked(at: TestStream.offset(8), past: "2").text() == "abcdefghij")
            let fork = try TestStream.unused("text/plain")
            let refused = try await middle.fork(to: fork, at: TestStream.offset(4), past: "5")
            try await expectNoFork(refused, [400], at: fork)
            // The divergence cuts the append in two; the fork has only the first part of it.
            let cut = try await source.forked(at: TestStream.offset(2), body: "xyz")
            #expect(try await cut.forked(at: TestStream.start, past: "2").text() == "ab")
            let beyond = try await cut.fork(to: fork, at: TestStream.start, past: "3")
            try await expectNoFork(beyond, [400], at: fork)
        }

        static let malformedCounts = [
            "", "-1", "-0", "+1", "01", "00", "1.0", "1.", ".5", "1e3", "1 2", "1,2", "0x10", "abc", "NaN", "١", "１",
            "1;", "null", "18446744073709551616", "99999999999999999999999999",
        ]

        @Test(arguments: ["text/plain", "application/json"], malformedCounts)
        func `A malformed sub-offset is 400`(type: String, count: String) async throws {
            let source = try await TestStream.create(type, body: "1")
            let fork = try TestStream.unused(type)
            let refused = try await source.fork(to: fork, at: TestStream.start, past: count)
            try await expectNoFork(refused, [400], at: fork, count)
            try await expectUnheld(source)
        }

        @Test(arguments: ["text/plain", "application/json"])
        func `A sub-offset needs an offset, and a source that is not empty`(type: String) async throws {
            let fork = try TestStream.unused(type)
            let source = try await TestStream.create(type, body: "12")
            try await expectNoFork(try await source.fork(to: fork, past: "1"), [400], at: fork)
            try await expectUnheld(source)
            let empty = try await TestStream.create(type)
            for offset in [TestStream.start, nil] {
                let refused = try await empty.fork(to: fork, at: offset, past: "1")
                try await expectNoFork(refused, [400], at: fork)
            }
            try await expectUnheld(empty)
        }

        @Test(arguments: [
            "", "-1", "now", "0", "1", "NOW", "tail", "0000000000000000", "0_0", "0000000000000000_0",
            "0000000000000000_00000000000000000", "000000000000000_0000000000000000",
            "0000000000000000-0000000000000000",
            "+000000000000000_0000000000000000", "0000000000000000_000000000000000a", "%2D1",
            "0000000000000000%5F0000000000000000", "\"0000000000000000_0000000000000000\"", "..", "*",
            "9999999999999999_9999999999999999", "0000000000000000_9999999999999999",
            "0000000000000001_0000000000000000",
            "0000000000000000_0000000000000003",
        ])
        func `An offset that is malformed or beyond the tail is 400`(offset: String) async throws {
            for type in ["text/plain", "application/json"] {
                let source = try await TestStream.create(type, body: type == "text/plain" ? "ab" : "[]")
                let fork = try TestStream.unused(type)
                let refused = try await source.fork(to: fork, at: offset)
                try await expectNoFork(refused, [400], at: fork, offset)
                try await expectUnheld(source)
            }
        }

        @Test func `An offset or a sub-offset without a source is 400`() async throws {
            let stream = try TestStream.unused()
            expectStatus(try await stream.put(["Stream-Fork-Offset": TestStream.start]), 400)
            expectStatus(try await stream.put(["Stream-Fork-Sub-Offset": "1"]), 400)
            expectStatus(
                try await stream.put(["Stream-Fork-Offset": TestStream.start, "Stream-Fork-Sub-Offset": "1"]), 400)
            expectStatus(try await stream.head(), 404)
        }
    }
}
