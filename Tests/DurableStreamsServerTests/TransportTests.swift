import DurableStreams
import DurableStreamsHTTP
import DurableStreamsServer
import Foundation
import NIOCore
import NIOPosix
import Testing

/// Time, memory and shutdown, through a socket.
@Suite(.timeLimit(.minutes(1))) struct TransportTests {
    private let target = "/v1/stream/test"

    // MARK: Patience

    @Test func `An idle connection is closed without a word`() async throws {
        try await withServer({ $0.idleTimeoutMilliseconds = 200 }) { _, address in
            try await TestClient.connect(to: address) { connection in
                let began = ContinuousClock.now
                try await connection.send("PUT", target)
                #expect(try await connection.receiveHead().hasPrefix("HTTP/1.1 201 "))
                #expect(try await connection.receiveAll() == "")
                #expect(ContinuousClock.now - began >= .milliseconds(190))
            }
        }
    }

    @Test func `A connection that never begins a request is closed without a word`() async throws {
        try await withServer({ $0.headTimeoutMilliseconds = 200 }) { _, address in
            try await TestClient.connect(to: address) { connection in
                let received = try await connection.receiveAll()
                #expect(received.isEmpty)
            }
        }
    }

    @Test func `A head that does not get complete is answered 408`() async throws {
        try await withServer({ $0.headTimeoutMilliseconds = 1_000 }) { _, address in
            try await TestClient.connect(to: address) { connection in
                for piece in ["GET \(target) HT", "TP/1.1\r\nHo", "st: x\r\n"] {
                    try await connection.send(piece)
                    try await Task.sleep(for: .milliseconds(30))
                }
                #expect(try await connection.receiveAll().hasPrefix("HTTP/1.1 408 "))
            }
        }
    }

    @Test func `A body that gets stuck is answered 408 and one that goes on is not`() async throws {
        try await withServer({ $0.bodyTimeoutMilliseconds = 3_000 }) { _, address in
            try await TestClient.connect(to: address) { connection in
                try await connection.send("PUT", target)
                _ = try await connection.receiveHead()
                try await connection.send("POST", target, "Content-Length: 6\r\n")
                for _ in 0..<6 {
                    try await Task.sleep(for: .milliseconds(700))
                    try await connection.send("x")
                }
                #expect(try await connection.receiveHead().hasPrefix("HTTP/1.1 204 "))
                try await connection.send("POST", target, "Content-Length: 6\r\n")
                try await connection.send("xx")
                #expect(try await connection.receiveAll().hasPrefix("HTTP/1.1 408 "))
            }
        }
    }

    @Test func `A client that takes nothing of what it asked for is disconnected`() async throws {
        try await withServer({ $0.stalledWriteTimeoutMilliseconds = 300 }) { server, address in
            let path = try StreamPath("test")
            _ = try await server.store.create(CreateRequest(path: path))
            _ = try await server.store.append([UInt8](repeating: 1, count: 1 << 20), to: path)
            try await TestClient.connect(to: address) { connection in
                // More answers than the sockets of both sides hold; nobody reads them.
                let request = "GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n"
                try await connection.send(String(repeating: request, count: 64))
                try await expectConnections(1, at: address)
            }
        }
    }

    // MARK: Request lines and framing

    @Test(arguments: ["FOO", "X", "get", "X-METHOD"])
    func `A method that nobody knows is answered 405 and the connection goes on`(method: String) async throws {
        try await withServer { _, address in
            try await TestClient.connect(to: address) { connection in
                try await connection.send(method, target)
                let head = try await connection.receiveHead()
                #expect(head.hasPrefix("HTTP/1.1 405 ") && head.contains("Allow: GET"), "\(head)")
                try await connection.send("OPTIONS", target)
                #expect(try await connection.receive(until: "HTTP/1.1 204 ").hasSuffix("HTTP/1.1 204 "))
            }
        }
    }

    @Test(arguments: [
        "GET  /v1/stream/test HTTP/1.1\r\nHost: x\r\n\r\n", "GET /v1/stream/test  HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /v1/stream/test RTSP/1.0\r\nHost: x\r\n\r\n",
        "POST /v1/stream/test HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: \r\nContent-Length: 1\r\n\r\nx",
        "POST /v1/stream/test HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
        "POST /v1/stream/test HTTP/1.1\r\nHost: x\r\nTransfer-Encoding:\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /v1/stream/test HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ])
    func `What only a lenient parser understands is answered 400, and the connection closes`(_ request: String) async throws {
        try await withServer { server, address in
            _ = try await server.store.create(CreateRequest(path: StreamPath("test")))
            try await TestClient.connect(to: address) { connection in
                try await connection.send(request)
                let received = try await connection.receiveAll()
                #expect(received.hasPrefix("HTTP/1.1 400 "), "\(received)")
                #expect(received.components(separatedBy: "HTTP/1.1 ").count == 2, "\(received)")
            }
        }
    }

    @Test func `Times that cannot work are refused before the server starts`() {
        let changes: [(inout ServerConfiguration) -> Void] = [
            { $0.protocolConfiguration.eventStreamKeepAliveMilliseconds = 0 },
            { $0.protocolConfiguration.longPollTimeoutMilliseconds = .max },
            { $0.idleTimeoutMilliseconds = .max }, { $0.headTimeoutMilliseconds = 0 },
            { $0.protocolConfiguration.bodyByteCountLimit = .max },
        ]
        for change in changes {
            var configuration = ServerConfiguration()
            change(&configuration)
            #expect(throws: ServerError.self) { try configuration.validate() }
        }
    }

    // MARK: Readers that leave

    @Test(arguments: ["live=long-poll", "live=sse"])
    func `A live reader that disconnects is forgotten`(live: String) async throws {
        try await withServer({ $0.protocolConfiguration.longPollTimeoutMilliseconds = 60_000 }) { server, address in
            _ = try await server.store.create(CreateRequest(path: StreamPath("test")))
            try await TestClient.connect(to: address) { connection in
                try await connection.send("GET", "\(target)?offset=now&\(live)")
                try await expectHealth("\"liveReaders\":1", at: address)
            }
            try await expectHealth("\"liveReaders\":0", at: address)
        }
    }

    @Test func `A live reader that has closed its half still gets its answer`() async throws {
        try await withServer { server, address in
            let path = try StreamPath("test")
            _ = try await server.store.create(CreateRequest(path: path))
            try await TestClient.connect(to: address) { connection in
                try await connection.send("GET", "\(target)?offset=now&live=long-poll")
                connection.finish()
                // Long enough for the server to ask whether anybody is there.
                try await Task.sleep(for: .milliseconds(1_500))
                _ = try await server.store.append("late".utf8, to: path)
                let all = try await connection.receiveAll()
                #expect(all.contains("HTTP/1.1 200 ") && all.hasSuffix("late"), "\(all)")
            }
        }
    }

    @Test func `Event streams follow each other on one connection`() async throws {
        try await withServer({ $0.protocolConfiguration.eventStreamDurationMilliseconds = 1_000 }) { server, address in
            _ = try await server.store.create(CreateRequest(path: StreamPath("test")))
            try await TestClient.connect(to: address) { connection in
                // The second one is asked for while the first one is going on.
                try await connection.send("GET", "\(target)?offset=now&live=sse")
                try await connection.send("GET", "\(target)?offset=now&live=sse", "Connection: close\r\n")
                let all = try await connection.receiveAll()
                #expect(all.components(separatedBy: "event: control").count == 3, "\(all)")
                #expect(all.components(separatedBy: "\r\n0\r\n\r\n").count == 3, "\(all)")
            }
        }
    }

    @Test func `What follows a request to upgrade does not pile up`() async throws {
        try await withServer({ $0.protocolConfiguration.longPollTimeoutMilliseconds = 500 }) { server, address in
            _ = try await server.store.create(CreateRequest(path: StreamPath("test")))
            try await TestClient.connect(to: address) { connection in
                let upgrade = "Connection: Upgrade\r\nUpgrade: h2c\r\n"
                try await connection.send("GET", "\(target)?offset=now&live=long-poll", upgrade)
                await #expect(throws: (any Error).self, "the server has to stop listening") {
                    for _ in 0..<1_000 { try await connection.outbound.write(ByteBuffer(repeating: 0, count: 1 << 16)) }
                }
            }
        }
    }

    // MARK: Memory of bodies

    @Test(arguments: [false, true])
    func `Bodies that don't fit into memory together wait for each other`(isChunked: Bool) async throws {
        try await withServer({
            $0.protocolConfiguration.bodyByteCountLimit = 1 << 20
            // Becomes twice the limit of a body.
            $0.bodyMemoryByteLimit = 1
        }) { server, address in
            _ = try await server.store.create(CreateRequest(path: StreamPath("test")))
            let answers = try await withThrowingTaskGroup { group in
                for _ in 0..<24 { group.addTask { try await upload(isChunked: isChunked, to: address) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let accepted = answers.count { $0.hasPrefix("HTTP/1.1 204 ") }
            let refused = answers.count { $0.hasPrefix("HTTP/1.1 503 ") && $0.contains("Retry-After: 1\r\n") }
            // Bodies of unknown length can get into each other's way; then some have to give up.
            #expect(accepted + refused == 24 && accepted >= 1, "\(answers)")
            #expect(isChunked || refused == 0, "\(answers)")
            let stream = try server.store.stream(at: StreamPath("test"))
            #expect(stream?.snapshot.tail.rawValue == UInt64(accepted) << 20)
        }
    }

    /// Sends 1 MiB in pieces, and returns the answer.
    private func upload(isChunked: Bool, to address: SocketAddress) async throws -> String {
        var answer = ""
        try await TestClient.connect(to: address) { connection in
            let piece = String(repeating: "x", count: 1 << 16)
            let framing = isChunked ? "Transfer-Encoding: chunked" : "Content-Length: \(1 << 20)"
            try await connection.send(
                "POST \(target) HTTP/1.1\r\nHost: x\r\nContent-Type: application/octet-stream\r\n"
                    + "\(framing)\r\nConnection: close\r\n\r\n")
            // Who is refused is closed while it sends.
            do {
                for _ in 0..<16 { try await connection.send(isChunked ? "10000\r\n\(piece)\r\n" : piece) }
                if isChunked { try await connection.send("0\r\n\r\n") }
            } catch {}
            answer = try await connection.receiveAll()
        }
        return answer
    }

    // MARK: Shutting down

    @Test func `A shutdown answers live readers and closes idle connections`() async throws {
        try await withServer({ $0.protocolConfiguration.longPollTimeoutMilliseconds = 60_000 }) { server, address in
            _ = try await server.store.create(CreateRequest(path: StreamPath("test")))
            try await TestClient.connect(to: address) { idle in
                try await idle.send("HEAD", target)
                _ = try await idle.receiveHead()
                try await TestClient.connect(to: address) { poll in
                    try await poll.send("GET", "\(target)?offset=now&live=long-poll")
                    try await TestClient.connect(to: address) { events in
                        try await events.send("GET", "\(target)?offset=now&live=sse")
                        _ = try await events.receive(until: "upToDate\":true}")
                        try await expectHealth("\"liveReaders\":2", at: address)
                        let began = ContinuousClock.now
                        await server.stop()
                        #expect(ContinuousClock.now - began < .seconds(5))
                        #expect(try await events.receiveAll().hasSuffix("0\r\n\r\n"))
                    }
                    let answer = try await poll.receiveAll()
                    #expect(answer.hasPrefix("HTTP/1.1 204 ") && answer.contains("Connection: close\r\n"), "\(answer)")
                }
                #expect(try await idle.receiveAll() == "")
            }
        }
    }

    @Test func `A shutdown doesn't wait for a client that takes nothing`() async throws {
        try await withServer({ $0.shutdownMilliseconds = 2_500 }) { server, address in
            let path = try StreamPath("test")
            _ = try await server.store.create(CreateRequest(path: path))
            _ = try await server.store.append([UInt8](repeating: 1, count: 1 << 20), to: path)
            try await TestClient.connect(to: address) { connection in
                let request = "GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n"
                try await connection.send(String(repeating: request, count: 64))
                try await expectConnections(2, at: address)
                let began = ContinuousClock.now
                await server.stop()
                #expect(ContinuousClock.now - began < .seconds(5))
            }
        }
    }

    // MARK: Helpers

    private func expectHealth(_ text: String, at address: SocketAddress) async throws {
        var health = ""
        for _ in 0..<500 {
            try await TestClient.connect(to: address) { connection in
                try await connection.send("GET", "/healthz", "Connection: close\r\n")
                health = try await connection.receiveAll()
            }
            if health.contains(text) { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        Issue.record("no \(text) in \(health)")
    }

    /// That many, the one that asks included.
    private func expectConnections(_ count: Int, at address: SocketAddress) async throws {
        try await expectHealth("\"connections\":\(count),", at: address)
    }
}
