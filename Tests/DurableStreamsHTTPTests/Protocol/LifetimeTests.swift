import DurableStreams
@testable import DurableStreamsHTTP
import Testing

/// Lifetimes by a clock that goes only when a test says so. All streams of these tests have a TTL of ten seconds.
@Suite(.timeLimit(.minutes(1))) struct LifetimeTests {
    private let clock = ManualClock()

    private static let text = ("Content-Type", "text/plain")

    /// What is sent to a stream at `a`, in words.
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let prepare: @Sendable (ProtocolDriver) async throws -> Void
        let perform: @Sendable (ProtocolDriver) async throws -> TestResponse
        let status: Int

        init(
            _ name: String, _ status: Int,
            after prepare: @escaping @Sendable (ProtocolDriver) async throws -> Void = { _ in },
            _ perform: @escaping @Sendable (ProtocolDriver) async throws -> TestResponse
        ) {
            testDescription = name
            self.status = status
            self.prepare = prepare
            self.perform = perform
        }
    }

    private func open() async throws -> ProtocolDriver {
        let driver = try ProtocolDriver(clock: clock) { $0.appendByteCountLimit = 1_000 }
        let created = try await driver.send(.put, "a", [Self.text, ("Stream-TTL", "10")], text: "abc")
        try #require(created.status == 201)
        return driver
    }

    /// HEAD renews nothing, so it may be asked at any time.
    private func isThere(_ driver: ProtocolDriver) async throws -> Bool {
        let status = try await driver.send(.head, "a").status
        try #require(status == 200 || status == 404)
        return status == 200
    }

    private static func produce(_ sequence: Int) -> @Sendable (ProtocolDriver) async throws -> TestResponse {
        { driver in
            let stamp = [("Producer-Id", "p"), ("Producer-Epoch", "1"), ("Producer-Seq", "\(sequence)")]
            return try await driver.send(.post, "a", [Self.text] + stamp, text: "x")
        }
    }

    private static func append(sequence: String) -> @Sendable (ProtocolDriver) async throws -> TestResponse {
        { try await $0.send(.post, "a", [Self.text, ("Stream-Seq", sequence)], text: "x") }
    }

    private static let close: @Sendable (ProtocolDriver) async throws -> TestResponse = {
        try await $0.send(.post, "a", [("Stream-Closed", "true")])
    }

    static let renewing = [
        Row("a read", 200) { try await $0.send(.get, "a") },
        Row("a read from the middle", 200) { try await $0.send(.get, "a?offset=0000000000000000_0000000000000001") },
        Row("a read at the tail", 200) { try await $0.send(.get, "a?offset=0000000000000000_0000000000000003") },
        Row("a read at now", 200) { try await $0.send(.get, "a?offset=now") },
        Row("a read that is not modified", 304) { try await $0.send(.get, "a", [("If-None-Match", "*")]) },
        Row("a long-poll that has data", 200) { try await $0.send(.get, "a?offset=-1&live=long-poll") },
        Row("a long-poll at the end", 204, after: { _ = try await close($0) }) {
            try await $0.send(.get, "a?offset=now&live=long-poll")
        },
        Row("an append", 204) { try await $0.append("a", text: "x") },
        Row("an append of a producer", 200, produce(0)),
        Row("a duplicate append", 204, after: { _ = try await produce(0)($0) }, produce(0)),
        Row("a close", 204, close),
        Row("a repeated close", 204, after: { _ = try await close($0) }, close),
        Row("an append that closes", 204) { try await $0.append("a", text: "x", closing: true) },
    ]

    @Test(arguments: renewing)
    func `it renews a TTL`(row: Row) async throws {
        let driver = try await open()
        try await row.prepare(driver)
        clock.advance(milliseconds: 9_999)
        #expect(try await row.perform(driver).status == row.status)
        clock.advance(milliseconds: 9_999)
        #expect(try await isThere(driver))
        clock.advance(milliseconds: 1)
        #expect(try await !isThere(driver))
    }

    static let refused = [
        Row("HEAD", 200) { try await $0.send(.head, "a") },
        Row("OPTIONS", 204) { try await $0.send(.options, "a") },
        Row("another method", 405) { try await $0.send(.other("PATCH"), "a") },
        Row("a create of another configuration", 409) { try await $0.send(.put, "a", [text]) },
        Row("an empty append", 400) { try await $0.send(.post, "a", [text], body: []) },
        Row("an append of another type", 409) { try await $0.append("a", type: "image/png", text: "x") },
        Row("an append without a type", 400) { try await $0.send(.post, "a", text: "x") },
        Row("an append with a content coding", 415) {
            try await $0.send(.post, "a", [text, ("Content-Encoding", "gzip")], text: "x")
        },
        Row("an append that is too long", 413) {
            try await $0.append("a", text: String(repeating: "x", count: 1_001))
        },
        Row(
            "an append out of sequence", 409, after: { _ = try await append(sequence: "b")($0) },
            append(sequence: "a")),
        Row("an append after a gap", 409, produce(7)),
        Row("an append of an old epoch", 403, after: { _ = try await produce(0)($0) }) {
            let stamp = [("Producer-Id", "p"), ("Producer-Epoch", "0"), ("Producer-Seq", "1")]
            return try await $0.send(.post, "a", [text] + stamp, text: "x")
        },
        Row("an append to what is closed", 409, after: { _ = try await close($0) }) {
            try await $0.append("a", text: "x")
        },
        Row("a read at a malformed offset", 400) { try await $0.send(.get, "a?offset=x") },
        Row("a read of an unknown mode", 400) { try await $0.send(.get, "a?offset=-1&live=x") },
        Row("a live read without an offset", 400) { try await $0.send(.get, "a?live=long-poll") },
    ]

    @Test(arguments: refused)
    func `it does not renew a TTL`(row: Row) async throws {
        let driver = try await open()
        try await row.prepare(driver)
        clock.advance(milliseconds: 9_999)
        #expect(try await row.perform(driver).status == row.status)
        #expect(try await isThere(driver))
        clock.advance(milliseconds: 1)
        #expect(try await !isThere(driver))
    }

    @Test func `a stream does not expire while a long-poll waits, and then has its whole lifetime`() async throws {
        let driver = try await open()
        let waiting = await driver.begin(.get, "a?offset=now&live=long-poll")
        clock.advance(milliseconds: 100_000)
        #expect(try await isThere(driver))
        try await driver.append("a", text: "x")
        #expect(try await waiting.response().text == "x")
        clock.advance(milliseconds: 9_999)
        #expect(try await isThere(driver))
        clock.advance(milliseconds: 1)
        #expect(try await !isThere(driver))
    }

    @Test func `a wait that ends without data counts as a read until its end`() async throws {
        let driver = try await open()
        let waiting = await driver.begin(.get, "a?offset=now&live=long-poll")
        clock.advance(milliseconds: 100_000)
        // Ends it as its timeout would.
        driver.service.shutDown()
        #expect(try await waiting.response().status == 204)
        clock.advance(milliseconds: 9_999)
        #expect(try await isThere(driver))
        clock.advance(milliseconds: 1)
        #expect(try await !isThere(driver))
    }

    @Test func `a stream does not expire while an event stream is open, and then has its lifetime`() async throws {
        let driver = try await open()
        let readers = [
            try await driver.events("a?offset=-1&live=sse"), try await driver.events("a?offset=now&live=sse"),
        ]
        for reader in readers {
            clock.advance(milliseconds: 100_000)
            #expect(try await isThere(driver))
            await reader.cancel()
        }
        clock.advance(milliseconds: 9_999)
        #expect(try await isThere(driver))
        clock.advance(milliseconds: 1)
        #expect(try await !isThere(driver))
    }

    @Test func `an absolute end is moved by nothing, and past it everything is 404`() async throws {
        let driver = try ProtocolDriver(clock: clock)
        let end = [Self.text, ("Stream-Expires-At", "2027-01-15T09:01:00+01:00")]
        #expect(try await driver.send(.put, "a", end, text: "old").status == 201)
        clock.advance(milliseconds: 59_999)
        #expect(try await driver.append("a", text: ".").status == 204)
        #expect(try await driver.send(.get, "a").text == "old.")
        #expect(try await driver.send(.put, "a", end).status == 200)
        clock.advance(milliseconds: 1)
        let live = ["", "?offset=now", "?offset=-1&live=long-poll", "?offset=-1&live=sse"]
        for query in live { #expect(try await driver.send(.get, "a" + query).status == 404, "\(query)") }
        #expect(try await driver.append("a", text: "x").status == 404)
        #expect(try await driver.send(.head, "a").status == 404)
        #expect(try await driver.send(.delete, "a").status == 404)
        #expect(try await driver.create("a", text: "new").status == 201)
        #expect(try await driver.send(.get, "a").text == "new")
    }

    @Test func `a body over the limit of the store is 413, and changes nothing`() async throws {
        let driver = try await open()
        let long = String(repeating: "x", count: 1_001)
        let append = try await driver.append("a", text: long, closing: true)
        #expect(append.status == 413 && append["Cache-Control"] == "no-store")
        #expect(append.text.contains("1000"))
        #expect(try await driver.create("b", text: long).status == 413)
        #expect(try await driver.send(.head, "b").status == 404)
        let read = try await driver.send(.get, "a")
        #expect(read.text == "abc" && read["Stream-Closed"] == nil)
        #expect(try await driver.append("a", text: String(long.dropLast())).status == 204)
    }
}
