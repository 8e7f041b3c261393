import Foundation
import Glibc
import Testing

/// Section 10: connections that come and go.
@Suite(.wantedTransport, .ownServerOnly) struct ChurnTests {
    /// How many connections there are to be; `100000` takes a few minutes.
    static let variable = "DURABLE_STREAMS_TEST_CONNECTIONS"

    static var connectionCount: Int {
        ProcessInfo.processInfo.environment[variable].flatMap { Int($0) } ?? 20_000
    }

    /// What a connection says before it is dropped.
    private static func words(_ number: Int, _ target: String) -> String {
        switch number % 8 {
        case 0: ""
        case 1: "GET \(target)"
        case 2: "GET \(target) HTTP/1.1\r\nHost: x\r\n\r\n"
        case 3: "GET \(target)?offset=-1&live=sse HTTP/1.1\r\nHost: x\r\n\r\n"
        case 4: "GET \(target)?offset=now&live=long-poll HTTP/1.1\r\nHost: x\r\n\r\n"
        case 5: "POST \(target) HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nabc"
        case 6: "\u{16}\u{3}\u{1}\u{2}\0\u{1}"
        default: "HEAD \(target) HTTP/1.1\r\nHost: x\r\n\r\nHEAD \(target) HTTP/1.1\r\nHost: x\r\n\r\nGET"
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `Tens of thousands of connections that are opened and dropped leave nothing behind`() async throws {
        try await withServerProgram { server in
            let stream = try await TestStream.create(body: "abc")
            try await Self.churn(2_000, stream)
            let descriptorCount = 64 + (try server.descriptorCount)
            try await server.expectGrowth(below: 24 << 20) {
                try await Neighbour.isServed(at: server.endpoint) { try await Self.churn(Self.connectionCount, stream) }
                try await server.expectDescriptors(atMost: descriptorCount)
            }
            #expect(try await stream.text() == "abc")
            // Nobody waits any more, so the stream can go without anybody being told.
            expectStatus(try await stream.delete(), 204)
        }
    }

    private static func churn(_ count: Int, _ stream: TestStream) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for lane in 0..<4 {
                group.addTask {
                    for number in stride(from: lane, to: count, by: 4) {
                        let descriptor = try RawSocket.open(to: stream.endpoint)
                        RawSocket.send(Array(words(number / 4, stream.target).utf8), to: descriptor)
                        // Some before the server has seen them, some while it answers.
                        if number % 64 < 4 { try await Task.sleep(for: .milliseconds(1)) }
                        if number % 16 < 4 { close(descriptor) } else { RawSocket.drop(descriptor) }
                    }
                }
            }
            try await group.waitForAll()
        }
    }
}
