import DurableStreams
@testable import DurableStreamsHTTP
import Testing

@Suite struct StreamLocationTests {
    private func text(
        _ headers: [(String, String)], publicURL: String? = nil, fallbackHost: String? = nil, trusts: Bool = false,
        path: String = "a/b"
    ) throws -> String {
        let location = StreamLocation(
            publicURL: publicURL, fallbackHost: fallbackHost, trustsForwardedHeaders: trusts, basePath: "/v1/stream/")
        return try location.text(of: StreamPath(path), request: ProtocolDriver.request(.put, "/", headers))
    }

    private static let forwarded = [
        ("Host", "inner:4437"), ("X-Forwarded-Proto", "https, http"), ("X-Forwarded-Host", "outer.example, proxy"),
    ]

    @Test func `the host of the request is the host of the location`() throws {
        #expect(try text([("Host", "example.com:8080")]) == "http://example.com:8080/v1/stream/a/b")
        #expect(try text([("Host", "[::1]:4437")]) == "http://[::1]:4437/v1/stream/a/b")
    }

    @Test func `the configured URL comes first`() throws {
        let configured = try text(Self.forwarded, publicURL: "https://a.example/", trusts: true)
        #expect(configured == "https://a.example/v1/stream/a/b")
        #expect(try text([], publicURL: "https://a.example/prefix") == "https://a.example/prefix/v1/stream/a/b")
    }

    @Test func `what a proxy says counts only if it is trusted`() throws {
        #expect(try text(Self.forwarded) == "http://inner:4437/v1/stream/a/b")
        #expect(try text(Self.forwarded, trusts: true) == "https://outer.example/v1/stream/a/b")
    }

    @Test(arguments: ["a b", "a/b", "a\u{E9}", "evil\"", "user@host", "a?b"])
    func `a malformed host is refused`(host: String) {
        #expect(throws: Refusal.self) { try text([("Host", host)]) }
    }

    @Test func `without a host it is the server's own, or the path alone where that is not known`() throws {
        for headers in [[], [("Host", "")]] {
            #expect(try text(headers) == "/v1/stream/a/b")
            #expect(try text(headers, fallbackHost: "127.0.0.1:4437") == "http://127.0.0.1:4437/v1/stream/a/b")
        }
    }

    @Test func `the path is percent-encoded`() throws {
        #expect(try text([("Host", "h")], path: "a b/é/%2f") == "http://h/v1/stream/a%20b/%C3%A9/%2F")
    }
}
