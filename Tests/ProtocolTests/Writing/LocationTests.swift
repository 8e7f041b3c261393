import Testing

extension BlackBox {
    /// Section 3, `Location`.
    @Suite struct `Location` {
        @Test(arguments: ["example.com", "example.com:8080", "127.0.0.1:1", "[::1]:4437"])
        func `It is built from the host of the request`(host: String) async throws {
            let stream = try TestStream.unused()
            let created = try await stream.put(["Host": host])
            expectStatus(created, 201)
            expectHeader(created, "Location", "http://\(host)\(stream.target)")
        }

        @Test func `Its path is percent-encoded`() async throws {
            let stream = try TestStream.unused()
            let spelled = TestStream(
                endpoint: stream.endpoint,
                name: stream.name + "/a%20b/%E4%BD%A0%2F%3F",
                contentType: "text/plain"
            )
            let created = try await spelled.put(body: "here")
            expectHeader(created, "Location", "http://\(stream.endpoint.authority)\(spelled.target)")
        }

        @Test func `Forwarded headers are ignored unless they are trusted`() async throws {
            let stream = try TestStream.unused()
            let created = try await stream.put(["X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"])
            expectHeader(created, "Location", "http://\(stream.endpoint.authority)\(stream.target)")
        }
    }

    @Suite(.server(ServerSettings { $0.publicURL = "https://streams.example.org" }), .ownServerOnly)
    struct `Location with a public URL` {
        @Test func `It is built from the configured URL`() async throws {
            let stream = try TestStream.unused()
            let created = try await stream.put(["Host": "other.example", "X-Forwarded-Host": "evil.example"])
            expectHeader(created, "Location", "https://streams.example.org\(stream.target)")
        }
    }

    @Suite(.server(ServerSettings { $0.trustsForwardedHeaders = true }), .ownServerOnly)
    struct `Location behind a trusted proxy` {
        @Test func `It is built from the forwarded headers`() async throws {
            let stream = try TestStream.unused()
            let forwarded: HeaderList = ["X-Forwarded-Proto": "https", "X-Forwarded-Host": "streams.example.org"]
            let created = try await stream.put(forwarded)
            expectHeader(created, "Location", "https://streams.example.org\(stream.target)")
        }

        @Test func `Without them it is built from the host of the request`() async throws {
            let stream = try TestStream.unused()
            let created = try await stream.put(["Host": "direct.example"])
            expectHeader(created, "Location", "http://direct.example\(stream.target)")
        }
    }
}
