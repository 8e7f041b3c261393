import DurableStreams
import DurableStreamsWire

extension ProtocolService {
    func longPoll(
        _ request: ProtocolRequest, _ stream: Stream, _ offset: ReadQuery.Offset, cursor: UInt64?,
        on lane: DeliveryLane, reply: @escaping Reply
    ) throws(Refusal) -> ProtocolExchange? {
        var terms = RangeTerms(coding: coding(for: request))
        let position: StreamPosition
        switch offset {
        case .start: position = stream.earliest
        case .token(let token): position = token.streamPosition
        case .now:
            position = stream.snapshot.tail
            terms.isCacheable = false
        }
        let poll = LongPoll(
            service: self, stream: stream, position: position, terms: terms, cursor: cursor, lane: lane, reply: reply)
        return poll.begin()
    }

    func answer(toCursor cursor: UInt64?) -> UInt64 {
        let currentInterval = currentInterval()
        guard let cursor, cursor >= currentInterval else { return currentInterval }
        let jitterSeconds = environment.random(CursorClock.jitterSeconds)
        return cursorClock.answer(to: cursor, currentInterval: currentInterval, jitterSeconds: jitterSeconds)
    }
}

/// A read that waits at the tail until the stream changes. Confined to its lane's executor.
final class LongPoll: LiveReader, @unchecked Sendable {
    private let service: ProtocolService
    private let stream: Stream
    private var terms: RangeTerms
    /// The request's.
    private let cursor: UInt64?
    private let lane: DeliveryLane
    /// A position behind the tail becomes the tail.
    private var position: StreamPosition
    private var reply: Reply?
    private var subscription: TailSubscription?
    private var timer: LaneTimer?
    /// Set while the answer is put together elsewhere.
    private var exchange: ProtocolExchange?
    private var readers: LaneReaders?

    init(
        service: ProtocolService, stream: Stream, position: StreamPosition, terms: RangeTerms, cursor: UInt64?,
        lane: DeliveryLane, reply: @escaping Reply
    ) {
        self.service = service
        self.stream = stream
        self.position = position
        self.terms = terms
        self.cursor = cursor
        self.lane = lane
        self.reply = reply
    }

    /// Answers at once if there is something to say; else waits until there is, and can be cancelled.
    func begin() -> ProtocolExchange? {
        if !look() {
            // Register first, then look again, so that no change falls in between.
            let readers = service.readers(of: lane)
            readers.insert(self)
            self.readers = readers
            subscription = stream.subscribe(on: lane) { [self] in _ = look() }
            timer = lane.after(milliseconds: service.configuration.longPollTimeoutMilliseconds) { [self] in
                answerWithoutData()
            }
            if !look(), service.endsLiveReads { answerWithoutData() }
        }
        return reply == nil && exchange == nil ? nil : ProtocolExchange { [self] in cancel() }
    }

    func endForShutdown() {
        if !look() { answerWithoutData() }
    }

    private func cancel() {
        stopWaiting()
        reply = nil
        exchange?.cancel()
        exchange = nil
    }

    /// Answers if the stream has more than the reader, or nothing more to come. True if there is nothing left to
    /// wait for.
    private func look() -> Bool {
        guard let reply else { return true }
        let snapshot = stream.snapshot
        if snapshot.isDeleted || stream.isSoftDeleted {
            finish(reply, .refusal(stream.isSoftDeleted ? .gone : .notFound, of: .read))
            return true
        }
        let byteLimit = service.configuration.chunkByteCountLimit
        if position < snapshot.tail, !service.environment.planIsResident(stream, position, byteLimit) {
            stopWaiting()
            self.reply = nil
            terms.cursor = service.answer(toCursor: cursor)
            exchange = service.answer(from: position, of: stream, terms: terms, on: lane, reply: reply)
            return true
        }
        do throws(StreamError) {
            let read = try stream.read(from: position, byteLimit: byteLimit)
            position = read.start
            if read.byteCount > 0 {
                stopWaiting()
                self.reply = nil
                terms.cursor = service.answer(toCursor: cursor)
                exchange = service.answer(read, of: stream, terms: terms, on: lane, reply: reply)
                return true
            }
            if read.reachesEnd {
                finish(reply, noContent(tail: read.tail, isClosed: true))
                return true
            }
            return false
        } catch {
            finish(reply, .refusal(error, of: .read))
            return true
        }
    }

    private func answerWithoutData() {
        guard let reply else { return }
        // The wait counts as a read until its end.
        stream.renew()
        finish(reply, noContent(tail: position, isClosed: false))
    }

    private func noContent(tail: StreamPosition, isClosed: Bool) -> ProtocolResponse {
        var response = ProtocolResponse(status: 204)
        response.nextOffset = tail
        response.isUpToDate = true
        response.isClosed = isClosed
        // As in an event stream, nobody asks again behind the end.
        if !isClosed { response.cursor = service.answer(toCursor: cursor) }
        response.cacheControl = .noStore
        return response
    }

    private func finish(_ reply: Reply, _ response: ProtocolResponse) {
        stopWaiting()
        self.reply = nil
        reply(.response(response))
    }

    private func stopWaiting() {
        subscription?.cancel()
        subscription = nil
        timer?.cancel()
        timer = nil
        readers?.remove(self)
        readers = nil
    }
}
