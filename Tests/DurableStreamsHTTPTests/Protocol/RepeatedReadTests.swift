import DurableStreams
@testable import DurableStreamsHTTP
import Testing

/// Reads that are answered from what is kept of former ones: nobody can tell.
@Suite struct RepeatedReadTests {
    private static let text = (0..<20_000).map { "\($0) " }.joined()

    @Test(arguments: ["identity", "gzip", "deflate"], ["text/plain", "application/json"])
    func `The same is answered every time, and kept once`(coding: String, type: String) async throws {
        let driver = try ProtocolDriver()
        let isJSON = type == "application/json"
        let text = isJSON ? "[\"\(Self.text)\"]" : Self.text
        try await driver.create("a", type: type, text: text)
        let first = try await driver.send(.get, "a", [("Accept-Encoding", coding)])
        if coding == "identity" { #expect(first.text == text) }
        #expect(driver.service.bodies.byteCount == 0)
        for _ in 0..<4 {
            let again = try await driver.send(.get, "a", [("Accept-Encoding", coding)])
            #expect(again.body == first.body)
            #expect(again.fields == first.fields)
        }
        #expect(driver.service.bodies.byteCount > first.body.count)
        #expect(driver.service.bodies.byteCount < first.body.count + 1_000)
    }

    @Test func `What comes after is another body, and so is what another coding asks for`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a", text: Self.text)
        for number in 0..<4 {
            for _ in 0..<3 {
                let response = try await driver.send(.get, "a")
                #expect(response.text == Self.text + (0..<number).map { "+\($0)" }.joined())
                let compressed = try await driver.send(.get, "a", [("Accept-Encoding", "gzip")])
                #expect(compressed["Content-Encoding"] == "gzip" && compressed.body.count < response.body.count / 2)
            }
            try await driver.append("a", text: "+\(number)", closing: number == 3)
        }
        for _ in 0..<3 { #expect(try await driver.send(.get, "a")["Stream-Closed"] == "true") }
    }

    @Test func `A stream that is deleted is gone, and the next one at its place is another`() async throws {
        let driver = try ProtocolDriver()
        for letter in ["a", "b", "c"] {
            let text = String(repeating: letter, count: 100_000)
            try await driver.create("s", text: text)
            for _ in 0..<3 { #expect(try await driver.send(.get, "s").text == text) }
            #expect(driver.service.bodies.byteCount > 100_000)
            #expect(try await driver.send(.delete, "s").status == 204)
            #expect(try await driver.send(.get, "s").status == 404)
        }
    }

    @Test func `Without memory for it nothing is kept`() async throws {
        let driver = try ProtocolDriver { $0.bodyCacheByteCountLimit = 0 }
        try await driver.create("a", text: Self.text)
        for _ in 0..<4 { #expect(try await driver.send(.get, "a").text == Self.text) }
        #expect(driver.service.bodies.byteCount == 0)
    }
}
