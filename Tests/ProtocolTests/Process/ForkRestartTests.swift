import Foundation
import Testing

/// Forks, soft deletions and lifetimes across restarts and kills of the real server.
@Suite(.ownServerOnly) struct ForkRestartTests {
    /// What a client can see of a stream.
    private static func look(at stream: TestStream) async throws -> String {
        let head = try await stream.head()
        let read = try await stream.read()
        let names = ["Content-Type", "Stream-Next-Offset", "Stream-Closed", "Stream-TTL", "Stream-Expires-At"]
        let shown = names.compactMap { name in head.headers[name].map { "\(name)=\($0)" } }
        return "\(stream.name): \(head.status) \(read.status) \(shown) \(read.status == 200 ? read.text : "")"
    }

    private static func look(at streams: [TestStream], _ endpoint: Endpoint) async throws -> [String] {
        var looks: [String] = []
        for stream in streams { looks.append(try await look(at: stream.moved(to: endpoint))) }
        return looks
    }

    private static func stop(_ server: ServerProgram, kills: Bool) async {
        if kills { await server.kill() } else { #expect(await server.terminate() == 0) }
    }

    /// Streams in every state that forks bring about.
    private struct Forest {
        var source, fork, chained, closed, held, holder, expired, heir, plain: TestStream
        var all: [TestStream] { [source, fork, chained, closed, held, holder, expired, heir, plain] }

        init() async throws {
            source = try await TestStream.create("application/json", ["Stream-TTL": "3600"], body: "[1,2]")
            fork = try await source.forked(at: TestStream.start, past: "1", body: "[\"f\"]")
            chained = try await fork.forked(["Stream-Expires-At": "2099-01-01T00:00:00+01:00"], body: "\"c\"")
            closed = try await chained.forked(["Stream-Closed": "true"], body: "\"last\"")
            held = try await TestStream.create("text/plain", body: "held ")
            holder = try await held.forked(body: "by this")
            expectStatus(try await held.delete(), 204)
            expired = try await TestStream.create("text/plain", ["Stream-TTL": "1"], body: "expired ")
            heir = try await expired.forked(["Stream-TTL": "3600"], body: "kept")
            plain = try await TestStream.create("text/plain", ["Stream-Expires-At": "2099-01-01T00:00:00Z"], body: "p")
            let stream = expired
            expectStatus(try await eventually({ $0.status != 200 }) { try await stream.head() }, 410)
        }
    }

    @Test(arguments: [false, true])
    func `Everything is as it was, and goes on as if nothing had happened`(kills: Bool) async throws {
        let directory = ServerProgram.temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        var server = try await ServerProgram(directory: directory)
        let forest = try await Endpoint.$running.withValue(server.endpoint) { try await Forest() }
        let before = try await Self.look(at: forest.all, server.endpoint)
        for _ in 0..<3 {
            await Self.stop(server, kills: kills)
            server = try await ServerProgram(directory: directory)
            #expect(try await Self.look(at: forest.all, server.endpoint) == before)
        }

        let endpoint = server.endpoint
        let (source, fork) = (forest.source.moved(to: endpoint), forest.fork.moved(to: endpoint))
        try await source.appendSuccessfully("3")
        try await fork.appendSuccessfully("\"g\"")
        #expect(try await source.text() == "[1,2,3]")
        #expect(try await fork.text() == "[1,\"f\",\"g\"]")
        #expect(try await forest.chained.moved(to: endpoint).text() == "[1,\"f\",\"c\"]")
        // The configuration is known, so that the same again is the same.
        expectStatus(try await source.fork(to: fork, at: TestStream.start, past: "1"), 200)
        expectStatus(try await source.fork(to: fork, at: TestStream.start), 409)
        let (held, expired) = (forest.held.moved(to: endpoint), forest.expired.moved(to: endpoint))
        for stream in [held, expired] { expectStatus(try await stream.put(), 409) }
        expectStatus(try await forest.holder.moved(to: endpoint).delete(), 204)
        expectStatus(try await forest.heir.moved(to: endpoint).delete(), 204)
        for stream in [held, expired] { expectStatus(try await stream.head(), 404) }

        await Self.stop(server, kills: kills)
        server = try await ServerProgram(directory: directory)
        for stream in [held, expired] {
            let stream = stream.moved(to: server.endpoint)
            expectStatus(try await stream.head(), 404)
            expectStatus(try await stream.put(body: "new"), 201)
            #expect(try await stream.text() == "new")
        }
        #expect(try await fork.moved(to: server.endpoint).text() == "[1,\"f\",\"g\"]")
        #expect(await server.terminate() == 0)
    }

    @Test(arguments: [false, true])
    func `A chain that was deleted from the top goes after a restart too`(kills: Bool) async throws {
        let directory = ServerProgram.temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        var server = try await ServerProgram(directory: directory)
        let chain = try await Endpoint.$running.withValue(server.endpoint) {
            var chain = [try await TestStream.create(body: "0")]
            for number in 1...4 { chain.append(try await chain[number - 1].forked(body: .text("\(number)"))) }
            return chain
        }
        for number in 0..<4 {
            expectStatus(try await chain[number].moved(to: server.endpoint).delete(), 204)
            await Self.stop(server, kills: kills)
            server = try await ServerProgram(directory: directory)
            for (index, stream) in chain.enumerated() {
                expectStatus(try await stream.moved(to: server.endpoint).head(), index <= number ? 410 : 200)
            }
            #expect(try await chain[4].moved(to: server.endpoint).text() == "01234")
        }
        expectStatus(try await chain[4].moved(to: server.endpoint).delete(), 204)
        await Self.stop(server, kills: kills)
        server = try await ServerProgram(directory: directory)
        for stream in chain { expectStatus(try await stream.moved(to: server.endpoint).put(), 201) }
        #expect(await server.terminate() == 0)
    }

    @Test func `Lifetimes that end while the server is down have ended when it is back`() async throws {
        let directory = ServerProgram.temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        var server = try await ServerProgram(directory: directory)
        let (source, fork, alone) = try await Endpoint.$running.withValue(server.endpoint) {
            let source = try await TestStream.create("text/plain", ["Stream-TTL": "1"], body: "a")
            let fork = try await source.forked(["Stream-TTL": "3600"], body: "b")
            return (source, fork, try await TestStream.create("text/plain", ["Stream-TTL": "1"], body: "c"))
        }
        await server.kill()
        try await Task.sleep(for: .seconds(2))
        server = try await ServerProgram(directory: directory)
        let endpoint = server.endpoint
        // They may live a little longer than before.
        expectStatus(try await eventually({ $0.status != 200 }) { try await alone.moved(to: endpoint).head() }, 404)
        expectStatus(try await eventually({ $0.status != 200 }) { try await source.moved(to: endpoint).head() }, 410)
        #expect(try await fork.moved(to: endpoint).text() == "ab")
        expectStatus(try await fork.moved(to: endpoint).delete(), 204)
        expectStatus(try await source.moved(to: endpoint).head(), 404)
        #expect(await server.terminate() == 0)
    }

    @Test(arguments: ["text/plain", "application/json"])
    func `A random tree of forks survives a kill after every few steps`(type: String) async throws {
        let directory = ServerProgram.temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        let seed = SeededGenerator.seed &+ 1_000
        var server = try await ServerProgram(directory: directory, arguments: ["--segment-bytes", "262144"])
        var client = try await Endpoint.$running.withValue(server.endpoint) {
            try await TreeClient(seed: seed, type: type)
        }
        do {
            for round in 0..<12 {
                try await client.run(stepCount: 60)
                await Self.stop(server, kills: round % 4 != 3)
                server = try await ServerProgram(directory: directory, arguments: ["--segment-bytes", "262144"])
                try await client.move(to: server.endpoint)
            }
        } catch {
            Issue.record(error, "seed \(seed), last steps:\n\(client.history.suffix(40).joined(separator: "\n"))")
        }
        #expect(await server.terminate() == 0)
    }
}
