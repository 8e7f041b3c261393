import Testing

extension BlackBox {
    /// Section 8: lifetimes that end while there are forks. Side by side, for each waits until something ends.
    @Suite struct `Expiry and forks` {
        @Test func `A source that expires while it has forks is soft-deleted, and they go on`() async throws {
            let source = try await TestStream.create("text/plain", ["Stream-TTL": "1"], body: "kept ")
            let fork = try await source.forked(["Stream-TTL": "3600"], body: "own")
            _ = try await eventually({ $0.status != 200 }) { try await source.head() }
            try await `Soft deletion`.expectSoftDeleted(source)
            #expect(try await fork.text() == "kept own")
            expectStatus(try await fork.delete(), 204)
            expectStatus(try await source.head(), 404)
            expectStatus(try await source.put(body: "new"), 201)
            #expect(try await source.text() == "new")
        }

        @Test func `A fork that expires lets its source go`() async throws {
            let source = try await TestStream.create(body: "a")
            let fork = try await source.forked(["Stream-TTL": "1"], body: "b")
            expectStatus(try await source.delete(), 204)
            expectStatus(try await source.head(), 410)
            let gone = try await eventually({ $0.status != 200 }) { try await fork.head() }
            expectStatus(gone, 404)
            expectStatus(try await eventually({ $0.status == 404 }) { try await source.head() }, 404)
            expectStatus(try await source.put(), 201)
        }

        @Test func `A whole chain that expires is gone, without anyone asking for its parts`() async throws {
            let first = try await TestStream.create("text/plain", ["Stream-TTL": "1"], body: "a")
            let second = try await first.forked(body: "b")
            let third = try await second.forked(body: "c")
            for stream in [third, second, first] { expectHeader(try await stream.head(), "Stream-TTL", "1") }
            expectStatus(try await eventually({ $0.status == 404 }) { try await third.head() }, 404)
            for stream in [second, first] {
                expectStatus(try await eventually({ $0.status == 404 }) { try await stream.head() }, 404)
                expectStatus(try await stream.put(), 201)
            }
        }

        @Test func `An inherited TTL is the fork's own: using the fork keeps it alive`() async throws {
            // On a machine that stalls for longer than the lifetime a round proves nothing and is repeated.
            rounds: for _ in 0..<10 {
                let source = try await TestStream.create("text/plain", ["Stream-TTL": "2"], body: "a")
                let fork = try await source.forked(body: "b")
                let start = ContinuousClock.now
                var lastUse = start
                while ContinuousClock.now - start < .seconds(3) {
                    try await Task.sleep(for: .milliseconds(300))
                    let now = ContinuousClock.now
                    let read = try await fork.read()
                    if ContinuousClock.now - lastUse >= .seconds(2) { continue rounds }
                    lastUse = now
                    try #require(read.status == 200 && read.text == "ab", "\(read)")
                }
                return
            }
            Issue.record("The machine was too slow ten times.")
        }

        @Test func `Forks never read the bytes of what came to the URL of their source`() async throws {
            let source = try await TestStream.create("text/plain", ["Stream-TTL": "1"], body: "inherited")
            let fork = try await source.forked(["Stream-TTL": "3600"])
            let deadline = ContinuousClock.now + .seconds(3)
            // Tries to take the URL over from before the end of the source until long after it.
            while ContinuousClock.now < deadline {
                let create = try await source.put(body: "intruder!")
                #expect(create.status != 201, "\(create)")
                #expect(try await fork.text() == "inherited")
                try await Task.sleep(for: .milliseconds(20))
            }
            expectStatus(try await source.put(body: "intruder!"), 409)
            expectStatus(try await source.head(), 410)
        }
    }
}
