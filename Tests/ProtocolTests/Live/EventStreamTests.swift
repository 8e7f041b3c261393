import Testing

extension BlackBox {
    /// Section 7.3, framing and control events.
    @Suite struct `Event streams` {
        @Test func `The response announces an event stream and nothing that would break one`() async throws {
            let stream = try await TestStream.create(body: .text(compressibleText(3_000)))
            let source = try await stream.events("-1", ["Accept-Encoding": "gzip"])
            #expect(source.head.headers["Content-Type"] == "text/event-stream")
            #expect(source.head.headers["Cache-Control"] == "no-cache")
            #expect(source.head.headers["X-Accel-Buffering"] == "no")
            #expect(source.head.headers["Content-Length"] == nil)
            #expect(source.head.headers["Content-Encoding"] == nil)
            let batch = try #require(try await source.nextBatch())
            #expect(batch.payloads.joined() == compressibleText(3_000))
            await source.close()
        }

        @Test(arguments: [
            ("text/plain", nil), ("text/html; charset=utf-8", nil), ("TEXT/CSV", nil), ("text/event-stream", nil),
            ("application/json", nil), ("Application/JSON; charset=utf-8", nil), ("application/octet-stream", "base64"),
            ("image/png", "base64"), ("application/ld+json", "base64"), ("application/json-seq", "base64"),
            ("application/xml", "base64"), ("textual/plain", "base64"), ("application/text", "base64"),
        ] as [(String, String?)])
        func `Types that are neither text nor JSON are sent as base64`(type: String, encoding: String?) async throws {
            let stream = try await TestStream.create(type, body: "[1]")
            let source = try await stream.events("-1")
            #expect(source.head.headers["Stream-SSE-Data-Encoding"] == encoding)
            let batch = try #require(try await source.nextBatch())
            #expect(batch.payloads == [encoding == nil ? "[1]" : "WzFd"])
            await source.close()
        }

        @Test func `The bytes of a data event and its control event are as the grammar says`() async throws {
            let stream = try await TestStream.create(body: "one\n two\r\n\rdata: x\n")
            let closed = try await stream.append("end", ["Stream-Closed": "true"])
            let middle = try await stream.read().nextOffset
            #expect(closed.nextOffset == middle)
            let source = try await stream.events("-1")
            while try await source.next() != nil {}
            let text = String(decoding: await source.bytes, as: UTF8.self)
            let tail = try #require(closed.nextOffset)
            let control = "{\"streamNextOffset\":\"\(tail)\",\"streamClosed\":true,\"upToDate\":true}"
            let end = "event: control\ndata:\(control)\n\n"
            #expect(text.hasPrefix("event: data\ndata:one\ndata:  two\ndata:\ndata:data: x\ndata:"), "\(text)")
            #expect(text.hasSuffix(end), "\(text)")
        }

        @Test(
            arguments: ["text/plain", "application/json", "application/octet-stream"],
            ["-1", "now", TestStream.start]
        )
        func `With nothing to send a control event goes out at once`(type: String, offset: String) async throws {
            let stream = try await TestStream.create(type)
            let source = try await stream.events(offset)
            let event = try #require(try await source.next())
            #expect(event.type == "control")
            let control = try ControlEvent(event.data)
            #expect(control.nextOffset == TestStream.start)
            #expect(control.isUpToDate)
            #expect(!control.isClosed)
            #expect(control.cursor != nil)
            await source.close()
        }

        @Test func `Reading starts at the offset`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let middle = try await stream.tail()
            let tail = try await stream.appendSuccessfully("def")
            let source = try await stream.events(middle)
            let batch = try #require(try await source.nextBatch())
            #expect(batch.payloads.joined() == "def")
            #expect(batch.control.nextOffset == tail)
            #expect(batch.control.isUpToDate)
            await source.close()
            let now = try await stream.events("now")
            let nothing = try #require(try await now.nextBatch())
            #expect(nothing.payloads == [])
            #expect(nothing.control.nextOffset == tail)
            await now.close()
        }

        @Test func `Up to date is said at the tail and only there`() async throws {
            var random = SeededGenerator(seed: SeededGenerator.seed)
            let content = random.bytes(3_000_000)
            let stream = try await TestStream.create("application/octet-stream", body: .bytes(content))
            let tail = try await stream.tail()
            let source = try await stream.events("-1")
            var received: [String] = []
            while let batch = try await source.nextBatch() {
                received += batch.payloads
                #expect(batch.control.isUpToDate == (batch.control.nextOffset == tail))
                if batch.control.isUpToDate { break }
            }
            await source.close()
            #expect(try received.flatMap { try Base64.decode($0) } == content)
        }

        @Test(arguments: ["text/plain", "application/json", "application/octet-stream"])
        func `A closed stream ends with a control event that says so`(type: String) async throws {
            let stream = try await TestStream.create(type, ["Stream-Closed": "true"], body: "1")
            let tail = try await stream.tail()
            for (offset, hasData) in [("-1", true), (tail, false), ("now", false)] {
                let source = try await stream.events(offset)
                var batches: [EventBatch] = []
                while let batch = try await source.nextBatch() { batches.append(batch) }
                let last = try #require(batches.last)
                #expect(last.control.isClosed && last.control.isUpToDate && last.control.cursor == nil)
                #expect(last.control.nextOffset == tail)
                #expect(batches.flatMap(\.payloads).isEmpty != hasData)
                for batch in batches.dropLast() { #expect(!batch.control.isClosed) }
            }
        }

        @Test func `An event stream that cannot be is refused`() async throws {
            let stream = try await TestStream.create(body: "abc")
            expectStatus(try await stream.read("live=sse"), 400)
            expectStatus(try await stream.read("offset=x&live=sse"), 400)
            expectStatus(try await TestStream.unused().read("offset=-1&live=sse"), 404)
        }

        @Test func `While idle the control event is repeated`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let tail = try await stream.tail()
            let source = try await stream.events("now")
            for _ in 0..<3 {
                let event = try #require(try await source.next())
                #expect(event.type == "control")
                let control = try ControlEvent(event.data)
                #expect(control.nextOffset == tail)
                #expect(control.isUpToDate)
            }
            await source.close()
        }

        @Test func `The server ends the response between events, not within the first second`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let connected = ContinuousClock.now
            let source = try await stream.events("-1")
            var last: ControlEvent?
            while let batch = try await source.nextBatch() { last = batch.control }
            #expect(ContinuousClock.now - connected >= .seconds(1))
            #expect(last?.isClosed == false)
            #expect(last?.isUpToDate == true)
        }

        @Test func `JSON comes as arrays of whole messages`() async throws {
            let stream = try await TestStream.create("application/json", body: "[{\"a\": [1, 2]}, \"x\\ny\"]")
            try await stream.appendSuccessfully("{\n \"b\":\r\n 2 }")
            try await stream.appendSuccessfully("[[3], null]", ["Stream-Closed": "true"])
            let transcript = try await stream.follow { $0.isClosed }
            let messages = try transcript.payloads.flatMap { try RawJSON.elements(of: $0.utf8) }
            // A line end inside a message is a line end of the event stream and comes back as a line feed.
            let expected = ["{\"a\": [1, 2]}", "\"x\\ny\"", "{\n \"b\":\n 2 }", "[3]", "null"]
            #expect(messages.map { String(decoding: $0, as: UTF8.self) } == expected)
        }
    }

    /// Section 7.3: what the server does when something happens to the stream.
    @Suite(.server(.patient), .ownServerOnly)
    struct `Connected event streams` {
        @Test(arguments: ["text/plain", "application/json", "application/octet-stream"])
        func `Appends arrive while connected, each followed by its control event`(type: String) async throws {
            let stream = try await TestStream.create(type)
            let source = try await stream.events("-1")
            #expect(try await source.nextBatch()?.payloads == [])
            for number in 1...20 {
                let tail = try await stream.appendSuccessfully(.text("\(number)"))
                var payloads: [String] = []
                var control: ControlEvent?
                // Keep-alives of the tail before may come in between.
                while control?.nextOffset != tail {
                    let batch = try #require(try await source.nextBatch())
                    payloads += batch.payloads
                    control = batch.control
                }
                #expect(control?.isUpToDate == true)
                switch type {
                case "text/plain": #expect(payloads == ["\(number)"])
                case "application/json": #expect(payloads == ["[\(number)]"])
                default: #expect(try payloads.map { try Base64.decode($0) } == [Array("\(number)".utf8)])
                }
            }
            await source.close()
        }

        @Test func `A close sends the final control event and ends the response`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let source = try await stream.events("now")
            #expect(try await source.nextBatch()?.control.isClosed == false)
            _ = try await stream.closeStream()
            var last: ControlEvent?
            while let batch = try await source.nextBatch() { last = batch.control }
            #expect(last?.isClosed == true)
            #expect(last?.nextOffset == (try await stream.tail()))
        }

        @Test func `An append that closes sends the data, then the end`() async throws {
            let stream = try await TestStream.create()
            let source = try await stream.events("-1")
            #expect(try await source.nextBatch() != nil)
            let closed = try await stream.append("last words", ["Stream-Closed": "true"])
            var transcript = Transcript(nextOffset: "")
            while let batch = try await source.nextBatch() { transcript.apply(batch) }
            #expect(transcript.text == "last words")
            #expect(transcript.isClosed)
            #expect(transcript.nextOffset == closed.nextOffset)
        }

        @Test func `A delete ends the response cleanly, without saying that the stream was closed`() async throws {
            let stream = try await TestStream.create(body: "abc")
            let source = try await stream.events("-1")
            var batches = [try #require(try await source.nextBatch())]
            expectStatus(try await stream.delete(), 204)
            while let batch = try await source.nextBatch() { batches.append(batch) }
            #expect(batches.allSatisfy { !$0.control.isClosed })
        }

        @Test func `A reader that does not read holds nobody up and then catches up`() async throws {
            var random = SeededGenerator(seed: SeededGenerator.seed)
            let content = random.bytes(1_000_000)
            let stream = try await TestStream.create("application/octet-stream")
            let source = try await stream.events("-1")
            // Far more than the buffers of two sockets.
            for _ in 0..<16 { try await stream.appendSuccessfully(.bytes(content)) }
            _ = try await stream.closeStream()
            let other = try await stream.read("offset=now")
            expectStatus(other, 200)
            var byteCount = 0
            while let batch = try await source.nextBatch() {
                for payload in batch.payloads {
                    let bytes = try Base64.decode(payload)
                    let start = byteCount % content.count
                    let expected = (content[start...] + content + content).prefix(bytes.count)
                    #expect(expected.elementsEqual(bytes))
                    byteCount += bytes.count
                }
            }
            #expect(byteCount == 16 * content.count)
        }

        @Test func `Many readers of one stream see the same`() async throws {
            let stream = try await TestStream.create()
            let texts = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<25 {
                    group.addTask { try await stream.follow { $0.isClosed }.text }
                }
                for number in 0..<50 { try await stream.appendSuccessfully(.text("\(number),")) }
                _ = try await stream.closeStream()
                return try await group.reduce(into: [String]()) { $0.append($1) }
            }
            let expected = (0..<50).map { "\($0)," }.joined()
            #expect(texts == [String](repeating: expected, count: 25))
        }
    }

    /// Section 7.3, on a server that is configured to end event streams much too early.
    @Suite(.server(ServerSettings { $0.eventStreamDurationMilliseconds = 1 }), .ownServerOnly)
    struct `Event streams of no duration` {
        @Test func `They are not ended within the first second`() async throws {
            let stream = try await TestStream.create(body: "abc")
            for _ in 0..<3 {
                let sent = ContinuousClock.now
                let source = try await stream.events("-1")
                while try await source.next() != nil {}
                #expect(ContinuousClock.now - sent >= .seconds(1))
            }
        }
    }
}
