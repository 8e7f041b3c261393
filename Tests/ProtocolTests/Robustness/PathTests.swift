import Testing

extension BlackBox {
    /// Sections 9 and 10, the request target.
    @Suite struct `Stream paths` {
        /// A stream at a path that the test spells itself, below a prefix that no other test uses.
        static func at(_ suffix: String, below prefix: TestStream) -> TestStream {
            TestStream(endpoint: prefix.endpoint, name: prefix.name + suffix, contentType: "text/plain")
        }

        @Test(arguments: [
            ("/%61%2D%2e_%7E", "/a-._~"), ("/%7euser", "/~user"), ("/%e4%bd%a0", "/%E4%BD%A0"), ("/a%2fb", "/a%2Fb"),
            ("/%41%5A%30%39", "/AZ09"), ("/%3aq", "/%3Aq"), ("/a.b", "/a%2Eb"), ("/...", "/%2E.."), ("/.a", "/%2Ea"),
        ])
        func `Two spellings of one path are one stream`(first: String, second: String) async throws {
            let prefix = try TestStream.unused()
            expectStatus(try await Self.at(first, below: prefix).put(body: "here"), 201)
            expectStatus(try await Self.at(second, below: prefix).put(body: "again"), 200)
            for spelling in [first, second] {
                #expect(try await Self.at(spelling, below: prefix).read().text == "here")
            }
        }

        @Test func `Paths that differ in anything else are different streams`() async throws {
            let prefix = try TestStream.unused()
            let suffixes = [
                "/a", "/a/", "/a//", "/a/b", "/a//b", "/a/b/", "/a%2Fb", "/a%252Fb", "/A", "/a%20b", "/a+b", "/a%2Bb",
                "/a%3Fb", "/a%23b", "/a;b", "/a%3Bb", "/a=b", "/a%26b", "/a&b", "/a:b", "/a%3Ab", "/a@b", "/%C3%A9",
                "/e%CC%81", "//", "/a.", "/a..", "/..a", "/...", "/a,b", "/a!b", "/a*b", "/a'b", "/a(b)", "/a$b",
            ]
            for suffix in suffixes {
                expectStatus(try await Self.at(suffix, below: prefix).put(body: .text(suffix)), 201, suffix)
            }
            for suffix in suffixes {
                #expect(try await Self.at(suffix, below: prefix).read().text == suffix)
            }
        }

        @Test(arguments: [
            "/.", "/..", "/./a", "/../a", "/a/.", "/a/..", "/a/./b", "/a/../b", "/%2e", "/%2E", "/%2e%2e",
            "/%2E%2E/a", "/.%2e", "/%2e.", "/a/%2E%2e/b", "/../../../../etc/passwd", "/%00", "/a%00b", "/%01", "/%1f",
            "/%7F", "/%0A", "/%0D%0Ax", "/%09", "/%", "/%2", "/%zz", "/%2g", "/%u0041", "/a%", "/%ff", "/%C0%AF",
            "/%c3", "/%C3/a", "/%ED%A0%80", "/%F4%90%80%80", "/%80", "/a#b", "/#",
        ])
        func `A path that names no stream safely is 400`(suffix: String) async throws {
            let stream = Self.at(suffix, below: try TestStream.unused())
            for method in ["GET", "PUT", "POST", "HEAD", "DELETE"] {
                let response = try await stream.send(method, ["Content-Type": "text/plain"], body: .bytes([]))
                expectStatus(response, 400, "\(method) \(suffix)")
            }
        }

        @Test func `A path has 1 to 1,024 bytes`() async throws {
            let prefix = try TestStream.unused()
            let fill: (Int) -> TestStream = { byteCount in
                Self.at("/" + String(repeating: "a", count: byteCount - prefix.name.utf8.count - 1), below: prefix)
            }
            expectStatus(try await fill(1_024).put(body: "x"), 201)
            #expect(try await fill(1_024).read().text == "x")
            for method in ["PUT", "GET", "POST", "HEAD", "DELETE"] {
                expectStatus(try await fill(1_025).send(method), 414, method)
            }
            expectStatus(try await fill(20_000).read(), 414)
        }

        @Test(arguments: ["PUT", "GET", "POST", "HEAD", "DELETE"])
        func `The base path without a stream path is 404`(method: String) async throws {
            let base = try TestStream(endpoint: .current, name: "", contentType: "text/plain")
            expectStatus(try await base.send(method, ["Content-Type": "text/plain"], body: .bytes([])), 404)
            expectStatus(try await base.send(method, ["Content-Type": "text/plain"], query: "offset=-1"), 404)
        }

        @Test(arguments: ["/", "/v1", "/v1/streamx/a", "/V1/stream/a", "/v2/stream/a", "/favicon.ico", "/v1//stream/a"])
        func `Other paths are 404`(target: String) async throws {
            for method in ["GET", "PUT"] {
                let connection = try await Connection(to: .current)
                expectStatus(try await connection.exchange(Request(method, target)), 404, "\(method) \(target)")
            }
        }

        @Test func `The request target is never parsed as a URL with a host`() async throws {
            let stream = try await TestStream.create(body: "secret")
            var targets = [
                "//evil.example\(stream.target)", "//\(stream.endpoint.authority)\(stream.target)",
                String(stream.target.dropFirst()),
            ]
            if Transport.current.seesWholeTarget {
                targets += [
                    "http://\(stream.endpoint.authority)\(stream.target)", "https://evil.example\(stream.target)",
                ]
            }
            for target in targets {
                let connection = try await Connection(to: stream.endpoint)
                let response = try await connection.exchange(Request("GET", target))
                #expect([400, 404].contains(response.status), "\(target)\n\(response)")
                #expect(!response.text.contains("secret"))
            }
        }

        @Test(arguments: ["__ds", "__ds/", "__ds/subscriptions", "__ds/a/b?x=1", "%5F%5Fds/x", "__d%73/x", "_%5fds"])
        func `Reserved paths are 404 with a JSON error, and never a stream`(name: String) async throws {
            let reserved = try TestStream(endpoint: .current, name: name, contentType: "text/plain")
            for method in ["GET", "PUT", "POST", "DELETE", "GET"] {
                let response = try await reserved.send(method, ["Content-Type": "text/plain"], body: .bytes([]))
                expectStatus(response, 404, method)
                expectHeader(response, "Content-Type", "application/json")
                let error = try JSONText.object(response.body)["error"] as? [String: Any]
                #expect(error?.keys.sorted() == ["code", "message"], "\(response)")
                #expect((error?["code"] as? String)?.isEmpty == false, "\(response)")
                #expect((error?["message"] as? String)?.isEmpty == false, "\(response)")
            }
            expectStatus(try await reserved.head(), 404)
        }

        @Test func `Names that only resemble the reserved one are streams`() async throws {
            let unique = try TestStream.unused().name
            let names = [
                "__dsx/\(unique)", "__DS/\(unique)", "\(unique)/__ds", "\(unique)/__ds/x", "x__ds/\(unique)",
                "_ds/\(unique)",
            ]
            for name in names {
                let stream = try TestStream(endpoint: .current, name: name, contentType: "text/plain")
                expectStatus(try await stream.put(body: .text(name)), 201, name)
                #expect(try await stream.read().text == name)
            }
        }
    }
}
