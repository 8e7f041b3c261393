import Testing

extension BlackBox {
    /// Section 6: appends at the very end of a lifetime. All streams side by side, for each waits for its end.
    @Suite struct `Appends against expiry` {
        @Test func `An append either renews the stream or finds it gone, with all that was in it`() async throws {
            let outcomes = try await withThrowingTaskGroup(of: Int.self) { group in
                for number in 0..<Rounds.count(150) {
                    group.addTask { try await Self.race(number) }
                }
                return try await group.reduce(into: [Int: Int]()) { $0[$1, default: 0] += 1 }
            }
            #expect(outcomes.keys.allSatisfy { [204, 404].contains($0) }, "\(outcomes)")
        }

        /// The status of the append.
        private static func race(_ number: Int) async throws -> Int {
            let connection = try await Connection(to: .current)
            let stream = try TestStream.unused("text/plain")
            let creating = ContinuousClock.now
            try await connection.create(stream, ["Stream-TTL": "1"], body: "old;")
            // Some before the end, most around it, some after the stream was removed.
            try await Task.sleep(for: .milliseconds(960 + number * 37 % 120))
            let sent = ContinuousClock.now
            let append = try await connection.append("late;", to: stream)
            let answered = ContinuousClock.now
            let read = try await connection.exchange(stream.request("GET"))
            let isFresh = ContinuousClock.now - sent < .milliseconds(900)
            switch append.status {
            case 204:
                #expect(!isFresh || read.status == 200 && read.text == "old;late;", "\(read)")
            case 404:
                #expect(answered - creating >= .seconds(1), "it lived shorter than its TTL")
                expectStatus(read, 404)
                try await connection.create(stream, body: "new;")
                #expect(try await connection.exchange(stream.request("GET")).text == "new;")
            default: break
            }
            await connection.close()
            return append.status
        }

        @Test func `Of many that create at the end of a lifetime one finds the URL free`() async throws {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<Rounds.count(40) {
                    group.addTask {
                        let stream = try await TestStream.create("text/plain", ["Stream-TTL": "1"], body: "old")
                        try await Task.sleep(for: .milliseconds(950 + number * 37 % 100))
                        try await Self.createAtOnce(stream)
                    }
                }
                try await group.waitForAll()
            }
        }

        private static func createAtOnce(_ stream: TestStream) async throws {
            try await withThrowingTaskGroup(of: [Int].self) { group in
                for creator in 0..<3 {
                    group.addTask {
                        let connection = try await Connection(to: stream.endpoint)
                        let headers: HeaderList = ["Content-Type": "text/plain"]
                        var statuses: [Int] = []
                        // 409 until the old one is gone, for it has another configuration.
                        for _ in 0..<400 where !statuses.contains(where: { $0 != 409 }) {
                            let body = RequestBody.text("new\(creator)")
                            let request = stream.request("PUT", headers, body: body)
                            statuses.append(try await connection.exchange(request).status)
                            try await Task.sleep(for: .milliseconds(5))
                        }
                        await connection.close()
                        return statuses
                    }
                }
                let statuses = try await group.reduce(into: [Int]()) { $0 += $1 }
                #expect(statuses.filter { $0 == 201 }.count == 1, "\(statuses)")
                #expect(statuses.filter { $0 == 200 }.count == 2, "\(statuses)")
            }
            #expect(try await stream.text().hasPrefix("new"))
        }
    }
}
