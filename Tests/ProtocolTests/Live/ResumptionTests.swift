import Testing

extension BlackBox {
    /// Section 7.3: a client that saves the control offset loses and repeats nothing, whenever it breaks off.
    @Suite struct `Resuming event streams` {
        @Test(arguments: ["text/plain", "application/octet-stream", "application/json"], [1, 2, 3] as [UInt64])
        func `Breaking off at any event and resuming gives every byte once`(
            type: String,
            variant: UInt64
        ) async throws {
            let seed = SeededGenerator.seed &+ variant
            let stream = try await TestStream.create(type)
            async let writing = Self.write(to: stream, seed: seed)
            var random = SeededGenerator(seed: seed &* 31)
            var transcript = Transcript(nextOffset: "-1")
            while !transcript.isClosed {
                let source = try await stream.events(transcript.nextOffset)
                var remainingEventCount = Int.random(in: 1...6, using: &random)
                var payloads: [String] = []
                // What came after the last control event is forgotten, as by a client that was interrupted.
                while remainingEventCount > 0, let event = try await source.next() {
                    remainingEventCount -= 1
                    if event.type == "data" {
                        payloads.append(event.data)
                    } else {
                        transcript.apply(EventBatch(payloads: payloads, control: try ControlEvent(event.data)))
                        payloads = []
                    }
                }
                await source.close()
            }
            let expected = try await writing
            switch type {
            case "text/plain": #expect(transcript.text.utf8.elementsEqual(expected), "seed \(seed)")
            case "application/octet-stream":
                #expect(try transcript.payloads.flatMap { try Base64.decode($0) } == expected, "seed \(seed)")
            default:
                let messages = try transcript.payloads.flatMap { try RawJSON.elements(of: $0.utf8) }
                #expect(messages == (try RawJSON.elements(of: expected)), "seed \(seed)")
            }
            #expect(transcript.nextOffset == (try await stream.tail()))
        }

        private static func append(
            _ part: [UInt8],
            isLast: Bool,
            to stream: TestStream,
            over connection: Connection
        ) async throws {
            var headers: HeaderList = ["Content-Type": stream.contentType ?? ""]
            if isLast { headers.append("Stream-Closed", "true") }
            let response = try await connection.exchange(stream.request("POST", headers, body: .bytes(part)))
            try #require(response.status == 204, "\(response)")
        }

        /// Appends random pieces, closes the stream with the last one and returns the whole content.
        private static func write(to stream: TestStream, seed: UInt64) async throws -> [UInt8] {
            var random = SeededGenerator(seed: seed)
            let pieceCount = 60
            var content: [UInt8] = []
            var messages: [String] = []
            let connection = try await Connection(to: stream.endpoint)
            for number in 0..<pieceCount {
                let piece: [UInt8]
                switch stream.contentType {
                case "text/plain":
                    let words = ["a", "é", "€", "😀", "\n", " ", "data:", "event: x\n\n", "\u{feff}", "word "]
                    let count = Int.random(in: 1...20, using: &random)
                    let text = (0..<count).map { _ in words.randomElement(using: &random) ?? "" }
                    piece = Array(text.joined().utf8)
                case "application/json":
                    let count = Int.random(in: 1...4, using: &random)
                    let batch = (0..<count).map { "{\"piece\":\(number),\"item\":\($0)}" }
                    messages += batch
                    piece = Array("[\(batch.joined(separator: ","))]".utf8)
                default: piece = random.bytes(Int.random(in: 1...300, using: &random))
                }
                content += piece
                // A piece of text may be cut inside a character: each part is an append of its own.
                let cut = stream.contentType == "application/json" ? 0 : Int.random(in: 0..<piece.count, using: &random)
                if cut > 0 {
                    try await append(Array(piece[..<cut]), isLast: false, to: stream, over: connection)
                }
                try await append(Array(piece[cut...]), isLast: number == pieceCount - 1, to: stream, over: connection)
                if random.chance(20) { try await Task.sleep(for: .milliseconds(20)) }
            }
            guard stream.contentType == "application/json" else { return content }
            return Array("[\(messages.joined(separator: ","))]".utf8)
        }
    }
}
