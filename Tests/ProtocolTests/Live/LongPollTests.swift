import Testing

extension BlackBox {
    /// Section 7.2, on a server that waits briefly.
    @Suite struct `Long-poll` {
        @Test(arguments: ["long-poll", "sse"])
        func `Live reads need an offset`(mode: String) async throws {
            let stream = try await TestStream.create(body: "abc")
            expectStatus(try await stream.read("live=\(mode)"), 400)
            expectStatus(try await stream.read("live=\(mode)&cursor=1"), 400)
        }

        @Test func `Data is answered at once like a catch-up read, with a cursor`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let plain = try await stream.read()
            let response = try await stream.longPoll("-1")
            expectStatus(response, 200)
            #expect(response.text == "abc")
            for name in ["Content-Type", "Stream-Next-Offset", "Stream-Up-To-Date", "Stream-Closed", "Cache-Control"] {
                expectHeader(response, name, plain.headers[name])
            }
            #expect(response.headers["Stream-Cursor"].flatMap { Int($0) } != nil, "\(response)")
        }

        @Test(arguments: ["text/plain", "application/json"])
        func `At the tail the timeout is 204, and the connection can be used again`(type: String) async throws {
            let stream = try await TestStream.create(type, body: "1")
            let tail = try await stream.tail()
            let connection = try await Connection(to: stream.endpoint)
            for offset in [tail, "now"] {
                let sent = ContinuousClock.now
                let request = stream.request("GET", query: "offset=\(offset)&live=long-poll")
                let response = try await connection.exchange(request)
                expectStatus(response, 204)
                if !Endpoint.isExternal {
                    #expect(ContinuousClock.now - sent >= .milliseconds(250))
                }
                #expect(response.body.isEmpty)
                expectHeader(response, "Stream-Next-Offset", tail)
                expectHeader(response, "Stream-Up-To-Date", "true")
                expectHeader(response, "Stream-Closed", nil)
                expectHeader(response, "Cache-Control", "no-store")
                #expect(response.headers["Stream-Cursor"].flatMap { Int($0) } != nil, "\(response)")
            }
        }

        @Test func `Following by long-poll loses and repeats nothing`() async throws {
            let stream = try await TestStream.create("application/json")
            async let writing: Void = {
                for number in 0..<60 {
                    try await stream.appendSuccessfully(.text("\(number)"))
                    if number % 20 == 0 { try await Task.sleep(for: .milliseconds(350)) }
                }
                _ = try await stream.closeStream()
            }()
            let connection = try await Connection(to: stream.endpoint)
            var offset = "-1"
            var cursor = ""
            var read: [String] = []
            while true {
                let query = "offset=\(offset)&live=long-poll&cursor=\(cursor)"
                let response = try await connection.exchange(stream.request("GET", query: query))
                try #require([200, 204].contains(response.status), "\(response)")
                if response.status == 200 {
                    read += try RawJSON.elements(of: response.body).map { String(decoding: $0, as: UTF8.self) }
                }
                offset = try #require(response.nextOffset)
                if response.isClosed { break }
                cursor = try #require(response.headers["Stream-Cursor"])
            }
            try await writing
            #expect(read == (0..<60).map(String.init))
        }
    }

    /// Section 7.2, on a server that waits until something happens.
    @Suite(.server(.patient), .ownServerOnly)
    struct `Waiting` {
        /// Well below the timeout of the server, so that an answer within it was no timeout.
        static let atOnce = Duration.seconds(60)

        @Test(arguments: ["text/plain", "application/json"])
        func `An append answers those who wait`(type: String) async throws {
            let stream = try await TestStream.create(type, body: "1")
            let tail = try await stream.tail()
            let responses = try await withThrowingTaskGroup(of: Response.self) { group in
                for _ in 0..<20 {
                    group.addTask { try await stream.longPoll(tail) }
                }
                // Lets most of them wait before the append; those that come later have data at once.
                try await Task.sleep(for: .milliseconds(300))
                try await stream.appendSuccessfully("2")
                return try await group.reduce(into: [Response]()) { $0.append($1) }
            }
            for response in responses {
                expectStatus(response, 200)
                #expect(response.text == (type == "text/plain" ? "2" : "[2]"))
                expectHeader(response, "Stream-Up-To-Date", "true")
                expectHeader(response, "Stream-Next-Offset", try await stream.tail())
            }
        }

        @Test func `Waiting at now is answered by a later append only`() async throws {
            let stream = try await TestStream.create("application/json", body: "\"before\"")
            let writing = Task {
                // Nobody can see when the server has begun to wait, so appends go on until it answers.
                var number = 0
                while !Task.isCancelled {
                    try? await Task.sleep(for: .milliseconds(100))
                    try await stream.appendSuccessfully(.text("\(number)"))
                    number += 1
                }
            }
            defer { writing.cancel() }
            let answered = try await stream.longPoll("now")
            writing.cancel()
            try await writing.value
            expectStatus(answered, 200)
            let messages = try RawJSON.elements(of: answered.body).map { String(decoding: $0, as: UTF8.self) }
            #expect(!messages.isEmpty && !messages.contains("\"before\""))
        }

        @Test func `At the tail of a closed stream the answer is 204 at once`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let tail = try await stream.tail()
            _ = try await stream.closeStream()
            for offset in [tail, "now"] {
                let sent = ContinuousClock.now
                let response = try await stream.longPoll(offset)
                #expect(ContinuousClock.now - sent < Self.atOnce)
                expectStatus(response, 204)
                expectHeader(response, "Stream-Closed", "true")
                expectHeader(response, "Stream-Up-To-Date", "true")
                expectHeader(response, "Stream-Next-Offset", tail)
                expectHeader(response, "Cache-Control", "no-store")
            }
        }

        @Test func `A close answers those who wait with 204`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let tail = try await stream.tail()
            async let waiting = stream.longPoll(tail)
            try await Task.sleep(for: .milliseconds(300))
            _ = try await stream.closeStream()
            let response = try await waiting
            expectStatus(response, 204)
            expectHeader(response, "Stream-Closed", "true")
            expectHeader(response, "Stream-Up-To-Date", "true")
            expectHeader(response, "Stream-Next-Offset", tail)
        }

        @Test func `If the append also closes the stream, the data comes first`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let tail = try await stream.tail()
            async let waiting = stream.longPoll(tail)
            try await Task.sleep(for: .milliseconds(300))
            let closed = try await stream.append("last", ["Stream-Closed": "true"])
            let response = try await waiting
            expectStatus(response, 200)
            #expect(response.text == "last")
            expectHeader(response, "Stream-Closed", "true")
            expectHeader(response, "Stream-Up-To-Date", "true")
            expectHeader(response, "Stream-Next-Offset", closed.nextOffset)
            let end = try await stream.longPoll(closed.nextOffset ?? "")
            expectStatus(end, 204)
            expectHeader(end, "Stream-Closed", "true")
        }

        @Test func `Everyone who waits for an append that closes the stream sees both at once`() async throws {
            for _ in 0..<10 {
                let stream = try await TestStream.create()
                let responses = try await withThrowingTaskGroup(of: Response.self) { group in
                    for _ in 0..<10 {
                        group.addTask { try await stream.longPoll("-1") }
                    }
                    try await Task.sleep(for: .milliseconds(100))
                    expectStatus(try await stream.append("last", ["Stream-Closed": "true"]), 204)
                    return try await group.reduce(into: [Response]()) { $0.append($1) }
                }
                for response in responses {
                    expectStatus(response, 200)
                    #expect(response.text == "last")
                    expectHeader(response, "Stream-Closed", "true")
                }
            }
        }

        @Test func `A delete answers those who wait with 404`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let tail = try await stream.tail()
            async let waiting = stream.longPoll(tail)
            try await Task.sleep(for: .milliseconds(300))
            expectStatus(try await stream.delete(), 204)
            expectStatus(try await waiting, 404)
        }

        @Test func `Clients that disconnect while waiting do no harm`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let tail = try await stream.tail()
            for mode in ["long-poll", "sse"] {
                for _ in 0..<30 {
                    let connection = try await Connection(to: stream.endpoint)
                    let request = stream.request("GET", query: "offset=\(tail)&live=\(mode)")
                    try await connection.send(request.bytes(host: "x"))
                    await connection.close()
                }
            }
            try await stream.appendSuccessfully("d")
            #expect(try await stream.longPoll(tail).text == "d")
        }

        @Test func `Appends to one stream do not answer those who wait for another`() async throws {
            let waitedFor = try await TestStream.create()
            let other = try await TestStream.create()
            async let waiting = waitedFor.longPoll("-1")
            for _ in 0..<20 { try await other.appendSuccessfully("x") }
            try await waitedFor.appendSuccessfully("y")
            #expect(try await waiting.text == "y")
        }
    }
}
