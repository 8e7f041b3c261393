import DurableStreams
import DurableStreamsHTTP
import Foundation
import NIOCore
import Synchronization

/// The reading end of an event session, with a parser that shares nothing with the encoder.
final class TestEventReader: Sendable {
    struct Control: Decodable, Equatable {
        var streamNextOffset: String
        var streamCursor: String?
        var upToDate: Bool?
        var streamClosed: Bool?
    }

    let head: TestResponse
    let session: EventSession
    private let lane: TestLane

    private struct State {
        var bytes: [UInt8] = []
        var hasEnded = false
        var isPaused = false
        var readyCount = 0
        var stepCount = 0
    }

    private let state = Mutex(State())

    init(head: TestResponse, session: EventSession, lane: TestLane) {
        self.head = head
        self.session = session
        self.lane = lane
    }

    func start() async {
        await lane.run { [self] in
            session.start { [self] in
                state.withLock { $0.readyCount += 1 }
                pump()
            }
            pump()
        }
    }

    private func pump() {
        while !state.withLock({ $0.isPaused }) {
            switch session.next() {
            case .send(let events):
                let plain = Array(events.plain.readableBytesView)
                var chunk = Array(String(plain.count, radix: 16).utf8)
                chunk += Array("\r\n".utf8) + plain + Array("\r\n".utf8)
                precondition(chunk == Array(events.chunked.readableBytesView), "the chunk is not that of the bytes")
                state.withLock {
                    $0.bytes += plain
                    $0.stepCount += 1
                }
            case .wait: return
            case .end:
                state.withLock { $0.hasEnded = true }
                return
            }
        }
    }

    /// The socket takes no bytes.
    func pause() async {
        await lane.run { [self] in state.withLock { $0.isPaused = true } }
    }

    func resume() async {
        await lane.run { [self] in
            state.withLock { $0.isPaused = false }
            pump()
        }
    }

    func cancel() async {
        await lane.run { [self] in session.cancel() }
    }

    var bytes: [UInt8] { state.withLock { $0.bytes } }
    var hasEnded: Bool { state.withLock { $0.hasEnded } }
    var stepCount: Int { state.withLock { $0.stepCount } }
    var events: [ParsedEvent] { EventStreamParser.parse(bytes) }

    /// The data of all data events, one after the other.
    var data: String { events.filter { $0.name == "data" }.map(\.data).joined() }

    var controls: [Control] {
        events.filter { $0.name == "control" }.compactMap {
            try? JSONDecoder().decode(Control.self, from: Data($0.data.utf8))
        }
    }

    func until(_ what: String, _ condition: @escaping @Sendable (TestEventReader) -> Bool) async throws {
        do {
            try await eventually(what) { condition(self) }
        } catch {
            throw TestFailure("\(error); got \(String(decoding: bytes, as: UTF8.self))")
        }
    }
}

/// An event as a client's parser gives it out.
struct ParsedEvent: Equatable {
    var name: String
    var data: String
}

/// The event stream interpretation of WHATWG HTML section 9.2.6, written from its text.
enum EventStreamParser {
    static func parse(_ bytes: [UInt8]) -> [ParsedEvent] {
        var events: [ParsedEvent] = []
        var name = ""
        var data = ""
        for line in lines(Array(String(decoding: bytes, as: UTF8.self).unicodeScalars)) {
            if line.isEmpty {
                if !data.isEmpty {
                    data.unicodeScalars.removeLast()
                    events.append(ParsedEvent(name: name, data: data))
                }
                name = ""
                data = ""
                continue
            }
            guard let colon = line.firstIndex(of: ":") else {
                if line == Array("data".unicodeScalars) { data.unicodeScalars.append("\n") }
                continue
            }
            var value = line[(colon + 1)...]
            if value.first == " " { value = value.dropFirst() }
            var text = String.UnicodeScalarView()
            text.append(contentsOf: value)
            switch String(String.UnicodeScalarView(line[..<colon])) {
            case "event": name = String(text)
            case "data":
                data.unicodeScalars.append(contentsOf: text)
                data.unicodeScalars.append("\n")
            default: break
            }
        }
        return events
    }

    /// Lines that have an end. CR, LF and CRLF end one.
    private static func lines(_ scalars: [Unicode.Scalar]) -> [[Unicode.Scalar]] {
        var lines: [[Unicode.Scalar]] = []
        var line: [Unicode.Scalar] = []
        var index = 0
        while index < scalars.count {
            switch scalars[index] {
            case "\n":
                lines.append(line)
                line = []
            case "\r":
                lines.append(line)
                line = []
                if index + 1 < scalars.count, scalars[index + 1] == "\n" { index += 1 }
            default:
                line.append(scalars[index])
            }
            index += 1
        }
        return lines
    }
}
