import Testing

extension BlackBox {
    /// Sections 2 and 10: HTTP/1.1 as such.
    @Suite struct `Connections` {
        @Test func `A connection serves many requests`() async throws {
            let stream = try await TestStream.create()
            let connection = try await Connection(to: stream.endpoint)
            for number in 1...100 {
                let headers: HeaderList = ["Content-Type": "text/plain"]
                expectStatus(try await connection.exchange(stream.request("POST", headers, body: "x")), 204)
                let read = try await connection.exchange(stream.request("GET"))
                #expect(read.body.count == number)
                expectStatus(try await connection.exchange(stream.request("GET", query: "offset=bad")), 400)
            }
        }

        @Test func `Pipelined requests are answered in order`() async throws {
            let stream = try await TestStream.create()
            let connection = try await Connection(to: stream.endpoint)
            var bytes: [UInt8] = []
            for number in 0..<50 {
                let headers: HeaderList = ["Content-Type": "text/plain"]
                let body: RequestBody = number % 2 == 0 ? .text("\(number),") : .chunked([Array("\(number),".utf8)])
                bytes += stream.request("POST", headers, body: body).bytes(host: "x")
                bytes += stream.request("GET").bytes(host: "x")
                bytes += stream.request("HEAD").bytes(host: "x")
                bytes += stream.request("GET", query: "offset=bad\(number)").bytes(host: "x")
            }
            try await connection.send(bytes)
            var expected = ""
            for number in 0..<50 {
                expected += "\(number),"
                expectStatus(try await connection.receiveFinalResponse(to: "POST"), 204)
                let read = try await connection.receiveFinalResponse()
                #expect(read.text == expected)
                let head = try await connection.receiveFinalResponse(to: "HEAD")
                expectHeader(head, "Stream-Next-Offset", read.nextOffset)
                expectStatus(try await connection.receiveFinalResponse(), 400)
            }
        }

        @Test func `A long-poll in a pipeline keeps the order`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let connection = try await Connection(to: stream.endpoint)
            try await connection.send(
                stream.request("GET", query: "offset=now&live=long-poll").bytes(host: "x")
                    + stream.request("GET").bytes(host: "x")
                    + stream.request("GET", query: "offset=now&live=long-poll").bytes(host: "x")
                    + stream.request("DELETE").bytes(host: "x")
                    + stream.request("GET").bytes(host: "x")
            )
            expectStatus(try await connection.receiveFinalResponse(), 204)
            #expect(try await connection.receiveFinalResponse().text == "abc")
            expectStatus(try await connection.receiveFinalResponse(), 204)
            expectStatus(try await connection.receiveFinalResponse(to: "DELETE"), 204)
            expectStatus(try await connection.receiveFinalResponse(), 404)
        }

        @Test(arguments: ["offset=now&live=long-poll", "offset=-1&live=sse", "offset=-1"], [true, false])
        func `A client that breaks off with requests in the pipeline does no harm`(
            query: String,
            resets: Bool
        ) async throws {
            let stream = try await TestStream.create(body: .text(compressibleText(20_000)))
            // All at the same time, since an event stream goes on for seconds after its client has closed its half.
            try await withThrowingTaskGroup { group in
                for count in 1...12 {
                    group.addTask {
                        try await Self.breakOff(from: stream, query, afterMoreRequests: count, resets: resets)
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await stream.read().body.count == 20_000)
        }

        private static func breakOff(
            from stream: TestStream, _ query: String, afterMoreRequests count: Int, resets: Bool
        ) async throws {
            let connection = try await Connection(to: stream.endpoint)
            let headers: HeaderList = ["Content-Type": "text/plain"]
            try await connection.send(stream.request("GET", query: query).bytes(host: "x"))
            // In several packets, so that the server finds some of them only when the connection ends.
            for _ in 0..<count {
                try await connection.send(stream.request("GET").bytes(host: "x"))
                try await connection.send(stream.request("POST", headers, body: .bytes([])).bytes(host: "x"))
            }
            if resets {
                await connection.reset()
            } else {
                await connection.finishSending()
                _ = try await connection.receiveAll()
                await connection.close()
            }
        }

        @Test func `A request may come in single bytes`() async throws {
            let stream = try await TestStream.create()
            let connection = try await Connection(to: stream.endpoint)
            let headers: HeaderList = ["Content-Type": "text/plain"]
            for body in [RequestBody.bytes([0x61, 0x62, 0x63]), .chunked([[0x64], [0x65, 0x66]])] {
                for byte in stream.request("POST", headers, body: body).bytes(host: "x") {
                    try await connection.send([byte])
                }
                expectStatus(try await connection.receiveFinalResponse(to: "POST"), 204)
            }
            #expect(try await stream.read().text == "abcdef")
        }

        @Test func `A body that is expected is asked for`() async throws {
            let stream = try await TestStream.create()
            let connection = try await Connection(to: stream.endpoint)
            let headers: HeaderList = ["Content-Type": "text/plain", "Expect": "100-continue", "Content-Length": "3"]
            for _ in 0..<2 {
                try await connection.send(stream.request("POST", headers).bytes(host: "x"))
                let interim = try await connection.receiveResponse(to: "POST")
                expectStatus(interim, 100)
                try await connection.send("abc")
                expectStatus(try await connection.receiveResponse(to: "POST"), 204)
            }
            #expect(try await stream.read().text == "abcabc")
        }

        @Test func `A refusal comes whether or not the body was asked for`() async throws {
            let missing = try TestStream.unused()
            let closed = try await TestStream.create("text/plain", ["Stream-Closed": "true"])
            let expecting: HeaderList = ["Content-Type": "text/plain", "Expect": "100-continue", "Content-Length": "3"]
            let refusals: [(Request, Int)] = [
                (missing.request("POST", expecting), 404),
                (closed.request("POST", expecting + ["Content-Encoding": "gzip"]), 415),
            ]
            for (request, status) in refusals {
                let connection = try await Connection(to: missing.endpoint)
                try await connection.send(request.bytes(host: "x"))
                var response = try await connection.receiveResponse(to: "POST")
                if response.status == 100 {
                    try await connection.send("abc")
                    response = try await connection.receiveResponse(to: "POST")
                }
                expectStatus(response, status)
            }
        }

        @Test func `A client that asks for it has the connection closed`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let connection = try await Connection(to: stream.endpoint)
            let response = try await connection.exchange(stream.request("GET", ["Connection": "close"]))
            #expect(response.text == "abc")
            #expect(try await connection.isEnded())
        }

        @Test(.notUpToApps("Hummingbird takes HTTP/1.0 for 1.1"))
        func `A client of HTTP 1_0 has the connection closed`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let old = try await Connection(to: stream.endpoint)
            try await old.send("GET \(stream.target) HTTP/1.0\r\n\r\n")
            #expect(try await old.receiveFinalResponse().text == "abc")
            #expect(try await old.isEnded())
        }

        @Test func `A HEAD, GET or DELETE with a body does not confuse the next request`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let connection = try await Connection(to: stream.endpoint)
            let smuggled = RequestBody.text("POST \(stream.target) HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
            expectStatus(try await connection.exchange(stream.request("HEAD", body: smuggled)), 200)
            #expect(try await connection.exchange(stream.request("GET", body: smuggled)).text == "abc")
            #expect(try await connection.exchange(stream.request("GET")).text == "abc")
            expectStatus(try await connection.exchange(stream.request("DELETE", body: smuggled)), 204)
            expectStatus(try await connection.exchange(stream.request("GET")), 404)
        }
    }

    /// Section 10, limits on connections.
    @Suite(
        .server(ServerSettings { $0.connectionLimit = 8 }), .ownServerOnly,
        .notUpToApps("connections are Hummingbird's"))
    struct `A connection limit` {
        @Test func `Too many connections are told to try again later, and later they are served`() async throws {
            let stream = try await TestStream.create(body: "abc")
            var held: [Connection] = []
            var refused: Response?
            for _ in 0..<20 where refused == nil {
                let connection = try await Connection(to: stream.endpoint)
                let response = try await connection.exchange(stream.request("GET"))
                if response.status == 200 { held.append(connection) } else { refused = response }
            }
            let response = try #require(refused)
            #expect([429, 503].contains(response.status), "\(response)")
            #expect(response.headers["Retry-After"].flatMap { Int($0) } != nil, "\(response)")
            #expect(held.count <= 8)
            for connection in held { await connection.close() }
            let later = try await eventually({ $0.status == 200 }) {
                try await stream.read()
            }
            #expect(later.text == "abc")
        }
    }
}
