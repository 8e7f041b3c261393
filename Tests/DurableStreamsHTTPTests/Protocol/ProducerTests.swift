@testable import DurableStreamsHTTP
import Testing

/// Idempotent producers.
@Suite struct ProducerTests {
    private func send(
        _ driver: ProtocolDriver, _ epoch: String, _ sequence: String, identifier: String = "p", text: String? = "x",
        closing: Bool = false
    ) async throws -> TestResponse {
        var headers = [("Producer-Id", identifier), ("Producer-Epoch", epoch), ("Producer-Seq", sequence)]
        if text != nil { headers.append(("Content-Type", "text/plain")) }
        if closing { headers.append(("Stream-Closed", "true")) }
        return try await driver.send(.post, "a", headers, body: text.map { Array($0.utf8) })
    }

    private func driver() async throws -> ProtocolDriver {
        let driver = try ProtocolDriver()
        try await driver.create("a")
        return driver
    }

    @Test func `an accepted append is 200 with the producer's state`() async throws {
        let driver = try await driver()
        let response = try await send(driver, "007", "0")
        #expect(response.status == 200)
        #expect(response["Producer-Epoch"] == "7")
        #expect(response["Producer-Seq"] == "0")
        #expect(response.nextOffset == "0000000000000000_0000000000000001")
        #expect(response["Stream-Closed"] == nil)
        #expect(try await send(driver, "7", "1").status == 200)
    }

    @Test func `a duplicate is 204 with the highest number that was accepted`() async throws {
        let driver = try await driver()
        for sequence in 0..<3 { _ = try await send(driver, "0", "\(sequence)") }
        let response = try await send(driver, "0", "1")
        #expect(response.status == 204)
        #expect(response["Producer-Seq"] == "2")
        #expect(response["Producer-Epoch"] == "0")
        #expect(response.nextOffset == "0000000000000000_0000000000000003")
        let closing = try await send(driver, "0", "1", closing: true)
        #expect(closing.status == 204)
        #expect(closing["Stream-Closed"] == nil)
    }

    @Test func `a gap is 409 with what was expected`() async throws {
        let driver = try await driver()
        let first = try await send(driver, "0", "5")
        #expect(first.status == 409)
        #expect(first["Producer-Expected-Seq"] == "0")
        #expect(first["Producer-Received-Seq"] == "5")
        #expect(first["Stream-Next-Offset"] != nil)
        _ = try await send(driver, "0", "0")
        let second = try await send(driver, "0", "2")
        #expect(second.status == 409)
        #expect(second["Producer-Expected-Seq"] == "1")
        #expect(second["Producer-Received-Seq"] == "2")
    }

    @Test func `an old epoch is 403, a new one begins at 0`() async throws {
        let driver = try await driver()
        _ = try await send(driver, "5", "0")
        let stale = try await send(driver, "4", "0")
        #expect(stale.status == 403)
        #expect(stale["Producer-Epoch"] == "5")
        #expect(stale["Stream-Next-Offset"] != nil)
        let early = try await send(driver, "6", "1")
        #expect(early.status == 400)
        #expect(early["Stream-Next-Offset"] != nil)
        #expect(try await send(driver, "6", "0").status == 200)
        #expect(try await send(driver, "0", "0", identifier: "other").status == 200)
    }

    @Test func `closing takes part in the sequence and can be repeated exactly`() async throws {
        let driver = try await driver()
        _ = try await send(driver, "0", "0")
        for _ in 0..<2 {
            let closed = try await send(driver, "0", "1", text: nil, closing: true)
            #expect(closed.status == 204)
            #expect(closed["Stream-Closed"] == "true")
            #expect(closed["Producer-Epoch"] == "0")
            #expect(closed["Producer-Seq"] == "1")
            #expect(closed.nextOffset == "0000000000000000_0000000000000001")
        }
        for (epoch, sequence) in [("0", "0"), ("0", "2"), ("9", "0"), ("9", "9")] {
            let refused = try await send(driver, epoch, sequence)
            #expect(refused.status == 409)
            #expect(refused["Stream-Closed"] == "true")
            #expect(refused["Stream-Next-Offset"] != nil)
        }
    }

    @Test func `an append that closes is 200, its repetition 204`() async throws {
        let driver = try await driver()
        let closed = try await send(driver, "0", "0", closing: true)
        #expect(closed.status == 200)
        #expect(closed["Stream-Closed"] == "true")
        let again = try await send(driver, "0", "0", closing: true)
        #expect(again.status == 204)
        #expect(again["Stream-Closed"] == "true")
        #expect(again["Producer-Seq"] == "0")
    }

    @Test(arguments: [
        [("Producer-Id", "p")], [("Producer-Epoch", "0")], [("Producer-Seq", "0")], [("Producer-Id", "")],
        [("Producer-Id", "p"), ("Producer-Epoch", "0")], [("Producer-Epoch", "0"), ("Producer-Seq", "0")],
        [("Producer-Id", ""), ("Producer-Epoch", "0"), ("Producer-Seq", "0")],
        [("Producer-Id", "p"), ("Producer-Epoch", "-1"), ("Producer-Seq", "0")],
        [("Producer-Id", "p"), ("Producer-Epoch", "0"), ("Producer-Seq", "1.0")],
        [("Producer-Id", "p"), ("Producer-Epoch", ""), ("Producer-Seq", "0")],
        [("Producer-Id", "p"), ("Producer-Epoch", "0"), ("Producer-Seq", "9007199254740992")],
        [("Producer-Id", "\u{FFFD}"), ("Producer-Epoch", "0"), ("Producer-Seq", "0")],
        [("Producer-Id", "p"), ("Producer-Id", "p"), ("Producer-Epoch", "0"), ("Producer-Seq", "0")],
    ])
    func `malformed or incomplete headers are 400`(headers: [(String, String)]) async throws {
        let driver = try await driver()
        let response = try await driver.send(.post, "a", headers + [("Content-Type", "text/plain")], text: "x")
        #expect(response.status == 400)
        #expect(try await driver.send(.get, "a").text == "")
    }

    @Test func `a refused append leaves the producer where it was`() async throws {
        let driver = try await driver()
        let headers = [("Producer-Id", "p"), ("Producer-Epoch", "0"), ("Producer-Seq", "0")]
        #expect(try await driver.send(.post, "a", headers + [("Content-Type", "a/b")], text: "x").status == 409)
        #expect(try await driver.send(.post, "a", headers, text: "x").status == 400)
        #expect(try await send(driver, "0", "0").status == 200)
    }
}
