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
    static func encode(_ read: StreamRead, form: EventDataForm, cursor: UInt64) throws(StreamError) -> EncodedRange? {
        let byteCount = read.byteCount == 0 ? 0 : RangeBody.byteCount(of: read, isJSON: form == .json)
        let result = withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: 1) {
            memory -> Result<EncodedRange?, StreamError> in
            do throws(StreamError) {
                if byteCount > 0 { try RangeBody.copy(read, isJSON: form == .json, into: memory) }
                return .success(encode(read, payload: UnsafeRawBufferPointer(memory), form: form, cursor: cursor))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private static func encode(
        _ read: StreamRead, payload: UnsafeRawBufferPointer, form: EventDataForm, cursor: UInt64
    ) -> EncodedRange? {
        let data = DataEvent(payload, form: form, isFinal: read.reachesEnd)
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
