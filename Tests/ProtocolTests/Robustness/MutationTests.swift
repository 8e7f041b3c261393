import Testing

extension BlackBox {
    /// Section 10: requests that were damaged at random.
    @Suite(.standardServer) struct `Mutated requests` {
        static let requestCount = 10_000
        static let clientCount = 16

        @Test(.timeLimit(.minutes(5)))
        func `Ten thousand of them leave the server up and its streams sound`() async throws {
            let seed = SeededGenerator.seed
            var random = SeededGenerator(seed: seed)
            let content = random.bytes(100_000)
            let known = try await TestStream.create("application/octet-stream", body: .bytes(content))
            let targets = try [TestStream.unused(), .unused("application/json"), .unused("application/octet-stream")]
            for target in targets { expectStatus(try await target.put(), 201) }
            let answeredCount = try await withThrowingTaskGroup(of: Int.self) { group in
                for client in 0..<Self.clientCount {
                    group.addTask {
                        try await Self.attack(targets, seed: seed &+ UInt64(client)) {
                            let read = try await known.readBytes()
                            #expect(read == content)
                        }
                    }
                }
                return try await group.reduce(0, +)
            }
            #expect(answeredCount > Self.requestCount / 10, "most requests should get some answer")
            #expect(try await known.readBytes() == content)
            // What the damaged requests did store can be read like everything else.
            for target in targets {
                let response = try await target.read()
                #expect([200, 404].contains(response.status), "\(response)")
                if response.status == 200 { _ = try await target.readBytes() }
            }
            let fresh = try await TestStream.create(body: "still here")
            #expect(try await fresh.read().text == "still here")
        }

        /// Sends one client's share of the requests and returns how many of them were answered.
        private static func attack(
            _ targets: [TestStream],
            seed: UInt64,
            check: () async throws -> Void
        ) async throws -> Int {
            var random = SeededGenerator(seed: seed)
            var answeredCount = 0
            for number in 0..<(requestCount / clientCount) {
                var bytes = RequestMutator.request(to: targets, using: &random)
                RequestMutator.mutate(&bytes, using: &random)
                let statuses = try await send(bytes, to: .current, endsInput: !random.chance(3))
                if !statuses.isEmpty { answeredCount += 1 }
                // Neither a crash nor an error that makes clients try again for ever.
                #expect(!statuses.contains { $0 >= 500 }, "\(statuses), seed \(seed), request \(number)")
                if number % 200 == 0 { try await check() }
            }
            return answeredCount
        }

        /// Sends the bytes over a new connection and returns the status lines of the answers.
        private static func send(_ bytes: [UInt8], to endpoint: Endpoint, endsInput: Bool) async throws -> [Int] {
            let connection = try await Connection(to: endpoint)
            do {
                try await connection.send(bytes)
                if endsInput { await connection.finishSending() }
                let received = try await connection.receiveAll(within: endsInput ? .seconds(5) : .milliseconds(100))
                await connection.close()
                return statuses(in: received)
            } catch let error as ClientError where error.isClosed || error.isTimeout {
                let received = await Array(connection.received)
                await connection.close()
                return statuses(in: received)
            }
        }

        private static func statuses(in bytes: [UInt8]) -> [Int] {
            let marker = Array("HTTP/1.1 ".utf8)
            var statuses: [Int] = []
            var index = 0
            while index + 12 <= bytes.count {
                if bytes[index] == marker[0], Array(bytes[index..<(index + 9)]) == marker,
                    let status = Int(String(decoding: bytes[(index + 9)..<(index + 12)], as: UTF8.self))
                {
                    statuses.append(status)
                    index += 12
                } else {
                    index += 1
                }
            }
            return statuses
        }
    }
}
