import Foundation
import Testing

/// Sections 7.1 and 7.5: what a shared cache may keep never hides what happened.
@Suite(.ownServerOnly, .enabled(if: SharedCache.isPresent, SharedCache.skipReason))
struct FreshnessTests {
    @Test func `The end of a stream is never hidden by what was kept before`() async throws {
        try await withSharedCache(["--long-poll-timeout-ms", "500"]) { server, cache in
            for closesWithData in [false, true] {
                let direct = try await TestStream.create(body: "abc")
                let cached = direct.moved(to: cache.endpoint)
                // Everything that can be kept is, from before the close.
                for _ in 0..<2 {
                    for query in ["", "offset=-1", "offset=\(TestStream.offset(1))", "offset=\(TestStream.offset(3))"] {
                        expectHeader(try await cached.read(query), "Stream-Closed", nil)
                    }
                    expectStatus(try await cached.longPoll("-1"), 200)
                    expectStatus(try await cached.longPoll(TestStream.offset(3)), 204)
                }
                let closing = try await direct.append(
                    closesWithData ? "last" : .bytes([]), ["Stream-Closed": "true"])
                expectStatus(closing, 204)

                // A client that comes now may get an old beginning, and follows it to the new end.
                let first = try await cached.read("offset=-1")
                #expect(first.text == "abc", "kept from before")
                var text = first.text
                var offset = try #require(first.nextOffset)
                var isClosed = first.isClosed
                for _ in 0..<5 where !isClosed {
                    let next = try await cached.longPoll(offset)
                    text += next.text
                    offset = try #require(next.nextOffset)
                    isClosed = next.isClosed
                }
                #expect(isClosed, "the end is hidden")
                #expect(text == (closesWithData ? "abclast" : "abc"))
                let events = try await cached.follow { $0.isClosed }
                #expect(events.text == text)
            }
        }
    }

    @Test func `What does not say that it may be kept is not kept`() async throws {
        try await withSharedCache(["--long-poll-timeout-ms", "300"]) { server, cache in
            let direct = try await TestStream.create(body: "abc")
            let cached = direct.moved(to: cache.endpoint)
            let missing = try TestStream.unused().moved(to: cache.endpoint)
            for _ in 0..<3 {
                expectStatus(try await cached.head(), 200)
                expectStatus(try await cached.read("offset=now"), 200)
                expectStatus(try await cached.longPoll("now"), 204)
                expectStatus(try await cached.read("offset=bad"), 400)
                expectStatus(try await missing.read(), 404)
            }
            let requests = try cache.requests(to: direct.name) + cache.requests(to: missing.name)
            #expect(requests.filter { !$0.reachedServer }.isEmpty, "\(requests)")
            // So that what comes to be is there at once.
            expectStatus(try await missing.moved(to: server.endpoint).put(body: "now"), 201)
            #expect(try await missing.read().text == "now")
            try await direct.appendSuccessfully("d")
            expectHeader(try await cached.head(), "Stream-Next-Offset", TestStream.offset(4))
            expectHeader(try await cached.read("offset=now"), "Stream-Next-Offset", TestStream.offset(4))
        }
    }

    @Test func `A condition is answered by the cache while it is fresh`() async throws {
        try await withSharedCache { server, cache in
            let direct = try await TestStream.create(body: "abc")
            let cached = direct.moved(to: cache.endpoint)
            let tag = try #require(try await cached.read().entityTag)
            for _ in 0..<3 { expectStatus(try await cached.read("", ["If-None-Match": tag]), 304) }
            #expect(try cache.requests(to: direct.name).filter(\.reachedServer).count == 1)
        }
    }

    @Test func `What has expired is asked for by its tag, and a change is seen through it`() async throws {
        try await withSharedCache { server, cache in
            let direct = try await TestStream.create(body: .text("abc"))
            let cached = direct.moved(to: cache.forgetful)
            let expiry = Duration.milliseconds(2_100)
            let first = try await cached.read("offset=-1")
            try await Task.sleep(for: expiry)
            // The cache asks with the tag, is told that nothing has changed, and answers from what it has.
            let second = try await cached.read("offset=-1")
            #expect(second.body == first.body && second.entityTag == first.entityTag)
            let requests = try await cache.requests(to: direct.name, count: 2)
            #expect(requests.map(\.cacheStatus) == ["MISS", "REVALIDATED"])

            try await direct.appendSuccessfully("def")
            try await Task.sleep(for: expiry)
            let grown = try await cached.read("offset=-1", ["If-None-Match": first.entityTag ?? ""])
            expectStatus(grown, 200)
            #expect(grown.text == "abcdef")

            _ = try await direct.closeStream()
            try await Task.sleep(for: expiry)
            let closed = try await cached.read("offset=-1", ["If-None-Match": grown.entityTag ?? ""])
            expectStatus(closed, 200)
            expectHeader(closed, "Stream-Closed", "true")

            // The same content again, under another identity.
            expectStatus(try await direct.delete(), 204)
            expectStatus(try await direct.put(["Stream-Closed": "true"], body: "abcdef"), 201)
            try await Task.sleep(for: expiry)
            let anew = try await cached.read("offset=-1", ["If-None-Match": closed.entityTag ?? ""])
            expectStatus(anew, 200)
            #expect(anew.entityTag != closed.entityTag)
        }
    }

    @Test func `A chunk that is immutable is fetched once and stays what it was`() async throws {
        try await withSharedCache(["--chunk-bytes", "1000"]) { server, cache in
            var random = SeededGenerator(seed: SeededGenerator.seed)
            let bytes = random.bytes(2_500)
            let direct = try await TestStream.create("application/octet-stream", body: .bytes(bytes))
            let cached = direct.moved(to: cache.endpoint)
            for _ in 0..<5 {
                #expect(try await cached.read("offset=-1").body == Array(bytes.prefix(1_000)))
                try await direct.appendSuccessfully(.bytes(random.bytes(700)))
            }
            #expect(try cache.requests(to: direct.name).filter(\.reachedServer).count == 1)
            #expect(try await cached.readBytes().count >= 2_500)
            #expect(try await direct.readBytes().count == 6_000)
        }
    }
}
