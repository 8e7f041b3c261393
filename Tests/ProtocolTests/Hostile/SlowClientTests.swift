import Foundation
import Testing

/// Section 10: clients that take their time. They hold nobody up, and cost no more than a connection.
@Suite(.wantedTransport, .ownServerOnly) struct SlowClientTests {
    private static let clientCount = 300

    /// Opens connections that all begin in the same way, and lets each send one more byte now and then.
    private func trickle(
        _ beginning: String, _ bytes: String, to server: AttackedServer, rounds: Int = 30
    ) async throws {
        var connections: [Connection] = []
        for _ in 0..<Self.clientCount {
            let connection = try await Connection(to: server.endpoint)
            try await connection.send(beginning)
            connections.append(connection)
        }
        let letters = Array(bytes.utf8)
        for round in 0..<rounds {
            for connection in connections {
                // The server may have had enough of a client, but not of the others.
                try? await connection.send([letters[round % letters.count]])
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        for connection in connections { await connection.reset() }
    }

    @Test(arguments: ["G", "GET /v1/stream/", "GET /v1/stream/a HTTP/1.1\r\nHost: x\r\nX-Slow: "])
    func `Heads that come byte by byte hold nobody up`(beginning: String) async throws {
        try await AttackedServer.run { server in
            try await server.expectDescriptorsBack {
                try await server.expectGrowth(below: Self.clientCount * (48 << 10)) {
                    try await Neighbour.isServed(at: server.endpoint) {
                        try await trickle(beginning, "abcd", to: server)
                    }
                }
            }
        }
    }

    @Test(arguments: ["Content-Length: 60000000", "Transfer-Encoding: chunked"])
    func `Bodies that come byte by byte hold nobody up, whatever length they announce`(framing: String) async throws {
        try await AttackedServer.run { server in
            let stream = try await TestStream.create()
            let head = "POST \(stream.target) HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n\(framing)\r\n\r\n"
            try await server.expectDescriptorsBack {
                try await server.expectGrowth(below: Self.clientCount * (64 << 10)) {
                    try await Neighbour.isServed(at: server.endpoint) {
                        let bytes = framing.hasPrefix("T") ? "1\r\na\r\n" : "a"
                        try await trickle(head, bytes, to: server)
                    }
                }
            }
            #expect(try await stream.text() == "", "bodies that never came whole are not appended")
        }
    }

    @Test(.notUpToApps("timeouts are Hummingbird's"))
    func `Those who say nothing are told to go, in time`() async throws {
        try await AttackedServer.run(.init(idleTimeoutMilliseconds: 1_000)) { server in
            let silent = try await Connection(to: server.endpoint)
            let unfinished = try await Connection(to: server.endpoint)
            try await unfinished.send("GET /v1/stream/none HTTP/1.1\r\nHost:")
            let idle = try await Connection(to: server.endpoint)
            expectStatus(try await idle.exchange(Request("HEAD", "/v1/stream/none")), 404)
            #expect(try await idle.isEnded(within: .seconds(20)))
            // A first request has more time than the next one.
            #expect(try await silent.isEnded(within: .seconds(60)))
            expectStatus(try await unfinished.receiveFinalResponse(), 408)
            #expect(try await unfinished.isEnded(within: .seconds(20)))
        }
    }

    @Test func `Those who never read what they asked for cost no more than their sockets`() async throws {
        try await AttackedServer.run { server in
            let stream = try await TestStream.create("application/octet-stream")
            let bytes = [UInt8](repeating: 0x61, count: 1 << 20)
            for _ in 0..<8 { try await stream.appendSuccessfully(.bytes(bytes)) }
            let target = stream.target
            let requests = (0..<200).flatMap { number in
                Array("GET \(target)?offset=-1&n=\(number) HTTP/1.1\r\nHost: x\r\n\r\n".utf8)
            }
            let readerCount = 40
            var readers: [Connection] = []
            // Each asks for 200 MiB in all, at most one chunk of which the server may have in its hands.
            try await server.expectGrowth(below: readerCount * (3 << 19) + (32 << 20)) {
                try await Neighbour.isServed(at: server.endpoint) {
                    for _ in 0..<readerCount {
                        let reader = try await Connection(to: server.endpoint)
                        try await reader.send(requests)
                        readers.append(reader)
                    }
                    try await Task.sleep(for: .seconds(2))
                }
            }
            // Whoever then reads gets everything that was asked for.
            let patient = try #require(readers.first)
            for _ in 0..<20 { #expect(try await patient.receiveFinalResponse().body == bytes) }
            for reader in readers { await reader.reset() }
        }
    }
}
