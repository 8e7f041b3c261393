import Testing

extension BlackBox {
    /// Sections 4, 6 and 7: appends that race the end of their stream, with every kind of reader in place.
    @Suite(.server(.patient), .ownServerOnly)
    struct `Appends against ends` {
        /// Appends until the stream refuses because it is closed.
        private static func write(
            _ writer: Int, to stream: TestStream, over connection: Connection, _ state: RaceState
        ) async throws -> (appends: [AcknowledgedAppend], refusal: Response) {
            var appends: [AcknowledgedAppend] = []
            while true {
                let wasOver = state.isOver
                let text = "\(writer).\(appends.count);"
                let response = try await connection.append(text, to: stream)
                if response.status == 409 { return (appends, response) }
                try #require(response.status == 204, "\(response)")
                #expect(!wasOver, "accepted after the acknowledged close\n\(response)")
                #expect(!response.isClosed)
                appends.append(AcknowledgedAppend(text: text, end: try response.position()))
            }
        }

        /// Closes in one of three ways; gives the final position and what the close itself has appended.
        private static func close(
            _ stream: TestStream, _ round: Int, over connection: Connection, _ state: RaceState
        ) async throws -> (end: Int, append: AcknowledgedAppend?) {
            let closing: HeaderList = ["Stream-Closed": "true"]
            let text = round % 3 == 0 ? "" : "END"
            let producer = `Idempotent producers`.producer(0, 0)
            let response = try await connection.append(text, to: stream, round % 3 == 2 ? closing + producer : closing)
            state.end()
            try #require(response.status == (round % 3 == 2 ? 200 : 204) && response.isClosed, "\(response)")
            let end = try response.position()
            return (end, text.isEmpty ? nil : AcknowledgedAppend(text: text, end: end))
        }

        @Test func `Nothing comes after an acknowledged close, and the last data comes before the end`() async throws {
            try await Rounds.run(250) { rounds in
                var connections: [Connection] = []
                for _ in 0..<6 { connections.append(try await Connection(to: .current)) }
                let lane = connections
                for round in rounds { try await Self.race(round, lane) }
            }
        }

        private static func race(_ round: Int, _ connections: [Connection]) async throws {
            let stream = try TestStream.unused("text/plain")
            try await connections[0].create(stream)
            let state = RaceState()
            async let polled = connections[1].pollToEnd(of: stream)
            try await connections[2].startEvents(of: stream)
            async let followed = connections[2].receiveEvents()
            async let first = write(0, to: stream, over: connections[3], state)
            async let second = write(1, to: stream, over: connections[4], state)
            async let third = write(2, to: stream, over: connections[5], state)
            try await Task.sleep(for: .microseconds(round * 7_919 % 4_000))
            let closed = try await close(stream, round, over: connections[0], state)

            let writers = [try await first, try await second, try await third]
            var appends = writers.flatMap(\.appends)
            if let append = closed.append { appends.append(append) }
            let read = try await connections[0].exchange(stream.request("GET"))
            #expect(read.isClosed && read.isUpToDate)
            #expect(try read.position() == closed.end)
            // Every answer is known, so that what is there is what was acknowledged, once.
            #expect(read.body.count == appends.reduce(0) { $0 + $1.text.utf8.count })
            expectContent(read.text, has: appends)
            if let append = closed.append { #expect(read.text.hasSuffix(append.text)) }
            for writer in writers {
                #expect(writer.refusal.isClosed)
                #expect(try writer.refusal.position() == closed.end)
            }
            for transcript in [try await polled, try await followed] {
                #expect(transcript.text == read.text, "round \(round)")
                #expect(transcript.isClosed && transcript.nextOffset == read.nextOffset, "round \(round)")
            }
        }

        @Test func `A delete ends every reader, and nothing of before is in what is created after`() async throws {
            try await Rounds.run(250) { rounds in
                var connections: [Connection] = []
                for _ in 0..<5 { connections.append(try await Connection(to: .current)) }
                let lane = connections
                for round in rounds { try await Self.raceDelete(round, lane) }
            }
        }

        /// Appends for as long as it is told to; with each the number of the incarnation that it must be in, if known.
        private static func writeThrough(
            _ writer: Int, to stream: TestStream, over connection: Connection, deleting: RaceState, done: RaceState
        ) async throws -> (old: [AcknowledgedAppend], all: [AcknowledgedAppend]) {
            var old: [AcknowledgedAppend] = []
            var all: [AcknowledgedAppend] = []
            var count = 0
            while !done.isOver {
                let text = "\(writer).\(count);"
                count += 1
                let response = try await connection.append(text, to: stream)
                try #require([204, 404].contains(response.status), "\(response)")
                guard response.status == 204 else { continue }
                let append = AcknowledgedAppend(text: text, end: try response.position())
                all.append(append)
                if !deleting.isOver { old.append(append) }
            }
            return (old, all)
        }

        private static func raceDelete(_ round: Int, _ connections: [Connection]) async throws {
            let stream = try TestStream.unused("text/plain")
            try await connections[0].create(stream, body: "old;")
            let (deleting, done) = (RaceState(), RaceState())
            try await connections[1].startEvents(of: stream)
            async let followed = connections[1].receiveEvents()
            let answered = RaceState()
            async let polled = poll(stream, over: connections[2], answered)
            async let first = writeThrough(
                0, to: stream, over: connections[3], deleting: deleting, done: done)
            async let second = writeThrough(
                1, to: stream, over: connections[4], deleting: deleting, done: done)
            try await Task.sleep(for: .microseconds(round * 7_919 % 3_000))
            deleting.end()
            expectStatus(try await connections[0].exchange(stream.request("DELETE")), 204)
            try await connections[0].create(stream, body: "new;")
            try await Task.sleep(for: .microseconds(round * 104_729 % 2_000))
            done.end()

            let writers = [try await first, try await second]
            let content = try await connections[0].exchange(stream.request("GET")).text
            #expect(content.hasPrefix("new;"))
            let pieces = content.dropFirst(4).split(separator: ";").map { $0 + ";" }
            #expect(Set(pieces).count == pieces.count, "something is there twice: \(content)")
            #expect(Set(pieces).isSubset(of: writers.flatMap { $0.all.map { Substring($0.text) } }))
            #expect(Set(pieces).isDisjoint(with: writers.flatMap { $0.old.map { Substring($0.text) } }))
            expectContent(content, has: writers.flatMap(\.all).filter { pieces.contains(Substring($0.text)) })
            let transcript = try await followed
            #expect(transcript.text.hasPrefix("old;") && !transcript.text.contains("new"), "\(transcript)")
            #expect(!transcript.isClosed)
            // Who waited was woken by an append or by the delete; who came late is woken by these.
            while !answered.isOver {
                expectStatus(try await connections[0].append("!", to: stream), 204)
                try await Task.sleep(for: .milliseconds(1))
            }
            #expect([200, 404].contains(try await polled))
        }

        /// The status of one long-poll from now on.
        private static func poll(
            _ stream: TestStream, over connection: Connection, _ answered: RaceState
        ) async throws -> Int {
            defer { answered.end() }
            let request = stream.request("GET", query: "offset=now&live=long-poll")
            return try await connection.exchange(request, within: .wakeUp).status
        }
    }
}
