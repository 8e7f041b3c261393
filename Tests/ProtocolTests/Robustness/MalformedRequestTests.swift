import Testing

extension BlackBox {
    /// Section 10: what is not HTTP, or not quite.
    @Suite struct `Malformed requests` {
        /// `PATH` stands for the path of an existing stream of text.
        static let malformed = [
            "complete nonsense\r\n\r\n", "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}\r\n\r\n",
            "\0\0\0\0\0\0\r\n\r\n", "GET\r\n\r\n", "GET PATH\r\nHost: x\r\n\r\n",
            "GET PATH FTP/1.1\r\nHost: x\r\n\r\n", "GET PATH HTTP/x\r\nHost: x\r\n\r\n",
            "GET PATH HTTP/1.1 extra\r\nHost: x\r\n\r\n", "G\u{1}T PATH HTTP/1.1\r\nHost: x\r\n\r\n",
            "GET PATH\0 HTTP/1.1\r\nHost: x\r\n\r\n", "/v1 GET HTTP/1.1\r\n\r\n",
            // Headers.
            "GET PATH HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", "GET PATH HTTP/1.1\r\nHost: x\r\n: no name\r\n\r\n",
            "GET PATH HTTP/1.1\r\nHost: x\r\nBad Name: x\r\n\r\n", "GET PATH HTTP/1.1\r\nHost: x\r\nName : x\r\n\r\n",
            "GET PATH HTTP/1.1\r\nHost: x\r\nName: a\0b\r\n\r\n", "GET PATH HTTP/1.1\r\nHost: x\r\nNa(me: a\r\n\r\n",
        ]

        /// What follows the head of a request that appends to that stream.
        static let malformedBodies = [
            "Content-Length: x\r\n\r\nabc", "Content-Length: -3\r\n\r\nabc", "Content-Length: 0x3\r\n\r\nabc",
            "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
            "Content-Length: 99999999999999999999999999\r\n\r\nabc",
            "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n\r\nabc\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n-3\r\nabc\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
            "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nabc\r\n0\r\n\r\n",
        ].map { "POST PATH HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n\($0)" }

        @Test(arguments: malformed + malformedBodies)
        func `It is 400, the connection closes and nothing is appended`(text: String) async throws {
            let stream = try await TestStream.create(body: "safe")
            let connection = try await Connection(to: stream.endpoint)
            try await connection.send(text.replacing("PATH", with: stream.target))
            let response = try await connection.receiveResponse()
            expectStatus(response, 400)
            #expect(try await connection.isEnded())
            let read = try await stream.read()
            #expect(read.text == "safe")
            expectHeader(read, "Stream-Up-To-Date", "true")
        }

        @Test func `A body longer than announced is 400 after the answer to the announced part`() async throws {
            let stream = try await TestStream.create()
            let connection = try await Connection(to: stream.endpoint)
            let headers: HeaderList = ["Content-Type": "text/plain", "Content-Length": "3"]
            try await connection.send(stream.request("POST", headers, body: "abc and more\r\n\r\n").bytes(host: "x"))
            expectStatus(try await connection.receiveFinalResponse(to: "POST"), 204)
            expectStatus(try await connection.receiveFinalResponse(), 400)
            #expect(try await connection.isEnded())
            #expect(try await stream.read().text == "abc")
        }

        @Test func `Answers to requests before the malformed one still arrive`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let connection = try await Connection(to: stream.endpoint)
            let good = stream.request("GET").bytes(host: "x")
            try await connection.send(good + good + Array("nonsense\r\n\r\n".utf8) + good)
            #expect(try await connection.receiveFinalResponse().text == "abc")
            #expect(try await connection.receiveFinalResponse().text == "abc")
            expectStatus(try await connection.receiveFinalResponse(), 400)
            #expect(try await connection.isEnded())
        }

        @Test func `Header blocks up to the limit are served and greater ones refused`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let fitting = try await stream.read("", ["X-Long": String(repeating: "a", count: 30_000)])
            #expect(fitting.text == "abc")
            let many = HeaderList((0..<1_000).map { HeaderList.Field(name: "X-\($0)", value: "x") })
            #expect(try await stream.read("", many).text == "abc")

            let floods = [
                HeaderList([HeaderList.Field(name: "X-Long", value: String(repeating: "a", count: 100_000))]),
                HeaderList((0..<20_000).map { HeaderList.Field(name: "X-\($0)", value: "x") }),
                HeaderList([HeaderList.Field(name: String(repeating: "n", count: 100_000), value: "x")]),
            ]
            for flood in floods {
                let connection = try await Connection(to: stream.endpoint)
                do {
                    let response = try await connection.exchange(stream.request("GET", flood))
                    #expect((400..<500).contains(response.status), "\(response)")
                } catch let error as ClientError where error.isClosed {
                    // The rest of the flood was still on its way when the server closed: the answer may be lost.
                }
            }
            #expect(try await stream.read().text == "abc")
        }

        /// So many fields, whose names and values have so many bytes together.
        private static func fields(_ count: Int, byteCount: Int) -> HeaderList {
            let name = "X-Field"
            var fields = HeaderList()
            var rest = byteCount
            for number in 1...count {
                let value = (number == count ? rest : byteCount / count) - name.utf8.count
                fields.append(name, String(repeating: "a", count: value))
                rest -= name.utf8.count + value
            }
            return fields
        }

        /// What counts is the target, the names and the values, without what stands between them.
        @Test(.ownServerOnly, arguments: [1, 10, 900])
        func `A header block of 64 KiB is served, and with one byte more it is refused`(fieldCount: Int) async throws {
            let stream = try await TestStream.create(body: "abc")
            let others = stream.target + "Host" + stream.endpoint.authority
            let room = (64 << 10) - others.utf8.count
            for byteCount in [room - 1, room] {
                let served = try await stream.read("", Self.fields(fieldCount, byteCount: byteCount))
                expectStatus(served, 200)
                #expect(served.text == "abc")
            }
            let name = HeaderList([HeaderList.Field(name: String(repeating: "n", count: room), value: "x")])
            for headers in [Self.fields(fieldCount, byteCount: room + 1), name] {
                let refused = try await stream.read("", headers)
                expectStatus(refused, Transport.current.answersWhatIsNoRequest ? 431 : 400)
            }
        }

        @Test(.notUpToApps("Hummingbird waits for the client to close, who is still sending"))
        func `A header block that never ends is refused`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let connection = try await Connection(to: stream.endpoint)
            try await connection.send("GET \(stream.target) HTTP/1.1\r\nHost: x\r\n")
            do {
                for number in 0..<5_000 {
                    try await connection.send("X-\(number): \(String(repeating: "a", count: 1_000))\r\n")
                }
                let response = try await connection.receiveFinalResponse()
                #expect((400..<500).contains(response.status), "\(response)")
            } catch let error as ClientError where error.isClosed {
                // The rest was still on its way when the server closed: the answer may be lost.
            }
            #expect(try await stream.read().text == "abc")
        }
    }
}
