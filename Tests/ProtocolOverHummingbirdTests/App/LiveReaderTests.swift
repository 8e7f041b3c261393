import DurableStreams
import DurableStreamsHTTP
import DurableStreamsHummingbird
import Foundation
import Hummingbird
import Testing

/// Readers that leave, half leave, or are asked to.
@Suite(.wantedTransport, .timeLimit(.minutes(2))) struct AppLiveReaderTests {
    private static let modes = ["long-poll", "sse"]

    private func request(_ app: TestApp, _ mode: String) -> [UInt8] {
        Request("GET", app.target("news?offset=now&live=\(mode)")).bytes(host: "x")
    }

    @Test(arguments: modes, [false, true])
    func `A live reader that disconnects is removed from its stream`(mode: String, resets: Bool) async throws {
        try await withApp { app in
            let stream = try await app.createStream("news")
            let connection = try await app.connect()
            try await connection.send(request(app, mode))
            try await stream.expectFollowed(true)
            if resets { await connection.reset() } else { await connection.close() }
            try await stream.expectFollowed(false)
        }
    }

    @Test(arguments: modes)
    func `A thousand readers that come and go leave nobody behind`(mode: String) async throws {
        try await withApp { app in
            let stream = try await app.createStream("news")
            for _ in 0..<10 {
                var connections: [Connection] = []
                for _ in 0..<100 {
                    let connection = try await app.connect()
                    try await connection.send(request(app, mode))
                    connections.append(connection)
                }
                // Some have begun to wait, others leave before they do.
                try await stream.expectFollowed(true)
                for connection in connections { await connection.close() }
                try await stream.expectFollowed(false)
            }
        }
    }

    @Test func `A long-poll of a client that has closed its half is still answered`() async throws {
        try await withApp { app in
            let stream = try await app.createStream("news")
            let connection = try await app.connect()
            try await connection.send(request(app, "long-poll"))
            try await stream.expectFollowed(true)
            await connection.finishSending()
            #expect(try await connection.receiveHead().status == 100)
            #expect(stream.isFollowed)
            _ = try await app.store.append("late".utf8, to: stream.path)
            let response = try await connection.receiveResponse()
            expectStatus(response, 200)
            #expect(response.text == "late")
            #expect(try await connection.isEnded())
        }
    }

    @Test func `Events for a client that has closed its half go on`() async throws {
        try await withApp { app in
            let stream = try await app.createStream("news")
            let connection = try await app.connect()
            try await connection.send(request(app, "sse"))
            #expect(try await connection.receiveHead().status == 200)
            #expect(try await text(of: connection)?.hasPrefix("event: control\n") == true)
            await connection.finishSending()
            #expect(try await text(of: connection) == ":\n\n")
            _ = try await app.store.append("late".utf8, to: stream.path, AppendRequest(closes: true))
            #expect(try await text(of: connection)?.hasPrefix("event: data\ndata:late\n\n") == true)
            #expect(try await text(of: connection) == nil)
            #expect(try await connection.isEnded())
        }
    }

    private func text(of connection: Connection) async throws -> String? {
        try await connection.receivePart().map { String(decoding: $0, as: UTF8.self) }
    }

    @Test func `Live reads follow each other on one connection`() async throws {
        try await withApp({ $0.eventStreamDurationMilliseconds = 1_000 }) { app in
            let stream = try await app.createStream("news")
            let connection = try await app.connect()
            for mode in ["sse", "long-poll", "sse", "long-poll"] {
                try await connection.send(request(app, mode))
                try await stream.expectFollowed(true)
                if mode == "long-poll" { _ = try await app.store.append("x".utf8, to: stream.path) }
                expectStatus(try await connection.receiveFinalResponse(), 200)
            }
            try await stream.expectFollowed(false)
        }
    }

    @Test func `An event stream that middleware drops leaves nobody behind`() async throws {
        struct Dropper: RouterMiddleware {
            typealias Context = BasicDurableStreamsRequestContext

            func handle(
                _ request: Hummingbird.Request, context: Context,
                next: (Hummingbird.Request, Context) async throws -> Hummingbird.Response
            ) async throws -> Hummingbird.Response {
                _ = try await next(request, context)
                return Hummingbird.Response(status: .badGateway)
            }
        }
        try await withApp(router: { store in
            Router(context: BasicDurableStreamsRequestContext.self)
                .add(middleware: Dropper())
                .addDurableStreams(store)
        }) { app in
            let stream = try await app.createStream("news")
            let connection = try await app.connect()
            try await connection.send(request(app, "sse"))
            expectStatus(try await connection.receiveResponse(), 502)
            #expect(!stream.isFollowed)
        }
    }

    @Test func `A graceful shutdown ends live reads to their last byte`() async throws {
        try await withApp { app in
            let stream = try await app.createStream("news")
            let events = try await app.connect()
            try await events.send(request(app, "sse"))
            #expect(try await events.receiveHead().status == 200)
            let poll = try await app.connect()
            try await poll.send(request(app, "long-poll"))
            let other = try await app.createStream("other")
            let idle = try await app.connect()
            expectStatus(try await idle.exchange(Request("HEAD", app.target("other"))), 200)
            try await stream.expectFollowed(true)
            try await Task.sleep(for: .milliseconds(200))

            async let isGraceful = app.server.stop(within: .seconds(30))
            while try await events.receivePart() != nil {}
            let answer = try await poll.receiveResponse()
            expectStatus(answer, 204)
            expectHeader(answer, "Stream-Up-To-Date", "true")
            for connection in [events, poll, idle] {
                #expect(try await connection.isEnded())
                await connection.close()
            }
            #expect(await isGraceful)
            #expect(!stream.isFollowed && !other.isFollowed)
        }
    }

    @Test func `A reader that reads nothing costs bounded memory and then catches up`() async throws {
        try await withApp { app in
            let stream = try await app.createStream("news")
            let sleeper = try await app.connect()
            try await sleeper.send(request(app, "sse"))
            try await stream.expectFollowed(true)
            let line = [UInt8](repeating: UInt8(ascii: "x"), count: (64 << 10) - 1) + [0x0A]
            func flood(_ count: Int) async throws {
                for _ in 0..<count { _ = try await app.store.append(line, to: stream.path) }
            }
            // The first of it fills the sockets' own buffers; what comes then must not be kept for the sleeper.
            try await flood(250)
            let before = try anonymousByteCount()
            try await flood(400)
            let growth = try anonymousByteCount() - before
            #expect(growth < 8 << 20, "26 MB that nobody read cost \(growth) bytes")

            #expect(try await sleeper.receiveHead().status == 200)
            var byteCount = 0
            while byteCount < 650 * line.count { byteCount += try #require(await sleeper.receivePart()).count }
        }
    }

    private func anonymousByteCount() throws -> Int {
        let text = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("RssAnon:") })
        let words = line.split(whereSeparator: \.isWhitespace)
        return try #require(words.dropFirst().first.flatMap { Int($0) }) * 1_024
    }
}
