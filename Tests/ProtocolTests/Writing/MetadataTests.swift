import Testing

extension BlackBox {
    /// Section 6, `HEAD` and `DELETE`.
    @Suite struct `Metadata and delete` {
        @Test func `HEAD describes an open stream and has no body`() async throws {
            let stream = try await TestStream.create("text/plain; charset=utf-8", body: "abc")
            let connection = try await Connection(to: stream.endpoint)
            // Twice on one connection: a body would be taken for the second response.
            for _ in 0..<2 {
                let response = try await connection.exchange(stream.request("HEAD"))
                expectStatus(response, 200)
                expectHeader(response, "Content-Type", "text/plain; charset=utf-8")
                expectHeader(response, "Stream-Next-Offset", try await stream.read().nextOffset)
                expectHeader(response, "Stream-TTL", nil)
                expectHeader(response, "Stream-Expires-At", nil)
                expectHeader(response, "Stream-Closed", nil)
                expectHeader(response, "Cache-Control", "no-store")
            }
        }

        @Test func `HEAD shows that a stream is closed`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let tail = try await stream.tail()
            _ = try await stream.closeStream()
            let response = try await stream.head()
            expectStatus(response, 200)
            expectHeader(response, "Stream-Closed", "true")
            expectHeader(response, "Stream-Next-Offset", tail)
        }

        @Test func `HEAD of a missing stream is 404 without a body`() async throws {
            let stream = try TestStream.unused()
            let connection = try await Connection(to: stream.endpoint)
            for _ in 0..<2 {
                expectStatus(try await connection.exchange(stream.request("HEAD")), 404)
            }
        }

        @Test func `After a delete everything is 404`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let tail = try await stream.tail()
            let deleted = try await stream.delete()
            expectStatus(deleted, 204)
            #expect(deleted.body.isEmpty)
            let responses = [
                try await stream.read(), try await stream.read("offset=\(tail)"), try await stream.head(),
                try await stream.append("x"), try await stream.closeStream(), try await stream.longPoll("-1"),
                try await stream.read("offset=-1&live=sse"), try await stream.delete(),
            ]
            for response in responses {
                expectStatus(response, 404)
            }
        }

        @Test func `A stream created afterwards at the same URL is new in every way`() async throws {
            let stream = try await TestStream.create("text/plain", ["Stream-TTL": "3600"], body: "same")
            let first: HeaderList = ["Producer-Id": "p", "Producer-Epoch": "9", "Producer-Seq": "0", "Stream-Seq": "9"]
            expectStatus(try await stream.append("!", first), 200)
            _ = try await stream.closeStream()
            let old = try await stream.read()
            _ = try await stream.delete()

            let type = "application/octet-stream"
            let renewed = TestStream(endpoint: stream.endpoint, name: stream.name, contentType: type)
            let created = try await renewed.put(body: "same")
            expectStatus(created, 201)
            let head = try await renewed.head()
            expectHeader(head, "Content-Type", type)
            expectHeader(head, "Stream-Closed", nil)
            expectHeader(head, "Stream-TTL", nil)
            let second: HeaderList = ["Producer-Id": "p", "Producer-Epoch": "0", "Producer-Seq": "0", "Stream-Seq": "1"]
            expectStatus(try await renewed.append("!", second), 200)
            _ = try await renewed.closeStream()
            let new = try await renewed.read("", ["If-None-Match": old.entityTag ?? ""])
            expectStatus(new, 200)
            #expect(new.text == old.text)
            #expect(new.entityTag != old.entityTag)
        }

        @Test func `Of many deletes at once, one is 204`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<8 {
                    group.addTask { try await stream.delete().status }
                }
                return try await group.reduce(into: [Int]()) { $0.append($1) }
            }
            #expect(statuses.sorted() == [204] + [Int](repeating: 404, count: 7))
        }
    }
}
