import Testing

extension BlackBox {
    /// Section 4, appends.
    @Suite struct `Appending` {
        @Test func `An append is 204 with the new tail`() async throws {
            let stream = try await TestStream.create()
            let response = try await stream.append("abc")
            expectStatus(response, 204)
            #expect(response.body.isEmpty)
            expectHeader(response, "Stream-Closed", nil)
            let read = try await stream.read()
            #expect(read.text == "abc")
            expectHeader(read, "Stream-Next-Offset", response.nextOffset)
        }

        @Test(arguments: [RequestBody.none, .bytes([]), .chunked([])])
        func `An empty body without closing is 400`(body: RequestBody) async throws {
            let stream = try await TestStream.create(body: "x")
            expectStatus(try await stream.append(body), 400)
            expectStatus(try await stream.append(body, ["Stream-Closed": "false"]), 400)
            expectStatus(try await stream.post(body), 400)
            #expect(try await stream.read().text == "x")
        }

        @Test(arguments: [RequestBody.bytes([0x78]), .chunked([[0x78]])], ["text/plain", "application/octet-stream"])
        func `A body without a content type is 400`(body: RequestBody, type: String) async throws {
            let stream = try await TestStream.create(type)
            expectStatus(try await stream.post(body), 400)
            expectStatus(try await stream.post(body, ["Stream-Closed": "true"]), 400)
            let read = try await stream.read()
            #expect(read.body.isEmpty)
            expectHeader(read, "Stream-Closed", nil)
        }

        @Test(arguments: [
            ("text/plain", "text/html"), ("text/plain", "application/octet-stream"), ("application/json", "text/plain"),
            ("application/octet-stream", "application/json"), ("application/json", "application/json-seq"),
            ("text/plain", "text/plain2"),
        ])
        func `Another content type is 409 and appends nothing`(type: String, other: String) async throws {
            let stream = try await TestStream.create(type)
            let response = try await stream.post("1", ["Content-Type": other])
            expectStatus(response, 409)
            expectHeader(response, "Stream-Closed", nil)
            #expect(try await stream.tail() == TestStream.start)
        }

        @Test(arguments: ["text/plain", "TEXT/PLAIN", "text/plain;charset=utf-8", "text/plain ; charset=\"x\""])
        func `The media type is compared without case and parameters`(type: String) async throws {
            let stream = try await TestStream.create("text/plain; charset=us-ascii")
            expectStatus(try await stream.post("x", ["Content-Type": type]), 204)
        }

        @Test func `A chunked body may have chunk extensions, trailers and sizes in any spelling`() async throws {
            let stream = try await TestStream.create()
            let connection = try await Connection(to: stream.endpoint)
            try await connection.send(
                """
                POST \(stream.target) HTTP/1.1\r
                Host: x\r
                Content-Type: text/plain\r
                Transfer-Encoding: chunked\r
                Trailer: X-Checksum\r
                \r
                3;name=value\r
                abc\r
                00A\r
                0123456789\r
                0\r
                X-Checksum: 1\r
                \r

                """
            )
            expectStatus(try await connection.receiveFinalResponse(), 204)
            #expect(try await stream.read().text == "abc0123456789")
        }

        @Test func `Once a response was sent, every later request sees the append`() async throws {
            let stream = try await TestStream.create("application/octet-stream")
            let writer = try await Connection(to: stream.endpoint)
            let reader = try await Connection(to: stream.endpoint)
            let headers: HeaderList = ["Content-Type": "application/octet-stream"]
            for number in 1...100 {
                let byte = UInt8(truncatingIfNeeded: number)
                let appended = try await writer.exchange(stream.request("POST", headers, body: .bytes([byte])))
                try #require(appended.status == 204, "\(appended)")
                let head = try await reader.exchange(stream.request("HEAD"))
                expectHeader(head, "Stream-Next-Offset", appended.nextOffset)
                let now = try await reader.exchange(stream.request("GET", query: "offset=now"))
                expectHeader(now, "Stream-Next-Offset", appended.nextOffset)
                let read = try await reader.exchange(stream.request("GET"))
                #expect(read.body.count == number)
                #expect(read.body.last == byte)
            }
        }

        @Test func `An upload that breaks off appends nothing`() async throws {
            let stream = try await TestStream.create(body: "x")
            let starts = [
                "Content-Length: 100\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                "Transfer-Encoding: chunked\r\n\r\n5\r\nab", "Content-Length: 3\r\n\r\nab",
            ]
            for start in starts {
                let connection = try await Connection(to: stream.endpoint)
                let line = "POST \(stream.target) HTTP/1.1\r\n"
                try await connection.send(line + "Host: x\r\nContent-Type: text/plain\r\n" + start)
                await connection.finishSending()
                _ = try await connection.receiveAll()
                await connection.close()
            }
            #expect(try await stream.read().text == "x")
        }
    }

    /// Section 4, closing.
    @Suite struct `Closing` {
        @Test(arguments: ["true", "TRUE", "True"])
        func `A close is 204 with the final offset, and so is its repetition`(value: String) async throws {
            let stream = try await TestStream.create(body: "abc")
            let tail = try await stream.tail()
            for body in [RequestBody.bytes([]), .none, .chunked([])] {
                let response = try await stream.post(body, ["Stream-Closed": value])
                expectStatus(response, 204)
                expectHeader(response, "Stream-Closed", "true")
                expectHeader(response, "Stream-Next-Offset", tail)
            }
            let read = try await stream.read()
            #expect(read.text == "abc")
            expectHeader(read, "Stream-Closed", "true")
        }

        @Test(arguments: ["image/png", "application/json", "nonsense", ""])
        func `A close without a body ignores the content type`(type: String) async throws {
            let stream = try await TestStream.create()
            expectStatus(try await stream.post(.bytes([]), ["Stream-Closed": "true", "Content-Type": type]), 204)
            expectHeader(try await stream.head(), "Stream-Closed", "true")
        }

        @Test func `An append to a closed stream is 409 with the final offset`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let tail = try await stream.tail()
            _ = try await stream.closeStream()
            for headers in [[:], ["Stream-Closed": "true"], ["Stream-Seq": "1"]] as [HeaderList] {
                let response = try await stream.append("more", headers)
                expectStatus(response, 409)
                expectHeader(response, "Stream-Closed", "true")
                expectHeader(response, "Stream-Next-Offset", tail)
            }
            #expect(try await stream.read().text == "abc")
        }

        @Test(arguments: ["text/plain", "application/json"])
        func `Append and close is one step, and repeating it is 409`(type: String) async throws {
            let stream = try await TestStream.create(type, body: "1")
            let response = try await stream.append("2", ["Stream-Closed": "true"])
            expectStatus(response, 204)
            expectHeader(response, "Stream-Closed", "true")
            let read = try await stream.read()
            #expect(read.text == (type == "text/plain" ? "12" : "[1,2]"))
            expectHeader(read, "Stream-Closed", "true")
            expectHeader(read, "Stream-Next-Offset", response.nextOffset)

            let repeated = try await stream.append("2", ["Stream-Closed": "true"])
            expectStatus(repeated, 409)
            expectHeader(repeated, "Stream-Closed", "true")
            expectHeader(repeated, "Stream-Next-Offset", response.nextOffset)
            expectStatus(try await stream.closeStream(), 204)
        }

        @Test func `A refused append and close leaves the stream open`() async throws {
            let stream = try await TestStream.create("application/json")
            let refusals: [(RequestBody, HeaderList, Int)] = [
                ("{", ["Content-Type": "application/json"], 400), ("[]", ["Content-Type": "application/json"], 400),
                ("1", ["Content-Type": "text/plain"], 409), ("1", [:], 400),
            ]
            for (body, headers, status) in refusals {
                expectStatus(try await stream.post(body, ["Stream-Closed": "true"] + headers), status)
            }
            expectHeader(try await stream.head(), "Stream-Closed", nil)
            expectStatus(try await stream.append("1"), 204)
        }

        @Test func `No reader sees the data without the end or the end without the data`() async throws {
            for _ in 0..<20 {
                let stream = try await TestStream.create()
                async let closing = stream.append("data", ["Stream-Closed": "true"])
                let connection = try await Connection(to: stream.endpoint)
                while true {
                    let read = try await connection.exchange(stream.request("GET"))
                    if read.isClosed {
                        #expect(read.text == "data")
                        break
                    }
                }
                expectStatus(try await closing, 204)
            }
        }

        @Test func `Of many that append and close at once, one does`() async throws {
            let stream = try await TestStream.create()
            let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<12 {
                    group.addTask { try await stream.append(.text("<\(number)>"), ["Stream-Closed": "true"]).status }
                }
                return try await group.reduce(into: [Int]()) { $0.append($1) }
            }
            #expect(statuses.sorted() == [204] + [Int](repeating: 409, count: 11))
            let content = try await stream.read().text
            #expect(content.filter { $0 == "<" }.count == 1, "\(content)")
        }
    }
}
