import Foundation
import Synchronization
import Testing

/// Followers and producers that live longer than the server: it is killed and started again under them.
@Suite(.ownServerOnly) struct ReplayRestartTests {
    /// Where the server is now, for clients that have lost it.
    private final class Whereabouts: Sendable {
        private let endpoint: Mutex<Endpoint>

        init(_ endpoint: Endpoint) { self.endpoint = Mutex(endpoint) }

        var current: Endpoint {
            get { endpoint.withLock { $0 } }
            set { endpoint.withLock { $0 = newValue } }
        }
    }

    private static let appendCount = 1_500

    private static func payload(_ sequence: Int, _ type: String) -> String {
        switch type {
        case "application/json": "[\"\(sequence)\",\(sequence).0]"
        default: "\(sequence)é;"
        }
    }

    @Test(
        .timeLimit(.minutes(3)),
        arguments: ["text/plain", "application/json", "application/octet-stream"], [false, true])
    func `Live readers and a retrying producer see every append once, across kills`(
        type: String, isFork: Bool
    ) async throws {
        let directory = ServerProgram.temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        var server = try await ServerProgram(directory: directory)
        let place = Whereabouts(server.endpoint)
        let stream = try await Endpoint.$running.withValue(server.endpoint) {
            let source = try await TestStream.create(type)
            guard isFork else { return source }
            try await source.appendSuccessfully(.text(Self.payload(-1, type)))
            return try await source.forked(at: TestStream.start)
        }
        let events = Task { try await Self.followEvents(stream, place) }
        let polls = Task { try await Self.followPolls(stream, place) }
        let writer = Task { try await Self.write(stream, type, place) }
        for round in 0..<6 {
            try await Task.sleep(for: .milliseconds(150 + round * 70))
            await server.kill()
            server = try await ServerProgram(directory: directory)
            place.current = server.endpoint
        }
        try await writer.value
        let expected = (0..<Self.appendCount).map { Self.payload($0, type) }
        let catchUp = try await Self.pieces(of: stream.moved(to: server.endpoint), type)
        #expect(catchUp == ReplayContent.plain(Array(expected.joined().utf8), type))
        #expect(try await events.value == catchUp)
        #expect(try await polls.value == catchUp)
        #expect(await server.terminate() == 0)
    }

    private static func pieces(of stream: TestStream, _ type: String) async throws -> [UInt8] {
        if type == "application/json" { return try await stream.readMessages().flatMap { $0 } }
        return try await stream.readBytes()
    }

    /// Sends each append until it is answered, and closes at the end.
    private static func write(_ stream: TestStream, _ type: String, _ place: Whereabouts) async throws {
        var connection: Connection?
        var sequence = 0
        while sequence <= appendCount {
            let isLast = sequence == appendCount
            var headers: HeaderList = ["Producer-Id": "p", "Producer-Epoch": "0", "Producer-Seq": "\(sequence)"]
            headers.append(isLast ? "Stream-Closed" : "Content-Type", isLast ? "true" : type)
            let body = isLast ? RequestBody.bytes([]) : .text(payload(sequence, type))
            do {
                if connection == nil { connection = try await Connection(to: place.current) }
                guard let response = try await connection?.exchange(stream.request("POST", headers, body: body)) else {
                    continue
                }
                if response.status == 503 {
                    connection = nil
                    continue
                }
                try #require([200, 204].contains(response.status), "a false gap or refusal\n\(response)")
                sequence += 1
            } catch let error as ClientError where error.isLost {
                connection = nil
                try await Task.sleep(for: .milliseconds(10))
            }
        }
    }

    private static func followEvents(_ stream: TestStream, _ place: Whereabouts) async throws -> [UInt8] {
        var transcript = Transcript(nextOffset: "-1")
        while !transcript.isClosed {
            do {
                let source = try await stream.moved(to: place.current).events(transcript.nextOffset)
                while let batch = try await source.nextBatch() { transcript.apply(batch) }
                await source.close()
            } catch let error as ClientError where error.isLost {
                try await Task.sleep(for: .milliseconds(10))
            }
        }
        return try ReplayContent.content(of: transcript, stream.contentType ?? "")
    }

    private static func followPolls(_ stream: TestStream, _ place: Whereabouts) async throws -> [UInt8] {
        var content: [UInt8] = []
        var offset = "-1"
        while true {
            do {
                let response = try await stream.moved(to: place.current).longPoll(offset)
                if response.status == 503 { continue }
                try #require([200, 204].contains(response.status), "\(response)")
                if response.status == 200 {
                    let isJSON = stream.contentType == "application/json"
                    content += isJSON ? try RawJSON.elements(of: response.body).flatMap { $0 } : response.body
                }
                if response.isClosed { return content }
                offset = try #require(response.nextOffset)
            } catch let error as ClientError where error.isLost {
                try await Task.sleep(for: .milliseconds(10))
            }
        }
    }
}
