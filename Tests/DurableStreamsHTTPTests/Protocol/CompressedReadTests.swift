@testable import DurableStreamsHTTP
import Testing

@Suite struct CompressedReadTests {
    private static let text = String(repeating: "durable ", count: 200)

    @Test(arguments: [("gzip", ContentCoding.gzip), ("deflate", .deflate), ("br, deflate;q=0.9, gzip;q=0.1", .deflate)])
    func `a body of a kibibyte is compressed for who accepts it`(field: String, coding: ContentCoding) async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a", text: Self.text)
        let response = try await driver.send(.get, "a", [("Accept-Encoding", field)])
        #expect(response.status == 200)
        #expect(response["Content-Encoding"] == (coding == .gzip ? "gzip" : "deflate"))
        #expect(response["Vary"] == "accept-encoding")
        #expect(inflated(response.body, coding) == Array(Self.text.utf8))
    }

    @Test func `who does not accept it, and smaller bodies, get the bytes`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a", text: Self.text)
        for headers in [[], [("Accept-Encoding", "identity")], [("Accept-Encoding", "gzip;q=0, br")]] {
            let response = try await driver.send(.get, "a", headers)
            #expect(response["Content-Encoding"] == nil)
            #expect(response["Vary"] == "accept-encoding")
            #expect(response.text == Self.text)
        }
        try await driver.create("small", text: String(repeating: "x", count: 1_023))
        #expect(try await driver.send(.get, "small", [("Accept-Encoding", "gzip")])["Content-Encoding"] == nil)
        try await driver.append("small", text: "x")
        #expect(try await driver.send(.get, "small", [("Accept-Encoding", "gzip")])["Content-Encoding"] == "gzip")
    }

    @Test func `each coding has its own tag`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a", text: Self.text)
        var tags: [String] = []
        for field in ["identity", "gzip", "deflate"] {
            tags.append(try #require(try await driver.send(.get, "a", [("Accept-Encoding", field)])["ETag"]))
        }
        #expect(Set(tags).count == 3)
        let known = try await driver.send(.get, "a", [("Accept-Encoding", "gzip"), ("If-None-Match", tags[1])])
        #expect(known.status == 304)
        #expect(known["Content-Encoding"] == "gzip")
        let other = try await driver.send(.get, "a", [("Accept-Encoding", "gzip"), ("If-None-Match", tags[0])])
        #expect(other.status == 200)
    }

    @Test func `it can be switched off`() async throws {
        let driver = try ProtocolDriver { $0.compression = false }
        try await driver.create("a", text: Self.text)
        let response = try await driver.send(.get, "a", [("Accept-Encoding", "gzip")])
        #expect(response["Content-Encoding"] == nil)
        #expect(response["Vary"] == nil)
    }
}
