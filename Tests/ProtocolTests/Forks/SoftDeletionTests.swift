import Testing

extension BlackBox {
    /// Section 8: deleting streams that have forks.
    @Suite struct `Soft deletion` {
        /// What a soft-deleted stream answers.
        static func expectSoftDeleted(_ stream: TestStream, sourceLocation: SourceLocation = #_sourceLocation)
            async throws
        {
            let gone = [
                try await stream.read(), try await stream.read("offset=now"), try await stream.longPoll("-1"),
                try await stream.longPoll("now"), try await stream.read("offset=-1&live=sse"), try await stream.head(),
                try await stream.append("x"), try await stream.closeStream(), try await stream.delete(),
            ]
            for (number, response) in gone.enumerated() {
                expectStatus(response, 410, "request \(number)", sourceLocation: sourceLocation)
                expectHeader(response, "Cache-Control", "no-store", sourceLocation: sourceLocation)
                expectHeader(response, "Stream-Next-Offset", nil, sourceLocation: sourceLocation)
            }
            expectStatus(try await stream.put(), 409, "a create", sourceLocation: sourceLocation)
            let fork = try TestStream.unused()
            try await expectNoFork(
                try await stream.fork(to: fork), [409], at: fork, sourceLocation: sourceLocation)
        }

        @Test(arguments: ["text/plain", "application/json"])
        func `A deleted source is 410, and its forks go on`(type: String) async throws {
            let source = try await TestStream.create(type, body: "1")
            let fork = try await source.forked(body: "2")
            expectStatus(try await source.delete(), 204)
            try await Self.expectSoftDeleted(source)
            try await fork.appendSuccessfully("3")
            #expect(try await fork.text() == (type == "text/plain" ? "123" : "[1,2,3]"))
            let second = try await fork.forked(body: "4")
            #expect(try await second.text() == (type == "text/plain" ? "1234" : "[1,2,3,4]"))
            expectStatus(try await fork.put(), 409)
        }

        @Test func `A create is 409 in every configuration, also as a fork`() async throws {
            let source = try await TestStream.create(body: "a")
            let fork = try await source.forked()
            expectStatus(try await source.delete(), 204)
            for headers in [[:], ["Stream-TTL": "60"], ["Stream-Closed": "true"]] as [HeaderList] {
                expectStatus(try await source.put(headers), 409)
            }
            let other = try await TestStream.create(body: "b")
            expectStatus(try await other.fork(to: source), 409)
            expectStatus(try await fork.fork(to: source), 409)
            #expect(try await fork.text() == "a")
            try await expectUnheld(other)
        }

        @Test func `When the last fork goes, the source goes too`() async throws {
            let source = try await TestStream.create(body: "a")
            var forks = [try await source.forked(), try await source.forked(at: TestStream.start)]
            forks.append(try await source.forked())
            expectStatus(try await source.delete(), 204)
            for fork in forks {
                expectStatus(try await source.head(), 410)
                expectStatus(try await fork.delete(), 204)
                expectStatus(try await fork.head(), 404)
            }
            expectStatus(try await source.head(), 404)
            expectStatus(try await source.read(), 404)
            expectStatus(try await source.append("x"), 404)
            expectStatus(try await source.delete(), 404)
            expectStatus(try await source.put(body: "new"), 201)
            #expect(try await source.text() == "new")
        }

        @Test func `A source that is not deleted stays when its forks go`() async throws {
            let source = try await TestStream.create(body: "a")
            let fork = try await source.forked()
            expectStatus(try await fork.delete(), 204)
            #expect(try await source.text() == "a")
            try await source.appendSuccessfully("b")
            try await expectUnheld(source)
        }

        @Test func `Whole chains go from the last fork on`() async throws {
            var chain = [try await TestStream.create(body: "0")]
            for number in 1...4 { chain.append(try await chain[number - 1].forked(body: .text("\(number)"))) }
            for stream in chain.dropLast() {
                expectStatus(try await stream.delete(), 204)
                try await Self.expectSoftDeleted(stream)
                #expect(try await chain[4].text() == "01234")
            }
            expectStatus(try await chain[4].delete(), 204)
            for stream in chain {
                expectStatus(try await stream.head(), 404)
                expectStatus(try await stream.put(), 201)
            }
        }

        @Test func `A chain goes as far up as it was deleted`() async throws {
            let first = try await TestStream.create(body: "1")
            let second = try await first.forked(body: "2")
            let third = try await second.forked(body: "3")
            let fourth = try await third.forked(body: "4")
            expectStatus(try await second.delete(), 204)
            expectStatus(try await third.delete(), 204)
            #expect(try await fourth.text() == "1234")
            expectStatus(try await fourth.delete(), 204)
            expectStatus(try await third.head(), 404)
            expectStatus(try await second.head(), 404)
            #expect(try await first.text() == "1")
            try await expectUnheld(first)
        }

        @Test func `In a tree every branch holds what it has of the trunk`() async throws {
            let trunk = try await TestStream.create(body: "t")
            let left = try await trunk.forked(body: "l")
            let right = try await trunk.forked(body: "r")
            let twig = try await left.forked(body: "w")
            expectStatus(try await trunk.delete(), 204)
            expectStatus(try await left.delete(), 204)
            expectStatus(try await twig.delete(), 204)
            expectStatus(try await left.head(), 404)
            expectStatus(try await trunk.head(), 410)
            #expect(try await right.text() == "tr")
            expectStatus(try await right.delete(), 204)
            expectStatus(try await trunk.head(), 404)
        }

        @Test func `A source created anew after its forks has nothing of the old one`() async throws {
            let source = try await TestStream.create(body: "old bytes")
            let fork = try await source.forked(body: "!")
            let tag = try #require(try await source.read().entityTag)
            expectStatus(try await source.delete(), 204)
            expectStatus(try await fork.delete(), 204)
            expectStatus(try await source.put(body: "NEW BYTES"), 201)
            let read = try await source.read("", ["If-None-Match": tag])
            expectStatus(read, 200)
            #expect(read.text == "NEW BYTES")
            // At the same URL as the old fork, from the new source.
            expectStatus(try await source.fork(to: fork, body: "?"), 201)
            #expect(try await fork.text() == "NEW BYTES?")
        }

        @Test func `Many forks that are deleted at once let their source go`() async throws {
            let source = try await TestStream.create(body: "a")
            var forks: [TestStream] = []
            for _ in 0..<20 { forks.append(try await source.forked()) }
            expectStatus(try await source.delete(), 204)
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for fork in forks { group.addTask { try await fork.delete().status } }
                return try await group.reduce(into: [Int]()) { $0.append($1) }
            }
            #expect(statuses == [Int](repeating: 204, count: 20))
            expectStatus(try await source.head(), 404)
        }
    }
}
