import Foundation
import Glibc
import Testing

/// Section 10: more of everything than there may be. It is refused, and costs bounded memory while it comes.
@Suite(.wantedTransport, .ownServerOnly) struct FloodTests {
    /// Sends a beginning and then the same bytes again and again, until the server hangs up or the limit is reached;
    /// the status of its answer, if there was one.
    private static func flood(
        _ endpoint: Endpoint, _ beginning: String, with bytes: [UInt8], limit: Int, mustHangUp: Bool
    ) async throws -> Int? {
        let connection = try await Connection(to: endpoint)
        async let answer = firstStatus(connection)
        var sentByteCount = 0
        do {
            try await connection.send(beginning)
            while sentByteCount < limit {
                try await connection.send(bytes)
                sentByteCount += bytes.count
            }
            if mustHangUp { Issue.record("the server took \(sentByteCount) bytes without a word") }
        } catch let error as ClientError where error.isClosed {
        }
        await connection.finishSending()
        let status = await answer
        await connection.close()
        return status
    }

    private static func firstStatus(_ connection: Connection) async -> Int? {
        try? await connection.receiveFinalResponse(to: "POST").status
    }

    private func expectRefused(
        _ statuses: Set<Int>, _ beginning: String, with text: String, settings: AttackedServer.Settings = .init(),
        below growth: Int, limit: Int = 200 << 20, mustHangUp: Bool = true
    ) async throws {
        try await AttackedServer.run(settings) { server in
            let stream = try await TestStream.create()
            let head = beginning.replacing("TARGET", with: stream.target)
            let bytes = Array(text.utf8)
            try await server.expectGrowth(below: growth) {
                try await Neighbour.isServed(at: server.endpoint) {
                    try await withThrowingTaskGroup(of: Int?.self) { group in
                        for _ in 0..<20 {
                            group.addTask {
                                try await Self.flood(server.endpoint, head, with: bytes, limit: limit, mustHangUp: mustHangUp)
                            }
                        }
                        // A reset may overtake the answer; most must arrive.
                        let answers = try await group.reduce(into: [Int]()) { if let status = $1 { $0.append(status) } }
                        #expect(answers.count > 10, "answers: \(answers)")
                        #expect(answers.allSatisfy(statuses.contains), "\(answers)")
                    }
                }
            }
            #expect(try await stream.text() == "")
        }
    }

    @Test(arguments: [
        ("GET TARGET HTTP/1.1\r\nHost: x\r\n", "X-Flood: 0123456789\r\n"),
        ("GET TARGET HTTP/1.1\r\nHost: x\r\n", "a:\r\n"), ("GET TARGET HTTP/1.1\r\nX-Endless: ", "0123456789abcdef"),
        ("GET TARGET?", "offset=-1&offset=-1&"), ("", "GETGETGETGET"), ("GET TARGET HTTP/1.1\r\n", "name0123456789"),
    ])
    func `Heads that never end are refused`(beginning: String, text: String) async throws {
        let piece = String(repeating: text, count: 4_096 / text.utf8.count)
        try await expectRefused([400, 414, 431], beginning, with: piece, below: 24 << 20)
    }

    @Test func `Bodies that never end are 413`() async throws {
        let chunk = "1000\r\n" + String(repeating: "x", count: 4_096) + "\r\n"
        let head = "POST TARGET HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
        let settings = AttackedServer.Settings(bodyByteCountLimit: 1_000_000)
        try await expectRefused([413], head, with: chunk, settings: settings, below: 64 << 20)
    }

    @Test(arguments: ["5;", "5\r\nhello\r\n0\r\nTrailer-", "0000000000"])
    func `Chunk extensions, trailers and sizes that never end cost nothing and append nothing`(
        beginning: String
    ) async throws {
        let head = "POST TARGET HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
        let text = String(repeating: beginning.hasPrefix("0") ? "0" : "x", count: 4_096)
        // They are no content, so no limit of the page counts them; the end of the connection makes them malformed.
        try await expectRefused(
            [400, 408, 413, 431], head + beginning, with: text, below: 32 << 20, limit: 16 << 20, mustHangUp: false)
    }

    @Test func `An announced body over the limit is 413 at once, however great the number`() async throws {
        try await AttackedServer.run { server in
            let stream = try await TestStream.create()
            for length in ["67108865", "9007199254740992", "9223372036854775807"] {
                let connection = try await Connection(to: server.endpoint)
                try await connection.send(
                    "POST \(stream.target) HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
                        + "Content-Length: \(length)\r\n\r\nabc")
                expectStatus(try await connection.receiveFinalResponse(to: "POST"), 413, length)
            }
            let noNumbers = ["9223372036854775808", "18446744073709551616", "999999999999999999999", "-1", "+5", "0x5"]
            for length in noNumbers {
                let connection = try await Connection(to: server.endpoint)
                try await connection.send(
                    "POST \(stream.target) HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
                        + "Content-Length: \(length)\r\n\r\nabcde")
                let response = try await connection.receiveFinalResponse(to: "POST")
                #expect([400, 413].contains(response.status), "\(length)\n\(response)")
                let isEnded = (try? await connection.isEnded(within: .seconds(5))) == true
                #expect(isEnded, "the connection stays after \(length)")
            }
            #expect(try await stream.text() == "")
        }
    }
}
