import Testing

extension BlackBox {
    /// Section 1.1.
    @Suite struct `Offsets` {
        /// Queries as they go into the request line.
        static let malformed = [
            "", "0", "1", "00", "-0", "-2", "--1", "-1-", "+1", "-1%20", "%20-1", "%2D1x", "now%20", "NOW", "Now",
            "null", "tail", "latest", "abc", "1.5", "1e3", "0x10", "0_0", "1_1", "_", "0000000000000000",
            "0000000000000000_", "_0000000000000000", "0000000000000000_0", "0000000000000000_000000000000000",
            "0000000000000000_00000000000000000", "000000000000000_0000000000000000",
            "00000000000000000_0000000000000000", "0000000000000000-0000000000000000",
            "0000000000000000%200000000000000000", "0000000000000000,0000000000000000",
            "0000000000000000/0000000000000000", "0000000000000000__000000000000000",
            "0000000000000000_0000000000000000,0", "0000000000000000_0000000000000000%20",
            "%200000000000000000_0000000000000000", "0000000000000000_0000000000000000%00",
            "%000000000000000000_0000000000000000", "0000000000000000_0000000000000000%0A",
            "0000000000000000_0000000000000000%0D%0A", "0000000000000000_000000000000000a",
            "0000000000000000_-000000000000001", "+000000000000000_0000000000000000",
            "0000000000000000_000000000000000%EF%BC%90", "0000000000000000_000000000000000%D9%A0", "..", "%2e%2e",
            "%2E%2E%2F", "../../etc/passwd", "/", "%2F", ",", "%2C", "%00", "%0A", "%20", "%", "%zz", "%ff",
            "0000000000000000_0000000000000000/", "-1,now", "0000000000000000_0000000000000000;-1",
        ]

        @Test func `Every stream starts at the same offset`() async throws {
            for type in ["text/plain", "application/json", "application/octet-stream"] {
                let stream = try TestStream.unused(type)
                let response = try await stream.put()
                expectHeader(response, "Stream-Next-Offset", TestStream.start)
            }
        }

        @Test func `Offsets are two fields of 16 digits, the first one zero, and later ones sort later`() async throws {
            for type in ["text/plain", "application/json"] {
                let stream = try await TestStream.create(type)
                var last = TestStream.start
                for number in 0..<20 {
                    let offset = try await stream.appendSuccessfully(.text("\(number)"))
                    #expect(offset.utf8.count == 33)
                    #expect(offset.hasPrefix("0000000000000000_"))
                    #expect(offset.dropFirst(17).allSatisfy { ("0"..."9").contains($0) })
                    #expect(Array(last.utf8).lexicographicallyPrecedes(Array(offset.utf8)))
                    last = offset
                }
            }
        }

        @Test func `Minus one and now are accepted and never returned`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let tail = try await stream.tail()
            for query in ["", "offset=-1", "offset=\(TestStream.start)", "offset=%2D1", "offset=-%31"] {
                let response = try await stream.read(query)
                expectStatus(response, 200, query)
                #expect(response.text == "abc")
                expectHeader(response, "Stream-Next-Offset", tail)
            }
            for query in ["offset=now", "offset=n%6Fw", "offset=\(tail)"] {
                let response = try await stream.read(query)
                expectStatus(response, 200, query)
                #expect(response.text == "")
                expectHeader(response, "Stream-Next-Offset", tail)
            }
        }

        @Test(arguments: malformed)
        func `An offset of another form is 400`(offset: String) async throws {
            let stream = try await TestStream.create(body: "abc")
            for query in ["offset=\(offset)", "offset=\(offset)&live=long-poll", "offset=\(offset)&live=sse"] {
                expectStatus(try await stream.read(query), 400, query)
            }
        }

        @Test(arguments: [
            "offset=-1&offset=-1", "offset=now&offset=now", "offset=-1&x=1&offset=now", "offset=-1&%6Fffset=-1",
        ])
        func `The offset parameter twice is 400`(query: String) async throws {
            let stream = try await TestStream.create(body: "abc")
            expectStatus(try await stream.read(query), 400, query)
        }

        @Test(arguments: [
            "0000000000000000_0000000000000004", "0000000000000000_0000000001000000",
            "0000000000000000_9999999999999999", "0000000000000001_0000000000000000",
            "9999999999999999_9999999999999999",
        ])
        func `An offset beyond the tail reads as the tail`(offset: String) async throws {
            let stream = try await TestStream.create(body: "abc")
            let tail = try await stream.tail()
            let response = try await stream.read("offset=\(offset)")
            expectStatus(response, 200)
            #expect(response.body.isEmpty)
            expectHeader(response, "Stream-Next-Offset", tail)
            expectHeader(response, "Stream-Up-To-Date", "true")

            let source = try await stream.events(offset)
            let batch = try #require(try await source.nextBatch())
            #expect(batch.payloads == [])
            #expect(batch.control.nextOffset == tail)
            await source.close()

            let waited = try await stream.longPoll(offset)
            #expect([200, 204].contains(waited.status), "\(waited)")
            #expect(waited.body.isEmpty)
            expectHeader(waited, "Stream-Next-Offset", tail)
        }

        @Test func `An offset beyond the tail of a JSON stream reads as an empty array`() async throws {
            let stream = try await TestStream.create("application/json", body: "[1,2]")
            let response = try await stream.read("offset=0000000000000000_0000000099999999")
            expectStatus(response, 200)
            #expect(response.text == "[]")
            expectHeader(response, "Stream-Next-Offset", try await stream.tail())
        }

        @Test func `An offset beyond the tail of a closed stream shows that it is closed`() async throws {
            let stream = try await TestStream.create("text/plain", ["Stream-Closed": "true"], body: "abc")
            let response = try await stream.read("offset=0000000000000000_0000000000000009")
            expectStatus(response, 200)
            expectHeader(response, "Stream-Closed", "true")
            expectHeader(response, "Stream-Up-To-Date", "true")
        }

        @Test func `In a byte stream every position is valid`() async throws {
            let stream = try await TestStream.create("application/octet-stream")
            let content = Array("0123456789".utf8)
            try await stream.appendSuccessfully(.bytes(Array(content.prefix(4))))
            try await stream.appendSuccessfully(.bytes(Array(content.dropFirst(4))))
            for position in 0...content.count {
                let response = try await stream.read("offset=\(Self.offset(position))")
                expectStatus(response, 200)
                #expect(response.body == Array(content[position...]))
            }
        }

        @Test func `An offset inside a JSON message is 400`() async throws {
            let stream = try await TestStream.create("application/json")
            var boundaries = [TestStream.start]
            for message in ["{\"a\":1}", "12345", "\"text\""] {
                boundaries.append(try await stream.appendSuccessfully(.text(message)))
            }
            let tail = try #require(Int(boundaries[3].dropFirst(17)))
            for position in 0...tail {
                let offset = Self.offset(position)
                let isBoundary = boundaries.contains(offset)
                expectStatus(try await stream.read("offset=\(offset)"), isBoundary ? 200 : 400, offset)
                let live = try await stream.longPoll(offset)
                expectStatus(live, position == tail ? 204 : isBoundary ? 200 : 400, offset)
                if !isBoundary {
                    expectStatus(try await stream.read("offset=\(offset)&live=sse"), 400)
                }
            }
        }

        @Test func `Offsets that were handed out stay valid`() async throws {
            let stream = try await TestStream.create("application/json")
            var offsets = [TestStream.start]
            for number in 0..<10 {
                offsets.append(try await stream.appendSuccessfully(.text("\(number)")))
            }
            _ = try await stream.closeStream()
            for (index, offset) in offsets.enumerated() {
                let messages = try await stream.readMessages(from: offset).map { String(decoding: $0, as: UTF8.self) }
                #expect(messages == (index..<10).map(String.init))
            }
        }

        @Test func `Unknown parameters are ignored and names are case-sensitive`() async throws {
            let stream = try await TestStream.create(body: "abc")
            for query in [
                "OFFSET=garbage", "Offset=now", "x=1&offset=-1&y", "LIVE=sse", "live2=sse", "a=b&a=b", "&&offset=-1&",
            ] {
                let response = try await stream.read(query)
                expectStatus(response, 200, query)
                #expect(response.text == "abc")
            }
        }

        static func offset(_ position: Int) -> String {
            let digits = String(position)
            return "0000000000000000_" + String(repeating: "0", count: 16 - digits.count) + digits
        }
    }
}
