import Foundation
import Testing

@Suite(.ownServerOnly) struct ReaderMemoryTests {
    @Test func `A reader that stops reading costs bounded memory and then catches up`() async throws {
        let directory = ServerProgram.temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        let server = try await ServerProgram(directory: directory, arguments: ["--sse-duration-ms", "0"])
        let target = "/v1/stream/flood"
        let writer = try await Connection(to: server.endpoint)
        _ = try await writer.exchange(Request("PUT", target, ["Content-Type": "text/plain"]))

        let sleepers = try EventReaders(count: 2, of: target, at: server.endpoint, startsReading: false)
        let line = Array(String(repeating: "0123456789abcdef", count: 4_095).utf8)
        func flood(_ count: Int) async throws {
            for _ in 0..<count {
                let response = try await writer.exchange(
                    Request("POST", target, ["Content-Type": "text/plain"], body: .bytes(line + [0x0A])))
                #expect(response.status == 204)
            }
        }
        // The first of it fills the sockets' own buffers; what comes then must not be kept for the sleepers.
        try await flood(200)
        let before = try server.anonymousByteCount
        try await flood(600)
        let growth = try server.anonymousByteCount - before
        #expect(growth < 16 << 20, "39 MB that nobody read cost \(growth) bytes")

        sleepers.startReading()
        let outcomes = try await sleepers.waitForAll((0..<800).flatMap { _ in line })
        #expect(outcomes.isEmpty, "\(outcomes)")
        sleepers.close()
        #expect(await server.terminate() == 0)
    }

    @Test func `Two thousand idle connections cost little`() async throws {
        let directory = ServerProgram.temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        let server = try await ServerProgram(directory: directory)
        var connections: [Connection] = []
        let before = try server.anonymousByteCount
        for _ in 0..<2_000 {
            let connection = try await Connection(to: server.endpoint)
            #expect(try await connection.exchange(Request("HEAD", "/v1/stream/none")).status == 404)
            connections.append(connection)
        }
        let each = (try server.anonymousByteCount - before) / connections.count
        #expect(each < 24 << 10, "an idle connection costs \(each) bytes")
        for connection in connections { await connection.close() }
        #expect(await server.terminate() == 0)
    }

    @Test func `A live reader ends cleanly when the server is asked to stop`() async throws {
        let directory = ServerProgram.temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        let server = try await ServerProgram(directory: directory)
        let connection = try await Connection(to: server.endpoint)
        _ = try await connection.exchange(Request("PUT", "/v1/stream/a", ["Content-Type": "text/plain"], body: "x"))
        let events = try await Connection(to: server.endpoint)
        try await events.send(
            Request("GET", "/v1/stream/a?offset=-1&live=sse").bytes(host: server.endpoint.authority))
        #expect(try await events.receiveHead().status == 200)
        _ = try await events.receivePart()
        let poll = try await Connection(to: server.endpoint)
        try await poll.send(
            Request("GET", "/v1/stream/a?offset=now&live=long-poll").bytes(host: server.endpoint.authority))
        // A request that the server has not read yet when it ends has no answer.
        let health = try await eventually({ $0.text.contains("\"liveReaders\":2") }) {
            try await connection.exchange(Request("GET", "/healthz"))
        }
        #expect(health.status == 200)
        let start = ContinuousClock.now
        #expect(await server.terminate() == 0)
        #expect(ContinuousClock.now - start < .seconds(10))
        // To the last chunk, not to a cut.
        while try await events.receivePart() != nil {}
        #expect(try await poll.receiveFinalResponse().status == 204)
    }
}
