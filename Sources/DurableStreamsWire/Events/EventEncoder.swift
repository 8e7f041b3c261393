/// How a stream's bytes stand in its data events.
package enum EventDataForm: Sendable, Hashable {
    /// One JSON array of whole messages.
    case json
    /// UTF-8 text.
    case text
    /// Base64.
    case binary
}

/// A control event: where to resume, and what is known about the stream there.
package struct ControlEvent: Sendable, Hashable {
    package var nextOffset: OffsetToken
    /// Nil at the end of a closed stream.
    package var cursor: UInt64?
    package var isUpToDate: Bool
    package var isClosed: Bool

    package init(nextOffset: OffsetToken, cursor: UInt64?, isUpToDate: Bool, isClosed: Bool) {
        self.nextOffset = nextOffset
        self.cursor = cursor
        self.isUpToDate = isUpToDate
        self.isClosed = isClosed
    }

    package var byteCount: Int {
        var counter = CountingSink()
        encode(into: &counter)
        return counter.count
    }

    package func write(into writer: inout RawByteWriter) {
        encode(into: &writer)
    }

    private func encode(into sink: inout some EventSink) {
        sink.write("event: control\ndata:{\"streamNextOffset\":\"")
        sink.write(offset: nextOffset)
        sink.write("\"")
        if let cursor {
            sink.write(",\"streamCursor\":\"")
            sink.write(decimal: cursor)
            sink.write("\"")
        }
        if isClosed { sink.write(",\"streamClosed\":true") }
        if isUpToDate { sink.write(",\"upToDate\":true") }
        sink.write("}\n\n")
    }
}

/// A data event that is yet to be written (WHATWG HTML, section 9.2: server-sent events).
///
/// The payload is borrowed: it must stay until the event is written.
package struct DataEvent {
    /// Bytes of the payload that the event holds.
    package let consumedByteCount: Int

    /// Bytes of the encoded event, including the empty line that ends it. 0 if there is nothing to be said.
    package let byteCount: Int

    private let form: EventDataForm
    private let payload: UnsafeRawBufferPointer

    /// Decides how much of the payload can be sent.
    ///
    /// Of a text that may go on, the last bytes wait for what follows if they could be the beginning of a character. So
    /// does a CR, which with an LF after it is one line end and without is one too; but not where it is the newest byte
    /// of the stream (`reachesTail`), or a reader would wait for it without end. An LF that comes after such a CR
    /// (`followsCarriageReturn`) belongs to the line end that was sent, and is passed over. At the end of the stream
    /// (`isFinal`) nothing is held back.
    package init(
        _ payload: UnsafeRawBufferPointer, form: EventDataForm, isFinal: Bool, reachesTail: Bool = false,
        followsCarriageReturn: Bool = false
    ) {
        self.form = form
        let heldBackByteCount =
            form == .text && !isFinal ? Self.heldBackByteCount(payload, reachesTail: reachesTail) : 0
        consumedByteCount = payload.count - heldBackByteCount
        let skippedByteCount =
            form == .text && followsCarriageReturn && consumedByteCount > 0 && payload[0] == UInt8(ascii: "\n") ? 1 : 0
        self.payload = UnsafeRawBufferPointer(rebasing: payload[skippedByteCount..<consumedByteCount])
        guard consumedByteCount > skippedByteCount else {
            byteCount = 0
            return
        }
        var counter = CountingSink()
        Self.encode(self.payload, form: form, into: &counter)
        byteCount = counter.count
    }

    package func write(into writer: inout RawByteWriter) {
        guard byteCount > 0 else { return }
        Self.encode(payload, form: form, into: &writer)
    }

    static func heldBackByteCount(_ payload: UnsafeRawBufferPointer, reachesTail: Bool) -> Int {
        if payload.last == UInt8(ascii: "\r") { return reachesTail ? 0 : 1 }
        return UTF8Sequence.incompleteByteCount(atEndOf: payload)
    }

    private static func encode(
        _ payload: UnsafeRawBufferPointer, form: EventDataForm, into sink: inout some EventSink
    ) {
        sink.write("event: data\ndata:")
        switch form {
        case .binary: sink.write(base64: payload)
        case .json: EventLines.encode(payload, isKnownValid: true, into: &sink)
        case .text: EventLines.encode(payload, isKnownValid: false, into: &sink)
        }
        sink.write("\n\n")
    }
}
