import Testing

extension BlackBox {
    /// Real content through a real socket.
    @Suite struct `Real input` {
        private static let skipReason: Comment = "set DURABLE_STREAMS_TEST_DATA to the folder with the data files"

        @Test(.enabled(if: RealInput.isPresent, skipReason))
        func `Every catalog row, appended by sixteen writers, comes back byte for byte`() async throws {
            let lines = try RealInput.bytes("amazon_cellphones.ndjson").split(separator: 0x0a).map(Array.init)
            #expect(lines.count > 700)
            let stream = try await TestStream.create("application/json")
            let writerCount = 16
            try await withThrowingTaskGroup(of: Void.self) { group in
                for writer in 0..<writerCount {
                    group.addTask {
                        let connection = try await Connection(to: stream.endpoint)
                        for index in stride(from: writer, to: lines.count, by: writerCount) {
                            // A row is an array; in brackets it stays one message.
                            let body = RequestBody.bytes([UInt8(ascii: "[")] + lines[index] + [UInt8(ascii: "]")])
                            let request = stream.request("POST", ["Content-Type": "application/json"], body: body)
                            let response = try await connection.exchange(request)
                            try #require(response.status == 204, "line \(index): \(response)")
                        }
                    }
                }
                try await group.waitForAll()
            }
            let messages = try await stream.readMessages()
            #expect(messages.count == lines.count)
            let trimmed = try lines.map { try RawJSON.elements(of: [UInt8(ascii: "[")] + $0 + [UInt8(ascii: "]")])[0] }
            let precedes: ([UInt8], [UInt8]) -> Bool = { $0.lexicographicallyPrecedes($1) }
            #expect(messages.sorted(by: precedes) == trimmed.sorted(by: precedes))
            // Each writer's rows in its order.
            var positions: [[UInt8]: [Int]] = [:]
            for (position, message) in messages.enumerated() { positions[message, default: []].append(position) }
            for writer in 0..<writerCount {
                var last = -1
                for index in stride(from: writer, to: lines.count, by: writerCount) {
                    let position = positions[trimmed[index]]?.first { $0 > last }
                    last = try #require(position, "line \(index) is out of order")
                }
            }
        }

        @Test(.enabled(if: RealInput.isPresent, skipReason))
        func `The statuses of twitter in one append come back byte for byte`() async throws {
            let statuses = try Self.statuses(in: RealInput.bytes("twitter.json"))
            let expected = try RawJSON.elements(of: statuses)
            #expect(expected.count == 100)
            let stream = try await TestStream.create("application/json")
            try await stream.appendSuccessfully(.bytes(statuses))
            #expect(try await stream.readMessages() == expected)

            let transcript = try await stream.follow { $0.isUpToDate }
            let tailed = try transcript.payloads.flatMap { try RawJSON.elements(of: $0.utf8) }
            #expect(tailed == expected)
        }

        @Test(.timeLimit(.minutes(5)))
        func `A long text, appended word by word and tailed meanwhile, is equal at the end`() async throws {
            let text = RealInput.longText()
            let words = RealInput.words(of: text)
            #expect(text.utf8.count > 30_000)
            #expect(words.joined() == text)
            let stream = try await TestStream.create("text/plain; charset=utf-8")
            async let tailed = stream.follow { $0.isClosed }
            let connection = try await Connection(to: stream.endpoint)
            for word in words {
                let headers: HeaderList = ["Content-Type": "text/plain; charset=utf-8"]
                let response = try await connection.exchange(stream.request("POST", headers, body: .text(word)))
                try #require(response.status == 204, "\(response)")
            }
            expectStatus(try await stream.closeStream(), 204)
            let transcript = try await tailed
            #expect(transcript.text.utf8.elementsEqual(text.utf8))
            #expect(try await stream.readBytes() == Array(text.utf8))
        }

        /// The array behind the key `statuses`, as it stands in the file.
        private static func statuses(in file: [UInt8]) throws -> [UInt8] {
            let text = String(decoding: file, as: UTF8.self)
            let key = try #require(text.firstRange(of: "\"statuses\""))
            let rest = Array(text[key.upperBound...].utf8)
            let start = try #require(rest.firstIndex(of: UInt8(ascii: "[")))
            var depth = 0
            var isInString = false
            var isEscaped = false
            for index in start..<rest.count {
                switch rest[index] {
                case _ where isEscaped: isEscaped = false
                case UInt8(ascii: "\\") where isInString: isEscaped = true
                case UInt8(ascii: "\""): isInString.toggle()
                case UInt8(ascii: "[") where !isInString: depth += 1
                case UInt8(ascii: "]") where !isInString: depth -= 1
                default: break
                }
                if depth == 0 { return Array(rest[start...index]) }
            }
            throw ClientError.malformed("no end of the statuses")
        }
    }
}
