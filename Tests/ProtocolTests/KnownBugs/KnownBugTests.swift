import Testing

extension BlackBox {
    /// Bugs that servers of this protocol have had. Each has a test here, or is held by a test of the rule itself:
    ///
    /// - The final message is lost to a long-poll reader when an append also closes:
    ///   `If the append also closes the stream, the data comes first`.
    /// - An append that races a close reopens the stream: here, and
    ///   `Nothing comes after an acknowledged close, and the last data comes before the end`.
    /// - Bytes torn by a crash stay in the log and hide later appends:
    ///   `What was acknowledged before a SIGKILL is there once and in order, and nothing is torn`.
    /// - A deadlock, or 404 for everything, after a restart with forks or lifetimes: `ForkRestartTests`.
    /// - Forks serve what came to the URL of their expired source: here, and
    ///   `Forks never read the bytes of what came to the URL of their source`.
    /// - 304 hides a close or a recreation: here.
    /// - Numbers and escapes of JSON are rewritten: `A body becomes messages and comes back with its own bytes`.
    /// - A line that begins with a space loses it in an event stream:
    ///   `A text arrives as it was, apart from the spelling of its line ends`.
    /// - A character split across appends becomes U+FFFD:
    ///   `A character whose bytes come in several appends arrives whole`.
    /// - A create with a chunked body loses it: `A body, announced by length or chunked, is the first content`.
    /// - `Stream-Closed: TRUE` is ignored: `Created closed, the body is the whole content`, and
    ///   `A close is 204 with the final offset, and so is its repetition`.
    /// - A failed create leaves an empty stream: here.
    /// - An event-stream reader hangs when its stream is deleted: here, and
    ///   `A delete ends the response cleanly, without saying that the stream was closed`.
    @Suite struct `Known bugs of others` {
        @Test func `A stream that an append and a close fought for stays closed`() async throws {
            for _ in 0..<50 {
                let stream = try await TestStream.create()
                async let append = stream.append("x")
                async let close = stream.closeStream()
                let (appended, closed) = (try await append, try await close)
                expectStatus(closed, 204)
                #expect([204, 409].contains(appended.status), "\(appended)")
                expectStatus(try await stream.append("late"), 409)
                let read = try await stream.read()
                expectHeader(read, "Stream-Closed", "true")
                expectHeader(closed, "Stream-Next-Offset", read.nextOffset)
                #expect(read.text == (appended.status == 204 ? "x" : ""))
            }
        }

        @Test(arguments: ["text/plain", "application/json"])
        func `A condition never hides that a stream was created anew with the same content`(type: String) async throws {
            let stream = try await TestStream.create(type, body: "1")
            var tags: Set<String> = []
            for _ in 0..<5 {
                let read = try await stream.read("offset=-1", ["If-None-Match": tags.joined(separator: ", ")])
                expectStatus(read, 200)
                tags.insert(try #require(read.entityTag))
                expectStatus(try await stream.delete(), 204)
                expectStatus(try await stream.put(body: "1"), 201)
            }
            #expect(tags.count == 5)
        }

        @Test func `A condition never hides a close at the tail, at the start or in the middle`() async throws {
            let stream = try await TestStream.create(body: "abcdef")
            var tags: [String: String] = [:]
            let offsets = ["-1", TestStream.offset(3), TestStream.offset(6)]
            for offset in offsets { tags[offset] = try await stream.read("offset=\(offset)").entityTag }
            expectStatus(try await stream.closeStream(), 204)
            for offset in offsets {
                let read = try await stream.read("offset=\(offset)", ["If-None-Match": try #require(tags[offset])])
                expectStatus(read, 200)
                expectHeader(read, "Stream-Closed", "true")
                let again = try await stream.read("offset=\(offset)", ["If-None-Match": read.entityTag ?? ""])
                expectStatus(again, 304)
                expectHeader(again, "Stream-Closed", "true")
            }
        }

        @Test func `A fork of a source that was created anew never mixes the two`() async throws {
            let source = try await TestStream.create(body: "old old old")
            let fork = try await source.forked(at: TestStream.offset(4), body: "mine")
            expectStatus(try await source.delete(), 204)
            expectStatus(try await source.put(body: "new new new"), 409)
            #expect(try await fork.text() == "old mine")
            expectStatus(try await fork.delete(), 204)
            expectStatus(try await source.put(body: "new new new"), 201)
            let second = try await source.forked(at: TestStream.offset(4), body: "mine")
            #expect(try await second.text() == "new mine")
            expectStatus(try await source.fork(to: fork, body: "!"), 201)
            #expect(try await fork.text() == "new new new!")
        }

        @Test func `A create whose body never arrives whole leaves no stream`() async throws {
            for body in [
                "Content-Length: 100\r\n\r\nonly this", "Transfer-Encoding: chunked\r\n\r\n5\r\nabc",
                "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                "Transfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n0\r\n\r\n",
            ] {
                let stream = try TestStream.unused()
                let connection = try await Connection(to: stream.endpoint)
                try await connection.send("PUT \(stream.target) HTTP/1.1\r\nHost: x\r\n" + body)
                await connection.finishSending()
                _ = try await connection.receiveAll()
                await connection.close()
                expectStatus(try await stream.head(), 404, body)
                expectStatus(try await stream.put(["Stream-TTL": "60"], body: "other"), 201, body)
                #expect(try await stream.text() == "other")
            }
        }

        @Test func `A create that is refused for its lifetime, type or body leaves no stream`() async throws {
            let source = try await TestStream.create("application/json", body: "1")
            let rows: [(HeaderList, RequestBody)] = [
                (["Stream-TTL": "1.5"], "x"), (["Stream-Expires-At": "soon"], "x"),
                (["Content-Type": "application/json"], "{"), (["Content-Encoding": "gzip"], "x"),
                (["Stream-Forked-From": source.target], "{"), (["Stream-Forked-From": source.target + "x"], "1"),
                (["Stream-Forked-From": source.target, "Content-Type": "text/plain"], "1"),
                (["Stream-Forked-From": source.target, "Stream-TTL": "-5"], "1"),
                (["Stream-Fork-Offset": TestStream.start], "1"), (["Stream-Closed": "true", "Stream-TTL": "x"], "1"),
            ]
            for (headers, body) in rows {
                let stream = try TestStream.unused(nil)
                let refused = try await stream.put(headers, body: body)
                #expect((400..<500).contains(refused.status), "\(headers)\n\(refused)")
                expectStatus(try await stream.head(), 404, "\(headers)")
                expectStatus(try await stream.put(["Content-Type": "text/plain"]), 201, "\(headers)")
                #expect(try await stream.text() == "")
            }
            try await expectUnheld(source)
        }
    }

    /// The same, on a server that ends no reader by itself.
    @Suite(.server(.patient), .ownServerOnly)
    struct `Known bugs of others, waiting` {
        @Test func `Readers of a stream that is deleted and created anew at once end all the same`() async throws {
            let stream = try await TestStream.create(body: "old")
            let events = try await stream.events("-1")
            while try #require(try await events.nextBatch()).control.isUpToDate == false {}
            expectStatus(try await stream.delete(), 204)
            expectStatus(try await stream.put(body: "new"), 201)
            while let batch = try await events.nextBatch(within: .seconds(10)) {
                #expect(batch.payloads.isEmpty && !batch.control.isClosed)
            }
            await events.close()
            #expect(try await stream.text() == "new")
        }
    }
}
