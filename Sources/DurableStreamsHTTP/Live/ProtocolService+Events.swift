import DurableStreams
import DurableStreamsWire

extension ProtocolService {
    func eventStream(
        _ stream: Stream, _ offset: ReadQuery.Offset, cursor: UInt64?, on lane: DeliveryLane, reply: @escaping Reply
    ) throws(Refusal) -> ProtocolExchange? {
        let start: StreamPosition
        switch offset {
        case .start: start = .start
        case .token(let token): start = token.streamPosition
        case .now: start = stream.snapshot.tail
        }
        let position: StreamPosition
        do throws(StreamError) {
            // Planned only to learn whether the position is one: afterwards no status can be sent.
            position = try stream.read(from: start, byteLimit: 1).start
        } catch {
            reply(.response(.refusal(error, of: .read)))
            return nil
        }
        let form: EventDataForm = stream.contentType.isJSON ? .json : stream.contentType.isText ? .text : .binary
        let session = EventSession(
            service: self, stream: stream, form: form, position: position, cursor: answer(toCursor: cursor), lane: lane)
        if endsLiveReads { session.endForShutdown() }

        var head = ProtocolResponse(status: 200)
        head.contentType = "text/event-stream"
        head.cacheControl = .noCache
        head.isEventStream = true
        head.hasBase64Events = form == .binary
        reply(.events(head, session))
        return nil
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
