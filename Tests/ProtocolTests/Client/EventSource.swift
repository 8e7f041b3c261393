/// Data events and the control event that follows them: what a client applies as one step.
struct EventBatch: Sendable {
    var payloads: [String]
    var control: ControlEvent
}

/// One SSE response.
actor EventSource {
    nonisolated let head: ResponseHead
    private let connection: Connection
    private var parser = EventStreamParser()
    private var parsed: [ServerEvent] = []
    /// The body so far, as it came.
    private(set) var bytes: [UInt8] = []

    /// Sends the request; the response must be an event stream.
    init(_ request: Request, to endpoint: Endpoint) async throws {
        let connection = try await Connection(to: endpoint)
        try await connection.send(request.bytes(host: endpoint.authority))
        let head = try await connection.receiveHead()
        guard head.status == 200, head.headers["Content-Type"] == "text/event-stream" else {
            throw ClientError.malformed("no event stream but \(head.status)\n\(head.headers)")
        }
        self.head = head
        self.connection = connection
    }

    /// The next event, nil when the server has ended the response as it should.
    func next(within timeLimit: Duration = .generous) async throws -> ServerEvent? {
        let deadline = ContinuousClock.now + timeLimit
        while parsed.isEmpty {
            guard let part = try await connection.receivePart(within: deadline - .now) else { return nil }
            bytes += part
            parsed += parser.parse(part)
            guard parser.otherFields.isEmpty else {
                throw ClientError.malformed("fields \(parser.otherFields) in an event stream")
            }
        }
        return parsed.removeFirst()
    }

    /// The next run of data events with its control event, nil at the end of the response.
    func nextBatch(within timeLimit: Duration = .generous) async throws -> EventBatch? {
        var payloads: [String] = []
        while let event = try await next(within: timeLimit) {
            switch event.type {
            case "data": payloads.append(event.data)
            case "control": return try EventBatch(payloads: payloads, control: ControlEvent(event.data))
            default: throw ClientError.malformed("event of type \(event.type)")
            }
        }
        guard payloads.isEmpty else { throw ClientError.malformed("data without a control event at the end") }
        return nil
    }

    func close() async {
        await connection.close()
    }
}
