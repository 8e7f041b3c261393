import Testing

extension BlackBox {
    /// Section 8: how a fork names its source.
    @Suite struct `Sources of forks` {
        private static func request(_ source: String, to fork: TestStream) async throws -> Response {
            try await fork.put(["Stream-Forked-From": source])
        }

        @Test func `A source that is missing is 404`() async throws {
            let missing = try TestStream.unused()
            let fork = try TestStream.unused()
            for offset in [nil, TestStream.start] {
                try await expectNoFork(try await missing.fork(to: fork, at: offset), [404], at: fork)
            }
            try await expectNoFork(try await fork.fork(to: fork), [404], at: fork)
            let deleted = try await TestStream.create(body: "a")
            expectStatus(try await deleted.delete(), 204)
            try await expectNoFork(try await deleted.fork(to: fork), [404], at: fork)
        }

        @Test(arguments: [["Stream-TTL": "0"], ["Stream-Expires-At": "2001-01-01T00:00:00Z"]] as [HeaderList])
        func `A source that has expired is 404`(headers: HeaderList) async throws {
            let source = try TestStream.unused()
            expectStatus(try await source.put(headers, body: "a"), 201)
            let fork = try TestStream.unused()
            try await expectNoFork(try await source.fork(to: fork), [404], at: fork)
        }

        @Test func `A source that is soft-deleted is 409`() async throws {
            let source = try await TestStream.create(body: "a")
            let holder = try await source.forked()
            expectStatus(try await source.delete(), 204)
            let fork = try TestStream.unused()
            for offset in [nil, TestStream.start] {
                try await expectNoFork(try await source.fork(to: fork, at: offset), [409], at: fork)
            }
            // Nor did the refused ones add to what holds the source.
            expectStatus(try await holder.delete(), 204)
            expectStatus(try await source.head(), 404)
        }

        @Test(arguments: [
            ("/%61%2D%2e_%7E", "/a-._~"), ("/a-._~", "/%61%2D%2e_%7E"), ("/%e4%bd%a0", "/%E4%BD%A0"),
            ("/a%2fb", "/a%2Fb"), ("/a%20b", "/a%20b"), ("/%41%5A", "/AZ"), ("/x/../x", ""), ("/a%2Fb/c", "/a%2fb/%63"),
        ])
        func `Its path is normalized like that of a request`(created: String, named: String) async throws {
            let prefix = try TestStream.unused()
            guard !named.isEmpty else {
                expectStatus(try await Self.request(prefix.target + created, to: try TestStream.unused()), 400)
                return
            }
            let source = TestStream(endpoint: prefix.endpoint, name: prefix.name + created, contentType: "text/plain")
            expectStatus(try await source.put(body: "inherited"), 201)
            let fork = try TestStream.unused("text/plain")
            expectStatus(try await Self.request(prefix.target + named, to: fork), 201)
            #expect(try await fork.text() == "inherited")
            // Both spellings are the same configuration.
            expectStatus(try await Self.request(prefix.target + created, to: fork), 200)
        }

        @Test func `An encoded slash and an encoded percent sign are not decoded`() async throws {
            let prefix = try TestStream.unused()
            let streams = ["/a/b", "/a%2Fb", "/a%252Fb", "/a//b", "/a/b/"].map {
                TestStream(endpoint: prefix.endpoint, name: prefix.name + $0, contentType: "text/plain")
            }
            for stream in streams { expectStatus(try await stream.put(body: .text(stream.name)), 201) }
            for stream in streams { #expect(try await stream.forked().text() == stream.name) }
        }

        @Test(arguments: [
            "/.", "/..", "/./a", "/a/../b", "/%2e", "/%2E%2e/a", "/a/%2E%2e/b", "/%00", "/a%00b", "/%0A", "/%0d%0aX:y",
            "/%7F", "/%", "/%2", "/%zz", "/%u0041", "/%ff", "/%C0%AF", "/%ED%A0%80", "/%c3", "/a#b", "/#",
        ])
        func `A path that names no stream safely is 400`(suffix: String) async throws {
            let source = try await TestStream.create(body: "a")
            let fork = try TestStream.unused()
            let refused = try await Self.request(source.target + suffix, to: fork)
            try await expectNoFork(refused, [400], at: fork, suffix)
        }

        @Test func `What is no path of a stream on this server is refused`() async throws {
            let source = try await TestStream.create(body: "a")
            let name = source.name
            let endpoint = source.endpoint
            let elsewhere = [
                "", "/", "*", name, "/\(name)", "v1/stream/\(name)", "/v1/\(name)", "/v1/streams/\(name)",
                "/V1/STREAM/\(name)", "/v1//stream/\(name)", "/v1/stream", "/v1/stream/",
                "//\(endpoint.authority)\(source.target)",
                "http://\(endpoint.authority)\(source.target)", "https://example.com\(source.target)",
                "\(source.target)?offset=-1", "\(source.target)?", "file:///etc/passwd", "/etc/passwd",
                "/v1/stream/__ds", "/v1/stream/__ds/subscriptions", "/v1/stream/%5F%5Fds/x",
                "/v1/stream/__d%73/\(name)", "/healthz",
                "/v1/stream/" + String(repeating: "a", count: 1_025), "\"\(source.target)\"", "<\(source.target)>",
                "\(source.target), \(source.target)",
            ]
            for path in elsewhere {
                let fork = try TestStream.unused()
                let refused = try await Self.request(path, to: fork)
                try await expectNoFork(refused, [400, 404, 414], at: fork, path)
            }
            try await expectUnheld(source)
        }

        @Test func `No fork can be created at a reserved path`() async throws {
            let source = try await TestStream.create(body: "a")
            for name in ["__ds", "__ds/x", "%5F%5Fds/x", "__d%73/x"] {
                let reserved = TestStream(endpoint: source.endpoint, name: name, contentType: nil)
                expectStatus(try await source.fork(to: reserved), 404)
            }
            try await expectUnheld(source)
        }

        @Test func `Fork headers on other requests than a create are ignored`() async throws {
            let source = try await TestStream.create(body: "source")
            let stream = try await TestStream.create(body: "a")
            let fork: HeaderList = ["Stream-Forked-From": source.target, "Stream-Fork-Offset": TestStream.start]
            expectStatus(try await stream.append("b", fork), 204)
            for response in [try await stream.read("", fork), try await stream.send("HEAD", fork)] {
                expectStatus(response, 200)
            }
            #expect(try await stream.text() == "ab")
            try await expectUnheld(source)
        }
    }

    /// Sections 1 and 8: the base path is part of what names a source.
    @Suite(.server(ServerSettings { $0.basePath = "/streams/of/mine/" }), .ownServerOnly)
    struct `Sources below another base path` {
        @Test func `The whole path names the source, base path included`() async throws {
            let source = try await TestStream.create(body: "inherited")
            #expect(source.target.hasPrefix("/streams/of/mine/"))
            let fork = try TestStream.unused("text/plain")
            let created = try await source.fork(to: fork)
            expectStatus(created, 201)
            #expect(created.headers["Location"]?.hasSuffix(fork.target) == true, "\(created)")
            #expect(try await fork.text() == "inherited")
            for path in [source.name, "/\(source.name)", "/v1/stream/\(source.name)", "/streams/of/\(source.name)"] {
                let other = try TestStream.unused()
                let refused = try await other.put(["Stream-Forked-From": path])
                try await expectNoFork(refused, [400, 404], at: other, path)
            }
            expectStatus(try await fork.delete(), 204)
            try await expectUnheld(source)
        }
    }
}
