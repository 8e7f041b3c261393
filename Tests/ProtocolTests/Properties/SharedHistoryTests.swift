import Testing

extension BlackBox {
    /// Section 1: what many clients see of one stream at the same time fits into one history.
    @Suite struct `One history for all` {
        /// What a read has brought, to be compared with the end.
        private struct Observation: Sendable {
            var start: Int
            var bytes: [UInt8]
        }

        @Test func `Every read is a piece of the final stream, and offsets rise strictly`() async throws {
            let seed = SeededGenerator.seed
            let stream = try await TestStream.create("application/octet-stream")
            let tail = RaceState()
            let done = RaceState()
            async let first = Self.observe(stream, seed &+ 100, tail, done)
            async let second = Self.observe(stream, seed &+ 101, tail, done)
            async let third = Self.observe(stream, seed &+ 102, tail, done)
            let appends = try await withThrowingTaskGroup(of: [(end: Int, body: [UInt8])].self) { group in
                for writer in 0..<5 as Range<UInt64> {
                    group.addTask { try await Self.write(to: stream, seed &+ writer, tail) }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            done.end()
            let content = try await stream.readBytes()
            #expect(content == appends.sorted { $0.end < $1.end }.flatMap(\.body), "seed \(seed)")
            #expect(Set(appends.map(\.end)).count == appends.count, "seed \(seed)")
            let observations = try await [first, second, third]
            for observation in observations.joined() {
                let end = observation.start + observation.bytes.count
                let isPiece = end <= content.count && Array(content[observation.start..<end]) == observation.bytes
                #expect(isPiece, "seed \(seed), at \(observation.start)")
            }
        }

        private static func write(
            to stream: TestStream, _ seed: UInt64, _ tail: RaceState
        ) async throws -> [(end: Int, body: [UInt8])] {
            var random = SeededGenerator(seed: seed)
            let connection = try await Connection(to: stream.endpoint)
            var appends: [(end: Int, body: [UInt8])] = []
            for _ in 0..<Rounds.count(100) {
                // Mostly small, some of many pages.
                let count = random.chance(90) ? Int.random(in: 1...100, using: &random) : 20_000
                let body = random.bytes(count)
                let headers: HeaderList = ["Content-Type": "application/octet-stream"]
                let isChunked = random.chance(30)
                let request = stream.request("POST", headers, body: isChunked ? .chunked([body]) : .bytes(body))
                let response = try await connection.exchange(request)
                try #require(response.status == 204, "\(response)")
                let end = try response.position()
                #expect(end >= (appends.last?.end ?? 0) + count, "offsets must rise, seed \(seed)")
                appends.append((end, body))
                tail.advance(to: end)
            }
            return appends
        }

        /// Reads from random positions; never less than was acknowledged before the read was sent.
        private static func observe(
            _ stream: TestStream, _ seed: UInt64, _ tail: RaceState, _ done: RaceState
        ) async throws -> [Observation] {
            var random = SeededGenerator(seed: seed)
            let connection = try await Connection(to: stream.endpoint)
            var observations: [Observation] = []
            var lastTail = 0
            while !done.isOver {
                let known = tail.position
                let start = random.chance(50) ? known : Int.random(in: 0...known, using: &random)
                let query = "offset=\(TestStream.offset(start))"
                let response = try await connection.exchange(stream.request("GET", query: query))
                try #require(response.status == 200, "\(response)")
                let next = try response.position()
                #expect(next == start + response.body.count, "seed \(seed)\n\(response.head.headers)")
                if response.isUpToDate {
                    #expect(next >= known && next >= lastTail, "an acknowledged append is not seen, seed \(seed)")
                    lastTail = next
                }
                observations.append(Observation(start: start, bytes: response.body))
            }
            return observations
        }

        @Test func `Random bytes of random types come back as they were`() async throws {
            let seed = SeededGenerator.seed
            var random = SeededGenerator(seed: seed)
            let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$&^_.+-")
            for round in 0..<40 {
                let word = { (random: inout SeededGenerator) in
                    let count = Int.random(in: 1...12, using: &random)
                    return String((0..<count).map { _ in letters.randomElement(using: &random) ?? "x" })
                }
                // Behind a letter, so that no name is that of JSON by chance or begins with a sign.
                var type = "x\(word(&random))/y\(word(&random))"
                if random.chance(40) { type += "; \(word(&random))=\(word(&random))" }
                if random.chance(20) { type += ";quoted=\"a b;c\"" }
                var expected = random.bytes(Int.random(in: 0...3_000, using: &random))
                let stream = try await TestStream.create(type, body: .bytes(expected))
                for _ in 0..<3 {
                    let piece = random.bytes(Int.random(in: 1...3_000, using: &random))
                    let chunks = stride(from: 0, to: piece.count, by: 700).map { Array(piece[$0...].prefix(700)) }
                    try await stream.appendSuccessfully(random.chance(50) ? .bytes(piece) : .chunked(chunks))
                    expected += piece
                }
                let read = try await stream.read()
                #expect(read.body == expected, "seed \(seed), round \(round), \(type)")
                expectHeader(read, "Content-Type", type)
                let transcript = try await stream.follow { $0.isUpToDate }
                let replayed = try transcript.payloads.flatMap { try Base64.decode($0) }
                #expect(replayed == expected, "seed \(seed), round \(round), \(type)")
            }
        }
    }
}
