import DurableStreams
import DurableStreamsWire

/// What a transport does next for an ``EventSession``.
public enum EventStep: Sendable {
    /// Send this and ask again.
    case send(EncodedEvents)
    /// Nothing for now: `onReady` will be called.
    case wait
    /// The response is complete.
    case end
}

/// One reader of an event stream. Confined to the executor of its lane.
///
/// Its only memory is a position: a reader that does not read costs nothing here, and catches up from the log when it
/// does. Every step ends with a control event, so a client that saves its offset loses and repeats nothing.
public final class EventSession: LiveReader, @unchecked Sendable {
    /// Less than a catch-up read takes at once: this much may lie in memory for a reader that does not read.
    private static let eventByteCountLimit = 64 << 10

    /// A longer range, which only a single JSON message makes, is not encoded on an event loop.
    private static let inlineByteCountLimit = 256 << 10

    private let service: ProtocolService
    private let stream: Stream
    private let form: EventDataForm
    private let lane: DeliveryLane
    private let readers: LaneReaders
    private var position: StreamPosition

    /// A cursor of the reader's own, because it came with one that is not in the past; counts until time passes it.
    private let ownCursor: UInt64

    private var onReady: (@Sendable () -> Void)?
    private var subscription: TailSubscription?
    private var keepAliveTimer: LaneTimer?
    private var durationTimer: LaneTimer?
    private var lastSendMilliseconds: Int64 = 0

    /// Whether ``next()`` may have something to say right after what it said: else `onReady` tells.
    public private(set) var mayHaveMore = true
    private var owesControl = true
    private var mustEnd = false
    private var hasEnded = false

    /// A range is being read elsewhere.
    private var isReading = false
    private var rangeFromElsewhere: EncodedRange?
    /// The tail when all that was left was bytes that can not be sent before others follow.
    private var heldBackTail: StreamPosition?

    init(
        service: ProtocolService, stream: Stream, form: EventDataForm, position: StreamPosition, cursor: UInt64,
        lane: DeliveryLane
    ) {
        self.service = service
        self.stream = stream
        self.form = form
        self.position = position
        ownCursor = cursor
        self.lane = lane
        readers = service.readers(of: lane)
    }

    /// Begins to wait for the stream. `onReady` runs on the lane's executor whenever ``next()`` may have something new
    /// after it answered ``EventStep/wait``. Call ``next()`` right after this.
    public func start(onReady: @escaping @Sendable () -> Void) {
        guard !hasEnded else { return }
        self.onReady = onReady
        readers.insert(self)
        if service.endsLiveReads { mustEnd = true }
        subscription = stream.subscribe(on: lane) { onReady() }
        lastSendMilliseconds = service.environment.monotonicMilliseconds()
        scheduleKeepAlive(afterMilliseconds: service.configuration.eventStreamKeepAliveMilliseconds)
        if let milliseconds = service.eventStreamDurationMilliseconds() {
            durationTimer = lane.after(milliseconds: milliseconds) { [weak self] in self?.endForShutdown() }
        }
    }

    /// What to send now. To be called again after each ``EventStep/send(_:)`` as long as the socket takes bytes.
    public func next() -> EventStep {
        if hasEnded { return .end }
        // A stream that is followed does not expire.
        let snapshot = stream.snapshot
        if snapshot.isDeleted { return end() }
        if let range = rangeFromElsewhere {
            rangeFromElsewhere = nil
            return send(range, tail: snapshot.tail)
        }
        // A reader that has got nothing yet gets one event even if the server is shutting down.
        if mustEnd, !owesControl { return end() }
        if isReading { return .wait }
        if position < snapshot.tail || snapshot.isClosed, heldBackTail != snapshot.tail || snapshot.isClosed {
            if let step = sendData(snapshot) { return step }
        }
        if owesControl, !isReading { return sendControl(snapshot) }
        return mustEnd && !isReading ? end() : .wait
    }

    /// The client has gone. Also to be called after the end, or instead of ``start(onReady:)``; then it does nothing.
    public func cancel() {
        _ = end()
    }

    /// Also when the time of the response is over.
    func endForShutdown() {
        mustEnd = true
        onReady?()
    }

    private func end() -> EventStep {
        guard !hasEnded else { return .end }
        hasEnded = true
        if subscription != nil {
            // The session counts as a read until its end.
            stream.renew()
            readers.remove(self)
        }
        subscription?.cancel()
        subscription = nil
        keepAliveTimer?.cancel()
        keepAliveTimer = nil
        durationTimer?.cancel()
        durationTimer = nil
        rangeFromElsewhere = nil
        onReady = nil
        return .end
    }
}

// MARK: - Sending

extension EventSession {
    /// Nil if there is nothing that can be sent yet.
    private func sendData(_ snapshot: Stream.Snapshot) -> EventStep? {
        let cursor = service.currentInterval()
        if let range = readers.eventCache.range(
            of: stream, form: form, from: position, snapshot: snapshot, cursor: cursor)
        {
            return send(range, tail: snapshot.tail)
        }
        do throws(StreamError) {
            let limit = max(16, min(Self.eventByteCountLimit, service.configuration.chunkByteCountLimit))
            guard service.environment.planIsResident(stream, position, limit) else {
                readElsewhere(limit: limit, cursor: cursor)
                return .wait
            }
            let read = try stream.read(from: position, byteLimit: limit)
            guard service.environment.isResident(read), read.byteCount <= Self.inlineByteCountLimit else {
                readElsewhere(limit: limit, cursor: cursor)
                return .wait
            }
            return try take(EncodedRange.encode(read, of: stream, form: form, cursor: cursor), tail: read.tail)
        } catch {
            return end()
        }
    }

    private func take(_ range: EncodedRange?, tail: StreamPosition) -> EventStep? {
        guard let range else {
            heldBackTail = tail
            return nil
        }
        readers.eventCache.keep(range, of: stream, form: form)
        return send(range, tail: tail)
    }

    private func readElsewhere(limit: Int, cursor: UInt64) {
        isReading = true
        let (store, lane, form, stream, position) = (service.store, lane, form, stream, position)
        store.offload {
            let result: Result<ReadElsewhere, StreamError>
            do throws(StreamError) {
                let read = try stream.read(from: position, byteLimit: limit)
                let range = try EncodedRange.encode(read, of: stream, form: form, cursor: cursor)
                result = .success(ReadElsewhere(range: range, tail: read.tail))
            } catch {
                result = .failure(error)
            }
            lane.run { self.finishReading(result) }
        }
    }

    private struct ReadElsewhere {
        var range: EncodedRange?
        var tail: StreamPosition
    }

    private func finishReading(_ result: Result<ReadElsewhere, StreamError>) {
        isReading = false
        guard !hasEnded else { return }
        switch result {
        case .success(let read):
            if let range = read.range {
                readers.eventCache.keep(range, of: stream, form: form)
                rangeFromElsewhere = range
            } else {
                heldBackTail = read.tail
            }
        case .failure:
            // The client comes back with its offset and is told what is wrong.
            owesControl = false
            mustEnd = true
        }
        onReady?()
    }

    /// - Parameter tail: As far as it is known.
    private func send(_ range: EncodedRange, tail: StreamPosition) -> EventStep {
        position = range.end
        // Whatever is appended after that wakes the reader.
        mayHaveMore = range.endsStream || range.isClosed || mustEnd || range.end < tail
        noteSending()
        if range.endsStream {
            mustEnd = true
            return .send(range.events)
        }
        guard ownCursor > range.cursor else { return .send(range.events) }
        let control = ControlEvent.at(range.end, tail: range.tail, isClosed: range.isClosed, cursor: ownCursor)
        return .send(range.events.with(control: control))
    }

    private func sendControl(_ snapshot: Stream.Snapshot) -> EventStep {
        let cursor = max(ownCursor, service.currentInterval())
        let control = ControlEvent.at(position, tail: snapshot.tail, isClosed: false, cursor: cursor)
        mayHaveMore = true
        noteSending()
        return .send(EncodedEvents(dataByteCount: 0, control: control))
    }

    private func noteSending() {
        owesControl = false
        lastSendMilliseconds = service.environment.monotonicMilliseconds()
    }

    private func scheduleKeepAlive(afterMilliseconds milliseconds: Int) {
        keepAliveTimer = lane.after(milliseconds: milliseconds) { [weak self] in self?.keepAliveIsDue() }
    }

    /// The timer is not set anew with every event; it looks whether one was sent meanwhile.
    private func keepAliveIsDue() {
        guard !hasEnded else { return }
        let interval = service.configuration.eventStreamKeepAliveMilliseconds
        let idleMilliseconds = Int(service.environment.monotonicMilliseconds() - lastSendMilliseconds)
        // The clock that is asked here is coarser than the timer.
        if idleMilliseconds + 10 < interval {
            return scheduleKeepAlive(afterMilliseconds: max(1, interval - idleMilliseconds))
        }
        scheduleKeepAlive(afterMilliseconds: interval)
        owesControl = true
        onReady?()
    }
}
