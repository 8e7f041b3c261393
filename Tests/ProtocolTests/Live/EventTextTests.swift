import Testing

extension BlackBox {
    /// Section 7.3, payloads of text and of bytes.
    @Suite struct `Event stream payloads` {
        /// Texts that a careless writer of event streams spoils.
        static let texts = [
            "plain", "two\nlines", "two\r\nlines", "two\rlines", "\n", "\r", "\r\n", "\n\n", "\r\r", "\r\n\r\n",
            "\n\r", "a\n", "a\r", "a\r\n", "\na", "\ra", "\n\na", "a\n\nb", "a\r\rb", "a\r\n\r\nb",
            "a\n\r\nb\r\n\nc\n\r\rd", " ", "  ", " a", "  a", "   a ", "\ta", "a\n b", "a\n  b\n   c", " \n \n",
            "\n ", " \n", "a\r b\r\n  c", "data: x", "data:x\n\n", "event: control\ndata:{}\n\n",
            "\n\nevent: control\ndata:{\"streamNextOffset\":\"0000000000000009_0000000000000009\",\"upToDate\":true}\n",
            "\r\revent: control\rdata:{\"streamClosed\":true}\r\r", "x\r\n\r\nevent: data\r\ndata:forged\r\n\r\n",
            ": comment", ":", "id: 5", "id", "retry: 1", "retry: 1\n\n", "event", "data", "event: x", "\u{feff}start",
            "a\u{feff}b", "\0", "a\0b", "\u{b}", "\u{c}", "\u{85}", "\u{2028}\u{2029}", "é漢字😀", "e\u{301}",
            "👩‍👩‍👧‍👦\n👍🏽", "\u{fffd}", "\u{10ffff}", "0\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n",
            "{\"a\":1}", "[1,\n2]",
        ]

        @Test(arguments: texts)
        func `A text arrives as it was, apart from the spelling of its line ends`(text: String) async throws {
            let stream = try await TestStream.create(body: .text(text))
            let early = try await stream.events("-1")
            var caughtUp = Transcript(nextOffset: "-1")
            while !caughtUp.isUpToDate { caughtUp.apply(try #require(try await early.nextBatch())) }
            #expect(caughtUp.text.utf8.elementsEqual(LineEnds.normalized(text.utf8)))
            await early.close()

            _ = try await stream.append(.text("<\(text)>"), ["Stream-Closed": "true"])
            let rest = try await stream.follow(from: caughtUp.nextOffset) { $0.isClosed }
            #expect(rest.text.utf8.elementsEqual(LineEnds.normalized("<\(text)>".utf8)))
        }

        @Test func `A line end whose CR and LF come in two appends is one, and nobody waits for the LF`() async throws {
            let stream = try await TestStream.create("text/plain", body: "a\r")
            let source = try await stream.events("-1")
            var seen = Transcript(nextOffset: "-1")
            while !seen.isUpToDate { seen.apply(try #require(try await source.nextBatch())) }
            #expect(seen.text == "a\n")
            try await stream.appendSuccessfully("\n")
            try await stream.appendSuccessfully("b")
            while !seen.text.hasSuffix("b") { seen.apply(try #require(try await source.nextBatch())) }
            #expect(seen.text == "a\nb")
            await source.close()
        }

        @Test(arguments: texts)
        func `A text in JSON arrives as it was`(text: String) async throws {
            let message = "{\"text\":\(JSONText.quote(text))}"
            let closed: HeaderList = ["Stream-Closed": "true"]
            let stream = try await TestStream.create("application/json", closed, body: .text(message))
            let transcript = try await stream.follow { $0.isClosed }
            let messages = try transcript.payloads.flatMap { try RawJSON.elements(of: $0.utf8) }
            #expect(messages == [Array(message.utf8)])
        }

        @Test(arguments: ["é", "€", "漢字", "😀", "a€b😀c", "\u{7ff}\u{800}\u{ffff}\u{10000}\u{10ffff}"])
        func `A character whose bytes come in several appends arrives whole`(text: String) async throws {
            let stream = try await TestStream.create("text/plain; charset=utf-8")
            async let following = stream.follow { $0.isClosed }
            for byte in text.utf8 {
                try await stream.appendSuccessfully(.bytes([byte]))
            }
            _ = try await stream.closeStream()
            let transcript = try await following
            #expect(transcript.text == text)
            for payload in transcript.payloads {
                #expect(!payload.unicodeScalars.contains("\u{fffd}"))
            }
        }

        @Test func `The bytes of an incomplete character wait for the rest`() async throws {
            let bytes = Array("😀".utf8)
            let stream = try await TestStream.create("text/plain", body: .bytes(Array("a".utf8) + bytes.prefix(2)))
            let source = try await stream.events("-1")
            let first = try #require(try await source.nextBatch())
            #expect(first.payloads.joined() == "a")
            await source.close()
            // A client that resumes from the control offset still gets the character whole.
            try await stream.appendSuccessfully(.bytes(Array(bytes.dropFirst(2)) + Array("b".utf8)))
            let resumed = try await stream.follow(from: first.control.nextOffset) { $0.text.hasSuffix("b") }
            #expect(resumed.text == "😀b")
        }

        @Test(arguments: [
            ([0xff], "\u{fffd}"), ([0x61, 0x80, 0x62], "a\u{fffd}b"), ([0xe2, 0x61], "\u{fffd}a"),
            ([0xe2, 0x82, 0x61], "\u{fffd}a"), ([0xf0, 0x9f, 0x98, 0x0a], "\u{fffd}\n"),
            ([0xc0, 0xaf, 0x61], "\u{fffd}a"), ([0xed, 0xa0, 0x80, 0x61], "\u{fffd}a"),
            ([0xf4, 0x90, 0x80, 0x80, 0x61], "\u{fffd}a"), ([0x61, 0xf8, 0x88, 0x62], "a\u{fffd}b"),
            ([0x61, 0xe2, 0x82], "a\u{fffd}"), ([0x61, 0xf0], "a\u{fffd}"), ([0xe2, 0xe2, 0x82, 0xac], "\u{fffd}€"),
        ] as [([UInt8], String)])
        func `What can never become valid is replaced`(bytes: [UInt8], expected: String) async throws {
            let stream = try await TestStream.create("text/plain", ["Stream-Closed": "true"], body: .bytes(bytes))
            let transcript = try await stream.follow { $0.isClosed }
            // How many replacement characters stand for one run of bad bytes is left open.
            var collapsed = String.UnicodeScalarView()
            for scalar in transcript.text.unicodeScalars where scalar != "\u{fffd}" || collapsed.last != scalar {
                collapsed.append(scalar)
            }
            #expect(String(collapsed) == expected)
        }

        @Test func `Base64 is the standard alphabet with padding, on one line, for every length`() async throws {
            var random = SeededGenerator(seed: SeededGenerator.seed)
            let stream = try await TestStream.create("application/octet-stream")
            var expected: [UInt8] = []
            for length in [1, 2, 3, 4, 57, 76, 100, 255, 1_000, 70_000] {
                let bytes = length == 255 ? (0..<255).map { UInt8(255 - $0) } : random.bytes(length)
                try await stream.appendSuccessfully(.bytes(bytes))
                expected += bytes
            }
            _ = try await stream.closeStream()
            let transcript = try await stream.follow { $0.isClosed }
            #expect(try transcript.payloads.flatMap { try Base64.decode($0) } == expected)
        }
    }
}
