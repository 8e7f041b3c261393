import Foundation
import Testing

extension BlackBox {
    /// Sections 3 and 6, lifetimes.
    @Suite struct `Lifetimes` {
        @Test(arguments: ["1000", "3600", "86400", "31536000", "4294967296", "9007199254740991"])
        func `HEAD gives back a TTL as it was requested`(value: String) async throws {
            let stream = try await TestStream.create("text/plain", ["Stream-TTL": value])
            let head = try await stream.head()
            expectStatus(head, 200)
            expectHeader(head, "Stream-TTL", value)
            expectHeader(head, "Stream-Expires-At", nil)
        }

        @Test(arguments: [
            "", "-1", "-0", "+1", "01", "00", "007", "1.0", "1.", ".5", "1e3", "1E3", "1 2", "1,2", "0x10", "abc",
            "NaN", "Infinity", "1s", "9007199254740992", "18446744073709551616", "99999999999999999999999999", "٣",
            "１", "null", "true",
        ])
        func `A TTL that is no plain decimal up to 2^53 - 1 is 400`(value: String) async throws {
            let stream = try TestStream.unused()
            expectStatus(try await stream.put(["Stream-TTL": value]), 400)
            expectStatus(try await stream.head(), 404)
        }

        @Test(arguments: [
            "2099-01-01T00:00:00Z", "2099-01-01T00:00:00.5Z", "2099-01-01T00:00:00.123456789Z",
            "2099-06-30T23:59:59+02:00", "2099-06-30T23:59:59-11:30", "2096-02-29T00:00:00Z",
            "2099-01-01T00:00:00+00:00", "9999-12-31T23:59:59Z",
        ])
        func `HEAD gives back an expiry as it was requested`(value: String) async throws {
            let stream = try await TestStream.create("text/plain", ["Stream-Expires-At": value])
            let head = try await stream.head()
            expectStatus(head, 200)
            expectHeader(head, "Stream-Expires-At", value)
            expectHeader(head, "Stream-TTL", nil)
        }

        @Test(arguments: [
            "", "tomorrow", "2099", "2099-01-01", "2099-01-01T00:00:00", "2099-01-01T00:00Z", "00:00:00Z",
            "4070908800", "2099-13-01T00:00:00Z", "2099-00-01T00:00:00Z", "2099-01-32T00:00:00Z",
            "2099-02-29T00:00:00Z", "2099-01-01T24:00:01Z", "2099-01-01T00:60:00Z", "2099-01-01T00:00:61Z",
            "2099-01-01T00:00:00.Z", "2099-01-01T00:00:00+0200", "2099-01-01T00:00:00+2:00",
            "2099-01-01T00:00:00+24:00", "2099-01-01T00:00:00+02:60", "2099-1-1T0:0:0Z", "99-01-01T00:00:00Z",
            "2099-01-01T00:00:00Zx", "2099-01-01T00:00:00,5Z", "2099/01/01T00:00:00Z",
            "Thu, 01 Jan 2099 00:00:00 GMT", "20990101T000000Z", "-2099-01-01T00:00:00Z",
            "2099-01-01T00:00:00 +02:00",
        ])
        func `An expiry that is not RFC 3339 is 400`(value: String) async throws {
            let stream = try TestStream.unused()
            expectStatus(try await stream.put(["Stream-Expires-At": value]), 400)
            expectStatus(try await stream.head(), 404)
        }

        @Test func `Both lifetimes at once are 400`() async throws {
            let stream = try TestStream.unused()
            let both: HeaderList = ["Stream-TTL": "60", "Stream-Expires-At": "2099-01-01T00:00:00Z"]
            expectStatus(try await stream.put(both), 400)
            expectStatus(try await stream.head(), 404)
        }

        @Test(arguments: [
            ["Stream-TTL": "0"], ["Stream-Expires-At": "2001-01-01T00:00:00Z"],
            ["Stream-Expires-At": "1969-12-31T23:59:59Z"], ["Stream-Expires-At": "0001-01-01T00:00:00Z"],
        ] as [HeaderList])
        func `TTL 0 or an end in the past is 201 and expired at once`(headers: HeaderList) async throws {
            let stream = try TestStream.unused()
            expectStatus(try await stream.put(headers, body: "x"), 201)
            expectStatus(try await stream.read(), 404)
            expectStatus(try await stream.head(), 404)
            expectStatus(try await stream.put(), 201)
            #expect(try await stream.read().text == "")
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

        @Test(arguments: idle)
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

        @Test(arguments: renewing)
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
                expectStatus(try await stream.head(), 200)
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
