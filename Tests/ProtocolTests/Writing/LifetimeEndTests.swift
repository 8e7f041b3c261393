import Foundation
import Testing

extension BlackBox {
    /// Section 6, lifetimes that end, in real time.
    @Suite struct `Ends of lifetimes` {
        /// Time passes in the same way behind every transport, but slowly: over Hummingbird only the first of them is
        /// asked.
        static func chosen(_ requests: [NamedRequest]) -> [NamedRequest] {
            Transport.current == .nio ? requests : Array(requests.prefix(1))
        }

        @Test func `Past its end a stream answers 404 to everything and its URL may be created anew`() async throws {
            let stream = try await TestStream.create("text/plain", ["Stream-TTL": "1"], body: "old")
            expectStatus(try await eventually({ $0.status == 404 }) { try await stream.head() }, 404)
            expectStatus(try await stream.read(), 404)
            expectStatus(try await stream.read("offset=now"), 404)
            expectStatus(try await stream.longPoll("-1"), 404)
            expectStatus(try await stream.read("offset=-1&live=sse"), 404)
            expectStatus(try await stream.append("x"), 404)
            expectStatus(try await stream.closeStream(), 404)
            expectStatus(try await stream.delete(), 404)
            expectStatus(try await stream.put(body: "new"), 201)
            #expect(try await stream.read().text == "new")
        }

        /// A request by name, which a table can hold.
        struct NamedRequest: Sendable, CustomTestStringConvertible {
            let testDescription: String
            let perform: @Sendable (TestStream) async throws -> Response

            init(_ name: String, _ perform: @escaping @Sendable (TestStream) async throws -> Response) {
                testDescription = name
                self.perform = perform
            }
        }

        /// Each is repeated until the stream is gone, so the test ends only if the stream expires in spite of it.
        static let idle = [
            NamedRequest("HEAD") { try await $0.head() },
            NamedRequest("OPTIONS") { stream in
                _ = try await stream.send("OPTIONS")
                return try await stream.head()
            },
            NamedRequest("an empty append") { try await $0.append(.bytes([])) },
            NamedRequest("an append of another type") { try await $0.post("x", ["Content-Type": "image/png"]) },
            NamedRequest("a read at a malformed offset") { try await $0.read("offset=x") },
            NamedRequest("another method") { stream in
                _ = try await stream.send("PATCH")
                return try await stream.head()
            },
        ]

        @Test(arguments: chosen(idle))
        func `A TTL is not renewed by HEAD, OPTIONS or a refused request`(request: NamedRequest) async throws {
            let start = ContinuousClock.now
            let stream = try await TestStream.create("text/plain", ["Stream-TTL": "1"])
            expectStatus(try await eventually({ $0.status == 404 }) { try await request.perform(stream) }, 404)
            #expect(ContinuousClock.now - start >= .seconds(1), "a stream never lives shorter than its TTL")
        }

        static let renewing = [
            NamedRequest("a read") { try await $0.read() },
            NamedRequest("a read at now") { try await $0.read("offset=now") },
            NamedRequest("a read that is not modified") { try await $0.read("offset=-1", ["If-None-Match": "*"]) },
            NamedRequest("an append") { try await $0.append("x") },
            NamedRequest("a long-poll") { try await $0.longPoll("now") },
            NamedRequest("a duplicate append") {
                try await $0.append("x", ["Producer-Id": "p", "Producer-Epoch": "0", "Producer-Seq": "0"])
            },
            NamedRequest("a repeated close") { try await $0.closeStream() },
        ]

        @Test(arguments: chosen(renewing))
        func `A TTL is renewed by every read, append, duplicate append and close`(request: NamedRequest) async throws {
            let lifetime = Duration.seconds(2)
            // On a machine that stalls for longer than the lifetime a round proves nothing and is repeated.
            rounds: for _ in 0..<10 {
                let start = ContinuousClock.now
                let stream = try await TestStream.create("text/plain", ["Stream-TTL": "2"], body: "x")
                var lastSent = start
                while ContinuousClock.now - start < lifetime * 1.6 {
                    try await Task.sleep(for: .milliseconds(300))
                    let sent = ContinuousClock.now
                    let response = try await request.perform(stream)
                    if ContinuousClock.now - lastSent >= lifetime { continue rounds }
                    lastSent = sent
                    try #require([200, 204, 304].contains(response.status), "\(response)")
                }
                return
            }
            Issue.record("The machine was too slow ten times.")
        }

        @Test func `A stream does not expire while a live reader is connected`() async throws {
            for _ in 0..<10 {
                let stream = try await TestStream.create("text/plain", ["Stream-TTL": "1"])
                // Neither a machine that stalls for the lifetime nor a connection that ends early proves anything.
                guard let source = try? await stream.events("now") else { continue }
                let connected = ContinuousClock.now
                var isConnected = true
                while isConnected, ContinuousClock.now - connected < .seconds(2) {
                    isConnected = try await source.next() != nil
                }
                guard isConnected else { continue }
                let head = try await stream.head()
                // Soon after, the server ends an event stream, and nobody may have noticed.
                guard ContinuousClock.now - connected < .milliseconds(2_600) else { continue }
                expectStatus(head, 200)
                await source.close()
                expectStatus(try await eventually({ $0.status == 404 }) { try await stream.head() }, 404)
                return
            }
            Issue.record("No connection of ten lasted two seconds.")
        }

        @Test func `An absolute end is not moved by reads and appends`() async throws {
            let end = Date(timeIntervalSinceNow: 2)
            let formatter = ISO8601DateFormatter()
            formatter.formatOptions = [.withInternetDateTime, .withFractionalSeconds]
            let stream = try await TestStream.create("text/plain", ["Stream-Expires-At": formatter.string(from: end)])
            let last = try await eventually({ $0.status == 404 }) {
                _ = try await stream.append("x")
                return try await stream.read()
            }
            expectStatus(last, 404)
            #expect(Date() >= end.addingTimeInterval(-0.01))
        }
    }
}
