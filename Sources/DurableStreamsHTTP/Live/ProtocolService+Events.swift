import DurableStreams
import DurableStreamsWire

extension ProtocolService {
    func eventStream(
        _ stream: Stream, _ offset: ReadQuery.Offset, cursor: UInt64?, on lane: DeliveryLane, reply: @escaping Reply
    ) throws(Refusal) -> ProtocolExchange? {
        let start: StreamPosition
        switch offset {
        case .start: start = stream.earliest
        case .token(let token): start = token.streamPosition
        case .now: start = stream.snapshot.tail
        }
        let cursor = answer(toCursor: cursor)
        // Planned only to learn whether the position is one: afterwards no status can be sent.
        guard environment.planIsResident(stream, start, 1) else {
            let pending = PendingReply(reply)
            store.offload { [self] in
                let position = Result { () throws(StreamError) in try stream.read(from: start, byteLimit: 1).start }
                lane.run { [self] in
                    pending.send(beginEvents(stream, at: position, cursor: cursor, on: lane))
                }
            }
            return ProtocolExchange { pending.cancel() }
        }
        let position = Result { () throws(StreamError) in try stream.read(from: start, byteLimit: 1).start }
        reply(beginEvents(stream, at: position, cursor: cursor, on: lane))
        return nil
    }

    private func beginEvents(
        _ stream: Stream, at position: Result<StreamPosition, StreamError>, cursor: UInt64, on lane: DeliveryLane
    ) -> ProtocolReply {
        let start: StreamPosition
        switch position {
        case .success(let position): start = position
        case .failure(let error): return .response(.refusal(error, of: .read))
        }
        let form: EventDataForm = stream.contentType.isJSON ? .json : stream.contentType.isText ? .text : .binary
        let session = EventSession(
            service: self, stream: stream, form: form, position: start, cursor: cursor, lane: lane)
        if endsLiveReads { session.endForShutdown() }
        var head = ProtocolResponse(status: 200)
        head.contentType = "text/event-stream"
        head.cacheControl = .noCache
        head.isEventStream = true
        head.hasBase64Events = form == .binary
        return .events(head, session)
    }

    func currentInterval() -> UInt64 {
        cursorClock.interval(atMillisecondsSince1970: environment.now().millisecondsSince1970)
    }

    /// With jitter, so that readers who came together do not come back together. Nil: for ever.
    func eventStreamDurationMilliseconds() -> Int? {
        let duration = configuration.eventStreamDurationMilliseconds
        guard duration > 0 else { return nil }
        let jitter = duration / 10
        return max(Self.eventStreamMillisecondsMinimum, duration + environment.random(-jitter...jitter))
    }

    /// Clients take three responses of less than a second for a broken proxy.
    private static let eventStreamMillisecondsMinimum = 1_200
}
