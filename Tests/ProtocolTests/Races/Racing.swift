import Foundation
import Synchronization
import Testing

/// How often the races are run.
enum Rounds {
    /// Multiplies the number of rounds, to look for what is rare: `10` runs ten times as many.
    static let variable = "DURABLE_STREAMS_TEST_ROUNDS"

    static func count(_ standard: Int) -> Int {
        let factor = ProcessInfo.processInfo.environment[variable].flatMap { Int($0) } ?? 1
        return standard * factor
    }

    /// Runs rounds in several lanes side by side. The numbers of the rounds are different in every lane.
    static func run(
        _ standard: Int,
        lanes: Int = 6,
        _ lane: @escaping @Sendable (_ rounds: StrideTo<Int>) async throws -> Void
    ) async throws {
        let total = count(standard)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<lanes {
                group.addTask { try await lane(stride(from: number, to: total, by: lanes)) }
            }
            try await group.waitForAll()
        }
    }
}

/// An append that the server has acknowledged, or that it may have taken.
struct AcknowledgedAppend: Sendable {
    var text: String
    /// Where it ends, in bytes.
    var end: Int
}

/// What several tasks of a race tell each other.
final class RaceState: Sendable {
    private let flag = Atomic<Bool>(false)
    private let greatest = Atomic<Int>(0)

    /// Set once something was acknowledged that must be seen by every request sent from then on.
    var isOver: Bool { flag.load(ordering: .sequentiallyConsistent) }

    func end() { flag.store(true, ordering: .sequentiallyConsistent) }

    /// A position that was acknowledged.
    var position: Int { greatest.load(ordering: .sequentiallyConsistent) }

    func advance(to position: Int) {
        greatest.max(position, ordering: .sequentiallyConsistent)
    }
}

extension Response {
    /// The position in a byte stream that the response gives.
    func position(sourceLocation: SourceLocation = #_sourceLocation) throws -> Int {
        let offset = try #require(nextOffset, "\(self)", sourceLocation: sourceLocation)
        return try #require(Int(offset.dropFirst(17)), "\(self)", sourceLocation: sourceLocation)
    }
}

/// Requests over a connection that goes on to the next one.
extension Connection {
    func append(_ text: String, to stream: TestStream, _ headers: HeaderList = [:]) async throws -> Response {
        let type: HeaderList = ["Content-Type": stream.contentType ?? ""]
        return try await exchange(stream.request("POST", type + headers, body: .text(text)))
    }

    func create(_ stream: TestStream, _ headers: HeaderList = [:], body: RequestBody = .none) async throws {
        let type: HeaderList = ["Content-Type": stream.contentType ?? ""]
        let response = try await exchange(stream.request("PUT", type + headers, body: body))
        try #require(response.status == 201, "\(response)")
    }

    /// Follows by long-poll from the start until the stream ends.
    func pollToEnd(of stream: TestStream) async throws -> Transcript {
        var transcript = Transcript(nextOffset: "-1")
        while !transcript.isClosed {
            let query = "offset=\(transcript.nextOffset)&live=long-poll"
            let response = try await exchange(stream.request("GET", query: query), within: .wakeUp)
            try #require([200, 204].contains(response.status), "\(response)")
            transcript.payloads.append(response.text)
            transcript.nextOffset = try #require(response.nextOffset)
            transcript.isClosed = response.isClosed
        }
        return transcript
    }

    /// Starts an event stream; what follows is for ``receiveEvents(into:)``.
    func startEvents(of stream: TestStream, from offset: String = "-1") async throws {
        try await send(stream.request("GET", query: "offset=\(offset)&live=sse").bytes(host: authority))
        let head = try await receiveHead()
        try #require(head.status == 200, "\(head.headers)")
    }

    /// Receives events until the server ends the response.
    func receiveEvents() async throws -> Transcript {
        var transcript = Transcript(nextOffset: "-1")
        var parser = EventStreamParser()
        var payloads: [String] = []
        while let part = try await receivePart(within: .wakeUp) {
            for event in parser.parse(part) {
                if event.type == "data" {
                    payloads.append(event.data)
                } else {
                    transcript.apply(EventBatch(payloads: payloads, control: try ControlEvent(event.data)))
                    payloads = []
                }
            }
        }
        try #require(payloads.isEmpty, "data without a control event at the end")
        return transcript
    }
}

extension Duration {
    /// Far more than a reader that was woken needs, and far less than the timeouts of a patient server.
    static let wakeUp = Duration.seconds(30)
}

/// Expects that each append is where its acknowledgement said.
func expectContent(
    _ content: String,
    has appends: [AcknowledgedAppend],
    sourceLocation: SourceLocation = #_sourceLocation
) {
    let bytes = Array(content.utf8)
    for append in appends {
        let piece = append.text.utf8
        let isThere = append.end <= bytes.count && bytes[..<append.end].suffix(piece.count).elementsEqual(piece)
        #expect(isThere, "\(append) is not in \(content)", sourceLocation: sourceLocation)
    }
}
