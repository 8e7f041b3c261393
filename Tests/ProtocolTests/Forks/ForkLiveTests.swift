import Testing

extension BlackBox {
    /// Section 8: following forks.
    @Suite struct `Following forks` {
        static let types = ["text/plain", "application/json", "application/octet-stream"]

        /// What the data events of a transcript carry, without the coding of the mode.
        static func content(_ transcript: Transcript, type: String) throws -> [UInt8] {
            switch type {
            case "text/plain": Array(transcript.text.utf8)
            case "application/json":
                try Array(transcript.payloads.flatMap { try RawJSON.elements(of: $0.utf8) }.joined())
            default: try transcript.payloads.flatMap { try Base64.decode($0) }
            }
        }

        @Test(arguments: types)
        func `An event stream goes on across the divergence, and live from there`(type: String) async throws {
            let source = try await TestStream.create(type, body: "1")
            try await source.appendSuccessfully("2")
            let fork = try await source.forked(body: "3")
            async let following = fork.follow { $0.isClosed }
            try await source.appendSuccessfully("8")
            try await fork.appendSuccessfully("4")
            try await source.appendSuccessfully("9")
            expectStatus(try await fork.append("5", ["Stream-Closed": "true"]), 204)
            let transcript = try await following
            #expect(try Self.content(transcript, type: type) == Array("12345".utf8))
            #expect(transcript.nextOffset == (try await fork.tail()))
        }

        @Test(arguments: types)
        func `An event stream begins at every offset of both sides`(type: String) async throws {
            let source = try await TestStream.create(type)
            var offsets = ["-1"]
            for number in 1...3 { offsets.append(try await source.appendSuccessfully(.text("\(number)"))) }
            let fork = try await source.forked()
            for number in 4...6 { offsets.append(try await fork.appendSuccessfully(.text("\(number)"))) }
            _ = try await fork.closeStream()
            for (index, offset) in offsets.enumerated() {
                let transcript = try await fork.follow(from: offset) { $0.isClosed }
                #expect(try Self.content(transcript, type: type) == Array("123456".utf8.dropFirst(index)))
            }
        }

        @Test func `A character and a line end that the divergence cuts arrive whole`() async throws {
            for text in ["a€b", "😀", "x\r\ny"] {
                let bytes = Array(text.utf8)
                for position in 1..<bytes.count {
                    let source = try await TestStream.create(body: .bytes(Array(bytes.prefix(position)) + [0x3f]))
                    let fork = try await source.forked(
                        at: TestStream.offset(position), ["Stream-Closed": "true"],
                        body: .bytes(Array(bytes.dropFirst(position))))
                    let transcript = try await fork.follow { $0.isClosed }
                    #expect(Array(transcript.text.utf8) == LineEnds.normalized(bytes), "cut at \(position)")
                    #expect(try await fork.readBytes() == bytes)
                }
            }
        }

        @Test(arguments: types)
        func `A long-poll reads both sides, and waits only at the end of the fork`(type: String) async throws {
            let source = try await TestStream.create(type, body: "1")
            let fork = try await source.forked(body: "2")
            let both = type == "application/json" ? "[1,2]" : "12"
            let data = try await fork.longPoll("-1")
            expectStatus(data, 200)
            #expect(data.text == both)
            let tail = try #require(data.nextOffset)
            // Beyond the divergence the source grows past the same offsets; the fork does not.
            for number in 0..<5 { try await source.appendSuccessfully(.text("\(number)")) }
            let empty = try await fork.longPoll(tail)
            expectStatus(empty, 204)
            expectHeader(empty, "Stream-Next-Offset", tail)
        }

        @Test func `A fork without anything of its own waits at the divergence`() async throws {
            let source = try await TestStream.create(body: "abc")
            try await source.appendSuccessfully("def")
            let fork = try await source.forked(at: TestStream.offset(3))
            let empty = try await fork.longPoll(TestStream.offset(3))
            expectStatus(empty, 204)
            expectHeader(empty, "Stream-Next-Offset", TestStream.offset(3))
            let events = try await fork.events(TestStream.offset(3))
            let first = try #require(try await events.nextBatch())
            #expect(first.payloads.isEmpty && first.control.isUpToDate)
            #expect(first.control.nextOffset == TestStream.offset(3))
            await events.close()
        }
    }

    /// Section 8, on a server that waits until something happens.
    @Suite(.server(.patient), .ownServerOnly)
    struct `Waiting on forks` {
        @Test(arguments: [true, false])
        func `Appends and the close of one wake nobody who waits on the other`(forkWaits: Bool) async throws {
            let source = try await TestStream.create(body: "abc")
            let fork = try await source.forked()
            let (waiting, busy) = forkWaits ? (fork, source) : (source, fork)
            let tail = try await waiting.tail()
            async let answer = waiting.longPoll(tail)
            let events = try await waiting.events(tail)
            _ = try await events.nextBatch()
            try await Task.sleep(for: .milliseconds(200))
            for number in 0..<20 { try await busy.appendSuccessfully(.text("no\(number)")) }
            _ = try await busy.closeStream()
            try await waiting.appendSuccessfully("yes")
            let response = try await answer
            expectStatus(response, 200)
            #expect(response.text == "yes")
            expectHeader(response, "Stream-Closed", nil)
            var transcript = Transcript(nextOffset: tail)
            while transcript.text.isEmpty { transcript.apply(try #require(try await events.nextBatch())) }
            #expect(transcript.text == "yes" && !transcript.isClosed)
            await events.close()
        }

        @Test func `Deleting the source ends its readers and none of the fork's`() async throws {
            let source = try await TestStream.create(body: "abc")
            let fork = try await source.forked(body: "d")
            let tail = try await fork.tail()
            async let ofSource = source.longPoll("now")
            async let ofFork = fork.longPoll(tail)
            let sourceEvents = try await source.events("-1")
            let forkEvents = try await fork.events("-1")
            var seen = Transcript(nextOffset: "-1")
            while !seen.isUpToDate { seen.apply(try #require(try await forkEvents.nextBatch())) }
            try await Task.sleep(for: .milliseconds(200))
            expectStatus(try await source.delete(), 204)
            #expect([404, 410].contains(try await ofSource.status))
            while let batch = try await sourceEvents.nextBatch() { #expect(!batch.control.isClosed) }
            try await fork.appendSuccessfully("e")
            #expect(try await ofFork.text == "e")
            while seen.text != "abcde" { seen.apply(try #require(try await forkEvents.nextBatch())) }

            async let last = fork.longPoll("now")
            try await Task.sleep(for: .milliseconds(200))
            expectStatus(try await fork.delete(), 204)
            expectStatus(try await last, 404)
            while let batch = try await forkEvents.nextBatch() { #expect(!batch.control.isClosed) }
            expectStatus(try await source.head(), 404)
        }

        @Test func `Every reader of a tree of forks sees its own stream and no other`() async throws {
            var streams = [try await TestStream.create(body: "r")]
            for number in 1..<10 {
                streams.append(try await streams[(number - 1) / 2].forked(body: .text("\(number)")))
            }
            let tree = streams
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, stream) in tree.enumerated() {
                    group.addTask {
                        let before = try await stream.text()
                        async let following = stream.follow { $0.isClosed }
                        var expected = before
                        for number in 0..<20 {
                            let piece = "[\(index).\(number)]"
                            try await stream.appendSuccessfully(.text(piece))
                            expected += piece
                        }
                        _ = try await stream.closeStream()
                        #expect(try await following.text == expected)
                        #expect(try await stream.text() == expected)
                    }
                }
                try await group.waitForAll()
            }
        }
    }
}
