import Testing

extension BlackBox {
    /// Section 8: the same fork again, and other things at its URL.
    @Suite struct `Forking to what exists` {
        /// How a fork was created from a source of 8 bytes in two appends, and what the same URL is asked for then.
        struct Row: Sendable, CustomTestStringConvertible {
            let testDescription: String
            var created: HeaderList = [:]
            var again: HeaderList = [:]
            let status: Int
        }

        private static let middle = TestStream.offset(4)

        static let rows = [
            Row(testDescription: "the same without an offset", status: 200),
            Row(
                testDescription: "the same offset", created: ["Stream-Fork-Offset": middle],
                again: ["Stream-Fork-Offset": middle], status: 200),
            Row(testDescription: "an omitted offset matches", created: ["Stream-Fork-Offset": middle], status: 200),
            Row(
                testDescription: "an offset equal to the tail that it was",
                again: ["Stream-Fork-Offset": TestStream.offset(8)], status: 200),
            Row(
                testDescription: "another offset", created: ["Stream-Fork-Offset": middle],
                again: ["Stream-Fork-Offset": TestStream.offset(5)], status: 409),
            Row(
                testDescription: "an offset below the tail that it was",
                again: ["Stream-Fork-Offset": middle], status: 409),
            Row(
                testDescription: "sub-offset 0 in place of none", created: ["Stream-Fork-Offset": middle],
                again: ["Stream-Fork-Offset": middle, "Stream-Fork-Sub-Offset": "0"], status: 200),
            Row(
                testDescription: "none in place of sub-offset 0",
                created: ["Stream-Fork-Offset": middle, "Stream-Fork-Sub-Offset": "0"],
                again: ["Stream-Fork-Offset": middle], status: 200),
            Row(
                testDescription: "the same sub-offset",
                created: ["Stream-Fork-Offset": middle, "Stream-Fork-Sub-Offset": "2"],
                again: ["Stream-Fork-Offset": middle, "Stream-Fork-Sub-Offset": "2"], status: 200),
            Row(
                testDescription: "another sub-offset",
                created: ["Stream-Fork-Offset": middle, "Stream-Fork-Sub-Offset": "2"],
                again: ["Stream-Fork-Offset": middle, "Stream-Fork-Sub-Offset": "3"], status: 409),
            Row(
                testDescription: "the same TTL", created: ["Stream-TTL": "60"], again: ["Stream-TTL": "60"],
                status: 200),
            Row(
                testDescription: "another TTL", created: ["Stream-TTL": "60"], again: ["Stream-TTL": "61"],
                status: 409),
            Row(
                testDescription: "the same instant in another spelling",
                created: ["Stream-Expires-At": "2099-01-01T00:00:00Z"],
                again: ["Stream-Expires-At": "2099-01-01T02:00:00+02:00"], status: 200),
            Row(testDescription: "a lifetime where there was none", again: ["Stream-TTL": "60"], status: 409),
            Row(
                testDescription: "both closed", created: ["Stream-Closed": "true"], again: ["Stream-Closed": "true"],
                status: 200),
            Row(testDescription: "closed in place of open", again: ["Stream-Closed": "true"], status: 409),
            Row(testDescription: "open in place of closed", created: ["Stream-Closed": "true"], status: 409),
            Row(testDescription: "the type of the source", again: ["Content-Type": "TEXT/plain;a=b"], status: 200),
            Row(testDescription: "another type", again: ["Content-Type": "image/png"], status: 409),
        ]

        @Test(arguments: rows)
        func `The same configuration is 200, another one 409`(row: Row) async throws {
            let source = try await TestStream.create(body: "abcd")
            try await source.appendSuccessfully("efgh")
            let fork = try TestStream.unused("text/plain")
            let created = try await source.fork(to: fork, row.created)
            try #require(created.status == 201, "\(created)")
            let tail = try await fork.tail()
            // What the source does meanwhile does not matter.
            try await source.appendSuccessfully("ijkl")
            let again = try await source.fork(to: fork, row.again, body: "ignored")
            expectStatus(again, row.status)
            if row.status == 200 {
                expectHeader(again, "Stream-Next-Offset", tail)
                expectHeader(again, "Location", nil)
                expectHeader(again, "Content-Type", "text/plain")
                expectHeader(again, "Stream-Closed", row.created["Stream-Closed"])
            }
            #expect(try await fork.tail() == tail)
        }

        @Test func `The same again is 200 with the tail of now, also after the source was closed`() async throws {
            let source = try await TestStream.create(body: "a")
            let fork = try await source.forked()
            let tail = try await fork.appendSuccessfully("b")
            _ = try await source.closeStream()
            let again = try await source.fork(to: fork)
            expectStatus(again, 200)
            expectHeader(again, "Stream-Next-Offset", tail)
        }

        @Test func `With an inherited lifetime the same again is 200`() async throws {
            let source = try await TestStream.create("text/plain", ["Stream-TTL": "3600"], body: "a")
            let fork = try await source.forked()
            expectStatus(try await source.fork(to: fork), 200)
            expectStatus(try await source.fork(to: fork, ["Stream-TTL": "60"]), 409)
        }

        @Test func `Another source is 409, and so are a stream for a fork and a fork for a stream`() async throws {
            let source = try await TestStream.create(body: "a")
            let other = try await TestStream.create(body: "a")
            let fork = try await source.forked(body: "b")
            expectStatus(try await other.fork(to: fork), 409)
            expectStatus(try await fork.put(), 409)
            #expect(try await fork.text() == "ab")
            expectStatus(try await source.fork(to: other), 409)
            expectStatus(try await source.fork(to: source), 409)
            #expect(try await source.text() == "a")
            // None of the refused ones holds a source.
            try await expectUnheld(other)
            expectStatus(try await fork.delete(), 204)
            try await expectUnheld(source)
        }

        @Test func `Repeating a fork holds the source only once`() async throws {
            let source = try await TestStream.create(body: "a")
            let fork = try await source.forked()
            for _ in 0..<3 { expectStatus(try await source.fork(to: fork), 200) }
            expectStatus(try await fork.delete(), 204)
            try await expectUnheld(source)
        }

        @Test func `Of many that fork to the same URL at once, one does`() async throws {
            let source = try await TestStream.create(body: "a")
            let fork = try TestStream.unused("text/plain")
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<10 {
                    group.addTask { try await source.fork(to: fork, body: "b").status }
                }
                return try await group.reduce(into: [Int]()) { $0.append($1) }
            }
            #expect(statuses.sorted() == [Int](repeating: 200, count: 9) + [201])
            #expect(try await fork.text() == "ab")
            expectStatus(try await fork.delete(), 204)
            try await expectUnheld(source)
        }

        @Test func `A fork that was deleted can be created anew, differently`() async throws {
            let source = try await TestStream.create(body: "abcd")
            let fork = try await source.forked(body: "old")
            let old = try await fork.read()
            expectStatus(try await fork.delete(), 204)
            expectStatus(try await source.fork(to: fork, at: TestStream.offset(2), body: "cdnew"), 201)
            let new = try await fork.read("", ["If-None-Match": old.entityTag ?? ""])
            expectStatus(new, 200)
            #expect(new.text == "abcdnew")
        }
    }
}
