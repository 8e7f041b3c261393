import Testing

extension BlackBox {
    /// Section 8: forks that race what happens to their source.
    @Suite(.server(.patient), .ownServerOnly)
    struct `Forks against others` {
        @Test func `A fork has exactly what came before it`() async throws {
            let source = try await TestStream.create()
            let acknowledged = RaceState()
            let forked = RaceState()
            let done = RaceState()
            let forks = try await withThrowingTaskGroup(of: [(stream: TestStream, text: String)].self) { group in
                for writer in 0..<3 {
                    group.addTask {
                        try await Self.write(writer, to: source, acknowledged, forked, done)
                        return []
                    }
                }
                for _ in 0..<3 {
                    group.addTask {
                        let connection = try await Connection(to: source.endpoint)
                        return try await Self.fork(source, acknowledged, forked, over: connection)
                    }
                }
                var forks: [(stream: TestStream, text: String)] = []
                var finishedForkers = 0
                for try await part in group {
                    forks += part
                    if !part.isEmpty { finishedForkers += 1 }
                    if finishedForkers == 3 { done.end() }
                }
                return forks
            }
            let content = try await source.readBytes()
            for (fork, text) in forks {
                #expect(content.starts(with: text.utf8), "a fork is no prefix of its source")
                // What it inherited stays what it was while the source went on.
                #expect(try await fork.text() == text + "own")
            }
        }

        private static func write(
            _ writer: Int, to source: TestStream, _ acknowledged: RaceState, _ forked: RaceState, _ done: RaceState
        ) async throws {
            let connection = try await Connection(to: source.endpoint)
            var number = 0
            while !done.isOver {
                let lastFork = forked.position
                let response = try await connection.append("\(writer).\(number);", to: source)
                try #require(response.status == 204, "\(response)")
                let end = try response.position()
                #expect(end > lastFork, "an append after a fork is in the fork")
                acknowledged.advance(to: end)
                number += 1
                if number % 8 == 0 { try await Task.sleep(for: .milliseconds(1)) }
            }
        }

        private static func fork(
            _ source: TestStream, _ acknowledged: RaceState, _ forked: RaceState, over connection: Connection
        ) async throws -> [(stream: TestStream, text: String)] {
            var forks: [(stream: TestStream, text: String)] = []
            for _ in 0..<Rounds.count(60) {
                let fork = try TestStream.unused("text/plain")
                let before = acknowledged.position
                let request = fork.request("PUT", ["Stream-Forked-From": source.target])
                let created = try await connection.exchange(request)
                try #require(created.status == 201, "\(created)")
                let divergence = try created.position()
                forked.advance(to: divergence)
                #expect(divergence >= before, "an append that was acknowledged before a fork is not in it")
                let read = try await connection.exchange(fork.request("GET"))
                #expect(read.body.count == divergence && read.isUpToDate && !read.isClosed)
                expectStatus(try await connection.append("own", to: fork), 204)
                forks.append((fork, read.text))
            }
            return forks
        }

        @Test func `A fork and the delete of its source come one after the other`() async throws {
            try await Rounds.run(200) { rounds in
                let first = try await Connection(to: .current)
                let second = try await Connection(to: .current)
                for round in rounds {
                    let source = try TestStream.unused("text/plain")
                    let fork = try TestStream.unused("text/plain")
                    try await first.create(source, body: "abc")
                    async let deleted = first.exchange(source.request("DELETE"))
                    if round % 2 == 0 { try await Task.sleep(for: .microseconds(round % 700)) }
                    let created = try await second.exchange(
                        fork.request("PUT", ["Stream-Forked-From": source.target]))
                    expectStatus(try await deleted, 204)
                    let after = try await first.exchange(source.request("HEAD"))
                    switch created.status {
                    case 201:
                        expectStatus(after, 410)
                        #expect(try await second.exchange(fork.request("GET")).text == "abc")
                        expectStatus(try await second.exchange(fork.request("DELETE")), 204)
                        expectStatus(try await first.exchange(source.request("HEAD")), 404)
                    case 404:
                        expectStatus(after, 404)
                        expectStatus(try await second.exchange(fork.request("HEAD")), 404)
                    default: Issue.record("\(created)")
                    }
                }
            }
        }

        @Test func `A source and its last fork that are deleted at once are both gone`() async throws {
            try await Rounds.run(200) { rounds in
                let first = try await Connection(to: .current)
                let second = try await Connection(to: .current)
                for _ in rounds {
                    let source = try TestStream.unused("text/plain")
                    let fork = try TestStream.unused("text/plain")
                    try await first.create(source, body: "abc")
                    try await second.create(fork, ["Stream-Forked-From": source.target])
                    async let deletedSource = first.exchange(source.request("DELETE"))
                    async let deletedFork = second.exchange(fork.request("DELETE"))
                    expectStatus(try await deletedSource, 204)
                    expectStatus(try await deletedFork, 204)
                    for stream in [source, fork] {
                        expectStatus(try await first.exchange(stream.request("HEAD")), 404)
                        try await first.create(stream, body: "new")
                    }
                }
            }
        }

        @Test func `A fork of a source that is being closed is open and has all or nothing of the last append`()
            async throws
        {
            try await Rounds.run(200) { rounds in
                let first = try await Connection(to: .current)
                let second = try await Connection(to: .current)
                for _ in rounds {
                    let source = try TestStream.unused("text/plain")
                    let fork = try TestStream.unused("text/plain")
                    try await first.create(source, body: "abc;")
                    async let closed = first.append("last;", to: source, ["Stream-Closed": "true"])
                    try await second.create(fork, ["Stream-Forked-From": source.target])
                    expectStatus(try await closed, 204)
                    let read = try await second.exchange(fork.request("GET"))
                    #expect(["abc;", "abc;last;"].contains(read.text) && !read.isClosed, "\(read)")
                    expectStatus(try await second.append("own", to: fork), 204)
                    let after = try await second.exchange(fork.request("GET"))
                    #expect(after.text == read.text + "own" && !after.isClosed)
                }
            }
        }
    }
}
