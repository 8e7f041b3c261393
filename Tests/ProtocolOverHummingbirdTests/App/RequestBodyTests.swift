import DurableStreamsHTTP
import DurableStreamsHummingbird
import Hummingbird
import NIOCore
import Testing

@testable import DurableStreams

/// Bodies on their way through an app.
@Suite(.wantedTransport, .timeLimit(.minutes(2))) struct AppRequestBodyTests {
    private let type: HeaderList = ["Content-Type": "text/plain"]

    @Test func `A body of many chunks arrives whole`() async throws {
        try await withApp { app in
            let stream = try await app.createStream("a")
            let chunks = (0..<500).map { number in [UInt8](repeating: UInt8(number & 0x7F), count: 1 + number * 13) }
            let connection = try await app.connect()
            let request = Request("POST", app.target("a"), type, body: .chunked(chunks))
            expectStatus(try await connection.exchange(request), 204)
            let read = try stream.read(from: .start, byteLimit: 8 << 20)
            #expect(try read.bytes() == chunks.flatMap { $0 })
        }
    }

    @Test func `A body that outgrows the limit is answered before its end`() async throws {
        try await withApp({ $0.bodyByteCountLimit = 100_000 }) { app in
            let stream = try await app.createStream("a")
            let connection = try await app.connect()
            try await connection.send(
                "POST \(app.target("a")) HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
                    + "Transfer-Encoding: chunked\r\n\r\n")
            let chunk = Array("10000\r\n".utf8) + [UInt8](repeating: 0x61, count: 0x10000) + Array("\r\n".utf8)
            for _ in 0..<4 { try await connection.send(chunk) }
            expectStatus(try await connection.receiveResponse(to: "POST"), 413)
            // The rest is read over, and the connection goes on.
            for _ in 0..<20 { try await connection.send(chunk) }
            try await connection.send("0\r\n\r\n")
            expectStatus(try await connection.exchange(Request("HEAD", app.target("a"))), 200)
            #expect(stream.snapshot.tail == .start)
        }
    }

    @Test func `A long body that nobody wants is refused before it comes`() async throws {
        try await withApp { app in
            let refused = ["Content-Length: 60000000\r\n", "Content-Length: 60000000\r\nExpect: 100-continue\r\n"]
            for length in refused {
                let connection = try await app.connect()
                let head = "POST \(app.target("none")) HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n\(length)\r\n"
                try await connection.send(head)
                expectStatus(try await connection.receiveResponse(to: "POST"), 404)
            }
        }
    }

    @Test(arguments: ["Content-Length: 100\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"])
    func `A connection that breaks inside a body appends nothing`(start: String) async throws {
        try await withApp { app in
            let stream = try await app.createStream("a")
            for isReset in [false, true] {
                let connection = try await app.connect()
                try await connection.send(
                    "POST \(app.target("a")) HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n\(start)")
                if isReset {
                    try await Task.sleep(for: .milliseconds(100))
                    await connection.reset()
                } else {
                    await connection.finishSending()
                    let response = try await connection.receiveResponse(to: "POST")
                    expectStatus(response, 400)
                    expectHeader(response, "Access-Control-Allow-Origin", "*")
                    #expect(try await connection.isEnded())
                }
            }
            try await Task.sleep(for: .milliseconds(300))
            #expect(stream.snapshot.tail == .start)
        }
    }

    /// As middleware does that checks a signature over the body.
    private struct Collector: RouterMiddleware {
        typealias Context = BasicDurableStreamsRequestContext

        func handle(
            _ request: Hummingbird.Request, context: Context,
            next: (Hummingbird.Request, Context) async throws -> Hummingbird.Response
        ) async throws -> Hummingbird.Response {
            var request = request
            _ = try await request.collectBody(upTo: 1 << 20)
            return try await next(request, context)
        }
    }

    @Test func `Middleware may have read the body before`() async throws {
        try await withApp(router: { store in
            Router(context: BasicDurableStreamsRequestContext.self)
                .add(middleware: Collector())
                .addDurableStreams(store)
        }) { app in
            let stream = try await app.createStream("a")
            let connection = try await app.connect()
            for body in [RequestBody.text("one"), .chunked([Array("t".utf8), Array("wo".utf8)])] {
                let request = Request("POST", app.target("a"), type, body: body)
                expectStatus(try await connection.exchange(request), 204)
            }
            let read = try stream.read(from: .start, byteLimit: 100)
            #expect(try read.bytes() == Array("onetwo".utf8))
        }
    }
}
