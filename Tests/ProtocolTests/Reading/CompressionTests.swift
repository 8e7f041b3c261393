import Testing

extension BlackBox {
    /// Section 7.1, content codings.
    @Suite struct `Compression` {
        /// What a client accepts, and which codings are then right; nil stands for none.
        static let preferences: [(String?, [String?])] = [
            (nil, [nil]), ("", [nil]), ("identity", [nil]), ("br", [nil]), ("br, zstd;q=0.9", [nil]),
            ("gzip", ["gzip"]), ("deflate", ["deflate"]), ("gzip, deflate, br", ["gzip", "deflate"]),
            ("deflate, gzip", ["gzip", "deflate"]), ("br, gzip", ["gzip"]), ("gzip;q=1", ["gzip"]),
            ("gzip;q=0.001", ["gzip"]), ("gzip;q=0", [nil]), ("gzip;q=0.0", [nil]), ("gzip;q=0.000", [nil]),
            ("gzip;q=0, deflate", ["deflate"]), ("deflate;q=0, gzip", ["gzip"]),
            ("gzip;q=0.5, deflate;q=1.0", ["deflate"]), ("deflate;q=0.5, gzip", ["gzip"]),
            ("gzip;q=0.2,deflate;q=0.1", ["gzip"]), ("gzip ; q=0.5 , deflate ; q=0.9", ["deflate"]),
            ("*", ["gzip", "deflate"]), ("*;q=0.1", ["gzip", "deflate"]), ("*;q=0", [nil]),
            ("gzip;q=0, *", ["deflate"]), ("deflate;q=0, *", ["gzip"]), ("*;q=0, gzip", ["gzip"]),
            ("gzip;q=0, deflate;q=0, *", [nil]), ("identity;q=0.5, gzip", ["gzip"]),
            ("x-unknown, *;q=0.5", ["gzip", "deflate"]),
        ]

        @Test(arguments: preferences)
        func `The coding follows the preferences of the client`(accepted: String?, codings: [String?]) async throws {
            let content = compressibleText(3_000)
            let stream = try await TestStream.create(body: .text(content))
            let response = try await stream.read("", accepted.map { ["Accept-Encoding": $0] } ?? [:])
            expectStatus(response, 200)
            let coding = response.headers["Content-Encoding"]
            #expect(codings.contains(coding), "\(response.headers)")
            #expect(response.headers.members("Vary").contains("accept-encoding"))
            expectHeader(response, "Content-Length", "\(response.body.count)")
            switch coding {
            case "gzip": #expect(try Inflate.gzip(response.body) == Array(content.utf8))
            case "deflate": #expect(try Inflate.deflate(response.body) == Array(content.utf8))
            default: #expect(response.text == content)
            }
        }

        @Test(arguments: [
            ("text/plain", "gzip"), ("application/json", "deflate"), ("application/octet-stream", "gzip"),
        ])
        func `Any content comes back byte for byte`(type: String, coding: String) async throws {
            var random = SeededGenerator(seed: SeededGenerator.seed)
            let content: [UInt8]
            if type == "application/json" {
                content = Array(("[" + (0..<2_000).map { "{\"number\": \($0)}" }.joined(separator: ",") + "]").utf8)
            } else {
                let zeros = [UInt8](repeating: 0, count: 20_000)
                content = random.bytes(20_000) + Array(compressibleText(20_000).utf8) + zeros
            }
            let stream = try await TestStream.create(type, body: .bytes(content))
            let response = try await stream.read("", ["Accept-Encoding": coding])
            expectHeader(response, "Content-Encoding", coding)
            #expect(response.body.count < content.count)
            #expect(try (coding == "gzip" ? Inflate.gzip : Inflate.deflate)(response.body) == content)
        }

        @Test func `Bodies of one KiB and more are compressed, smaller ones are not`() async throws {
            for (byteCount, coding) in [(0, nil), (1, nil), (1_023, nil), (1_024, "gzip")] as [(Int, String?)] {
                let stream = try await TestStream.create(body: .text(compressibleText(byteCount)))
                let response = try await stream.read("", ["Accept-Encoding": "gzip"])
                expectHeader(response, "Content-Encoding", coding)
                let content = try coding == nil ? response.body : Inflate.gzip(response.body)
                #expect(content == Array(compressibleText(byteCount).utf8))
            }
        }

        @Test func `A compressed long-poll answer is byte for byte the same`() async throws {
            let content = compressibleText(5_000)
            let stream = try await TestStream.create(body: .text(content))
            let response = try await stream.longPoll("-1", ["Accept-Encoding": "gzip"])
            expectStatus(response, 200)
            let isCompressed = response.headers["Content-Encoding"] == "gzip"
            #expect(try (isCompressed ? Inflate.gzip(response.body) : response.body) == Array(content.utf8))
        }
    }

    @Suite(.server(ServerSettings { $0.compression = false }), .ownServerOnly)
    struct `Compression switched off` {
        @Test func `Nothing is compressed`() async throws {
            let content = compressibleText(3_000)
            let stream = try await TestStream.create(body: .text(content))
            let response = try await stream.read("", ["Accept-Encoding": "gzip, deflate, *"])
            expectHeader(response, "Content-Encoding", nil)
            #expect(response.text == content)
        }
    }
}
