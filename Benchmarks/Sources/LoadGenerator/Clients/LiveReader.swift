internal import FoundationEssentials

/// How a reader follows a stream.
public enum LiveMode: String, Sendable, CaseIterable {
    case eventStream = "sse"
    case longPoll = "long-poll"
}

/// Follows one stream and checks each payload; when the server ends the response, it goes on from the last offset.
final class LiveReader: LoadClient, ConnectionHandler {
    private let mode: LiveMode
    private let path: String
    private let authority: String
    private let measurement: Measurement
    private let progress: AppendProgress
    private let delivered: (Payload, UInt64) -> Void
    private var connection: Connection!
    private var events = EventStreamParser()
    private var checker: PayloadChecker
    private var offset: String
    private var cursor = ""
    /// Whether the response that arrives is one that may bring payloads.
    private var isDelivering = false
    private var hasBase64Events = false
    private var hasGivenUp = false
    /// Whether the server has answered, for SSE, or has been asked, for long-poll.
    private(set) var isReady = false
    private(set) var payloadCount = 0

    /// The closure is called for each payload, with the time at which it came.
    init(
        _ mode: LiveMode, site: BenchmarkSite, path: String, on thread: LoadThread, format: PayloadFormat,
        from offset: String = "-1", progress: AppendProgress, delivered: @escaping (Payload, UInt64) -> Void
    ) {
        self.mode = mode
        self.path = path
        self.offset = offset
        self.progress = progress
        self.delivered = delivered
        authority = site.address.authority
        measurement = thread.measurement
        checker = PayloadChecker(format: format, startsAnywhere: offset == "now")
        connection = Connection(to: site.address, on: thread.loop, handler: self)
    }

    /// Connects and asks.
    func open() throws(LoadError) {
        try connection.open()
        ask()
    }

    /// It is opened when the workload wants it, not by the run.
    func start() {}

    var isFinished: Bool { hasGivenUp || progress.isComplete(checker.nextNumbers) }

    private func ask() {
        var target = "\(path)?offset=\(offset)&live=\(mode.rawValue)"
        if !cursor.isEmpty { target += "&cursor=\(cursor)" }
        connection.send(RequestBytes("GET", target, authority: authority))
        if mode == .longPoll { isReady = true }
    }

    private func askAgain() {
        guard !hasGivenUp else { return }
        events.reset()
        do throws(LoadError) {
            if !connection.isOpen {
                measurement.reconnectionCount += 1
                try connection.open()
            }
            ask()
        } catch {
            fail("\(error)")
            hasGivenUp = true
        }
    }

    private func fail(_ reason: String) { measurement.failures.add("a reader by \(mode.rawValue): \(reason)") }

    // MARK: ConnectionHandler

    func receivedHead(_ connection: Connection) {
        let head = connection.head
        isDelivering = head.status == 200
        switch (mode, head.status) {
        case (.eventStream, 200):
            if !head.isEventStream { fail("the answer is no text/event-stream") }
            hasBase64Events = head.hasBase64Events
        case (.longPoll, 200), (.longPoll, 204):
            if head.nextOffset.isEmpty { fail("the answer has no Stream-Next-Offset") }
            offset = String(decoding: head.nextOffset, as: UTF8.self)
            cursor = String(decoding: head.cursor, as: UTF8.self)
        default:
            fail("answered \(head.status)")
            hasGivenUp = true
        }
        isReady = true
    }

    func receivedBody(_ bytes: UnsafeRawBufferPointer, _ connection: Connection) {
        guard isDelivering else { return }
        switch mode {
        case .longPoll: deliver(bytes)
        case .eventStream:
            var rest = bytes
            do throws(EventStreamError) {
                while let event = try events.next(&rest) { take(event) }
            } catch {
                fail("\(error)")
                hasGivenUp = true
                connection.close()
            }
        }
    }

    private func take(_ event: StreamEvent) {
        switch event {
        case .data(let bytes) where hasBase64Events:
            guard let decoded = Data(base64Encoded: Data(bytes)) else { return fail("a data event that is no base64") }
            decoded.withUnsafeBytes { deliver($0) }
        case .data(let bytes): deliver(bytes)
        case .control(let bytes):
            guard let control = ControlEvent(bytes) else { return fail("a control event without an offset") }
            offset = String(decoding: control.nextOffset, as: UTF8.self)
        }
    }

    private func deliver(_ bytes: UnsafeRawBufferPointer) {
        let now = MonotonicClock.now
        checker.check(
            bytes,
            each: { payload in
                payloadCount += 1
                delivered(payload, now)
            }, failed: { fail($0) })
    }

    func receivedEnd(_ connection: Connection) {
        if mode == .eventStream, events.isInEvent { fail("an event stream that ends within an event") }
        askAgain()
    }

    func closed(_ connection: Connection, because reason: String?) {
        guard !hasGivenUp else { return }
        fail(reason ?? "the connection ended")
        // Not again and again at the speed of a loop.
        hasGivenUp = true
    }
}
