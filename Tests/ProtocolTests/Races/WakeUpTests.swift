import Testing

extension BlackBox {
    /// Sections 7.2 and 7.3: a reader and a writer who wait for each other. A wake-up that is lost stops both, for the
    /// server itself ends no wait within the time that the test has.
    @Suite(.server(.patient), .ownServerOnly)
    struct `No wake-up is lost` {
        /// How the readers wait.
        enum Mode: String, CaseIterable, Sendable { case longPoll, events }

        @Test(arguments: Mode.allCases)
        func `A reader is woken by every single append`(mode: Mode) async throws {
            try await Rounds.run(1_200, lanes: 6) { rounds in
                let stream = try await TestStream.create()
                let turns = AsyncStream<Int>.makeStream()
                async let reading: Void = Self.read(stream, rounds.underestimatedCount, mode, turns.continuation)
                let writer = try await Connection(to: stream.endpoint)
                var count = 0
                for await turn in turns.stream {
                    // From before the reader asks again until long after.
                    if turn % 3 != 0 { try await Task.sleep(for: .microseconds(turn * 7_919 % 1_500)) }
                    expectStatus(try await writer.append("\(turn);", to: stream), 204)
                    count += 1
                    if count == rounds.underestimatedCount { break }
                }
                try await reading
            }
        }

        /// Reads one append after the other, and gives the turn to the writer each time.
        private static func read(
            _ stream: TestStream, _ count: Int, _ mode: Mode, _ turns: AsyncStream<Int>.Continuation
        ) async throws {
            defer { turns.finish() }
            let connection = try await Connection(to: stream.endpoint)
            switch mode {
            case .longPoll:
                var offset = TestStream.start
                for turn in 0..<count {
                    turns.yield(turn)
                    let query = "offset=\(offset)&live=long-poll"
                    let response = try await connection.exchange(stream.request("GET", query: query), within: .wakeUp)
                    try #require(response.status == 200 && response.text == "\(turn);", "\(response)")
                    offset = try #require(response.nextOffset)
                }
            case .events:
                let source = try await stream.events(TestStream.start)
                for turn in 0..<count {
                    turns.yield(turn)
                    var text = ""
                    while text.isEmpty {
                        let batch = try #require(try await source.nextBatch(within: .wakeUp), "the stream ended")
                        text = batch.payloads.joined()
                    }
                    try #require(text == "\(turn);")
                }
                await source.close()
            }
        }

        @Test func `Those who come while others are being woken are woken too`() async throws {
            let stream = try await TestStream.create()
            try await withThrowingTaskGroup(of: Int.self) { group in
                for _ in 0..<16 {
                    group.addTask { try await Self.countPolls(of: stream) }
                }
                let writer = try await Connection(to: stream.endpoint)
                for number in 0..<Rounds.count(200) {
                    expectStatus(try await writer.append("\(number);", to: stream), 204)
                    if number % 4 == 0 { try await Task.sleep(for: .microseconds(number * 31 % 2_000)) }
                }
                expectStatus(try await writer.append("end", to: stream, ["Stream-Closed": "true"]), 204)
                let expected = try await stream.readBytes().count
                for try await count in group { #expect(count == expected) }
            }
        }

        /// The bytes that a reader gets who follows by long-poll to the end.
        private static func countPolls(of stream: TestStream) async throws -> Int {
            let connection = try await Connection(to: stream.endpoint)
            return try await connection.pollToEnd(of: stream).text.utf8.count
        }
    }
}
