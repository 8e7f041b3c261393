import Testing

extension BlackBox {
    /// Section 5: producers whose requests race each other. Each sends one append several times at once.
    @Suite struct `Duplicates against originals` {
        @Test(arguments: ["text/plain", "application/json"])
        func `Every append is stored once and in order`(type: String) async throws {
            let stream = try await TestStream.create(type)
            let producerCount = 4
            let sequenceCount = Rounds.count(100)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for producer in 0..<producerCount {
                    group.addTask { try await Self.produce(producer, sequenceCount, to: stream) }
                }
                try await group.waitForAll()
            }
            let pieces: [String]
            if type == "text/plain" {
                let text = String(decoding: try await stream.readBytes(), as: UTF8.self)
                pieces = text.split(separator: ";").map(String.init)
            } else {
                pieces = try await stream.readMessages().map {
                    String(decoding: $0.dropFirst().dropLast(), as: UTF8.self)
                }
            }
            #expect(pieces.count == producerCount * sequenceCount)
            for producer in 0..<producerCount {
                let own = pieces.filter { $0.hasPrefix("\(producer).") }
                #expect(own == (0..<sequenceCount).map { "\(producer).\($0)" })
            }
        }

        private static func produce(_ producer: Int, _ sequenceCount: Int, to stream: TestStream) async throws {
            var connections: [Connection] = []
            for _ in 0..<3 { connections.append(try await Connection(to: stream.endpoint)) }
            let isText = stream.contentType == "text/plain"
            for sequence in 0..<sequenceCount {
                let piece = "\(producer).\(sequence)"
                let headers = `Idempotent producers`.producer("p\(producer)", 0, sequence)
                let text = isText ? piece + ";" : "\"\(piece)\""
                let responses = try await withThrowingTaskGroup(of: Response.self) { group in
                    for connection in connections {
                        group.addTask { try await connection.append(text, to: stream, headers) }
                    }
                    return try await group.reduce(into: [Response]()) { $0.append($1) }
                }
                #expect(responses.map(\.status).sorted() == [200, 204, 204], "\(responses)")
                for response in responses {
                    expectHeader(response, "Producer-Epoch", "0")
                    expectHeader(response, "Producer-Seq", "\(sequence)")
                }
                // A duplicate is answered once the original is durable: whatever answered, the append can be read.
                let tail = try #require(responses.compactMap(\.nextOffset).min())
                let read = try await connections[0].exchange(stream.request("GET", query: "offset=\(tail)"))
                #expect(!read.text.contains(piece + (isText ? ";" : "\"")), "not yet there when it was acknowledged")
            }
        }

        @Test func `Two that run the same sequence against each other store it once`() async throws {
            try await Rounds.run(60, lanes: 6) { rounds in
                let first = try await Connection(to: .current)
                let second = try await Connection(to: .current)
                for round in rounds {
                    let stream = try TestStream.unused("text/plain")
                    try await first.create(stream)
                    async let one = Self.runSequence(to: stream, over: first)
                    async let other = Self.runSequence(to: stream, over: second)
                    let accepted = try await one + other
                    #expect(accepted.sorted() == Array(0..<12), "round \(round)")
                    let text = try await first.exchange(stream.request("GET")).text
                    #expect(text == (0..<12).map { "\($0);" }.joined(), "round \(round)")
                }
            }
        }

        /// The numbers that this one was the first to bring.
        private static func runSequence(to stream: TestStream, over connection: Connection) async throws -> [Int] {
            var accepted: [Int] = []
            for sequence in 0..<12 {
                let producer = `Idempotent producers`.producer(0, sequence)
                let response = try await connection.append("\(sequence);", to: stream, producer)
                try #require([200, 204].contains(response.status), "a false gap or refusal\n\(response)")
                if response.status == 200 { accepted.append(sequence) }
            }
            return accepted
        }

        @Test func `Once a new epoch is accepted nothing of the old one is`() async throws {
            try await Rounds.run(120, lanes: 6) { rounds in
                let old = try await Connection(to: .current)
                let new = try await Connection(to: .current)
                for round in rounds {
                    let stream = try TestStream.unused("text/plain")
                    try await old.create(stream)
                    async let oldEnd = Self.runEpoch(1, to: stream, over: old)
                    try await Task.sleep(for: .microseconds(round * 7_919 % 5_000))
                    let newEnd = try await Self.runEpoch(2, to: stream, over: new)
                    expectStatus(newEnd, 200)
                    let refused = try await oldEnd
                    if refused.status == 403 { expectHeader(refused, "Producer-Epoch", "2") }
                    let pieces = try await old.exchange(stream.request("GET")).text.split(separator: ";")
                    let epochs = pieces.map { $0.prefix(1) }
                    #expect(epochs == epochs.sorted(), "round \(round): \(pieces)")
                    for epoch in ["1", "2"] {
                        let own = pieces.filter { $0.hasPrefix(epoch) }.map(String.init)
                        #expect(own == own.indices.map { "\(epoch).\($0)" }, "round \(round): \(pieces)")
                    }
                }
            }
        }

        /// Appends until refused, or ten times; the last answer.
        private static func runEpoch(
            _ epoch: Int, to stream: TestStream, over connection: Connection
        ) async throws -> Response {
            var sequence = 0
            while true {
                let producer = `Idempotent producers`.producer(epoch, sequence)
                let response = try await connection.append("\(epoch).\(sequence);", to: stream, producer)
                try #require([200, 403].contains(response.status), "\(response)")
                if response.status == 403 || sequence == 9 { return response }
                sequence += 1
            }
        }

        @Test func `Of many that close with the same tuple one does, and the rest learn of it`() async throws {
            try await Rounds.run(120, lanes: 4) { rounds in
                var connections: [Connection] = []
                for _ in 0..<4 { connections.append(try await Connection(to: .current)) }
                let lane = connections
                for round in rounds {
                    let stream = try TestStream.unused("text/plain")
                    try await lane[0].create(stream)
                    let headers = `Idempotent producers`.producer(0, 0) + ["Stream-Closed": "true"]
                    let responses = try await withThrowingTaskGroup(of: Response.self) { group in
                        for connection in lane {
                            group.addTask { try await connection.append("last", to: stream, headers) }
                        }
                        return try await group.reduce(into: [Response]()) { $0.append($1) }
                    }
                    #expect(responses.map(\.status).sorted() == [200, 204, 204, 204], "round \(round)")
                    for response in responses {
                        expectHeader(response, "Stream-Closed", "true")
                        expectHeader(response, "Stream-Next-Offset", TestStream.offset(4))
                        expectHeader(response, "Producer-Seq", "0")
                    }
                    #expect(try await lane[0].exchange(stream.request("GET")).text == "last")
                }
            }
        }
    }
}
