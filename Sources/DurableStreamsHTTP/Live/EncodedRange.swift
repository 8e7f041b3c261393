import DurableStreams
import DurableStreamsWire

/// A range of a stream as events, for every reader of the stream that is at its start.
struct EncodedRange: Sendable {
    var start: StreamPosition
    /// Where the next range begins. It may lie before the end of what was read: see ``DataEvent``.
    var end: StreamPosition
    /// Of the stream when this was encoded.
    var tail: StreamPosition
    var isClosed: Bool
    /// Of the control event.
    var cursor: UInt64
    var events: EncodedEvents

    /// Nothing follows in the stream, now and for ever.
    var endsStream: Bool { isClosed && end == tail }

    /// Encodes a planned read; blocks if it is not resident.
    ///
    /// - Returns: nil if no byte can be sent before others follow.
    static func encode(
        _ read: StreamRead, of stream: Stream, form: EventDataForm, cursor: UInt64
    ) throws(StreamError) -> EncodedRange? {
        let byteCount = read.byteCount == 0 ? 0 : RangeBody.byteCount(of: read, isJSON: form == .json)
        let result = withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: 1) {
            memory -> Result<EncodedRange?, StreamError> in
            do throws(StreamError) {
                if byteCount > 0 { try RangeBody.copy(read, isJSON: form == .json, into: memory) }
                let payload = UnsafeRawBufferPointer(memory)
                let beginsLineFeed = form == .text && payload.first == UInt8(ascii: "\n")
                let followsCarriageReturn =
                    beginsLineFeed ? try isCarriageReturn(before: read.start, of: stream) : false
                return .success(
                    encode(
                        read, payload: payload, form: form, cursor: cursor,
                        followsCarriageReturn: followsCarriageReturn))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private static func isCarriageReturn(
        before position: StreamPosition, of stream: Stream
    ) throws(StreamError) -> Bool {
        guard position > stream.earliest else { return false }
        let before = StreamPosition(rawValue: position.rawValue - 1)
        return try stream.read(from: before, byteLimit: 1).bytes() == [UInt8(ascii: "\r")]
    }

    private static func encode(
        _ read: StreamRead, payload: UnsafeRawBufferPointer, form: EventDataForm, cursor: UInt64,
        followsCarriageReturn: Bool
    ) -> EncodedRange? {
        let data = DataEvent(
            payload, form: form, isFinal: read.reachesEnd, reachesTail: read.reachesTail,
            followsCarriageReturn: followsCarriageReturn)
        if data.consumedByteCount == 0, !read.reachesEnd { return nil }
        let heldBackByteCount = UInt64(payload.count - data.consumedByteCount)
        let end = StreamPosition(rawValue: read.end.rawValue - heldBackByteCount)
        let control = ControlEvent.at(end, tail: read.tail, isClosed: read.isClosed, cursor: cursor)
        return EncodedRange(
            start: read.start,
            end: end,
            tail: read.tail,
            isClosed: read.isClosed,
            cursor: cursor,
            events: EncodedEvents(dataByteCount: data.byteCount, control: control) { data.write(into: &$0) }
        )
    }
}

extension ControlEvent {
    /// What to say at a position of a stream that ends, or ends so far, at `tail`.
    static func at(_ position: StreamPosition, tail: StreamPosition, isClosed: Bool, cursor: UInt64) -> ControlEvent {
        let isUpToDate = position == tail
        let isAtEnd = isClosed && isUpToDate
        return ControlEvent(
            nextOffset: OffsetToken(position: position.rawValue),
            cursor: isAtEnd ? nil : cursor,
            isUpToDate: isUpToDate,
            isClosed: isAtEnd
        )
    }
}
