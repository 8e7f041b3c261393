import DurableStreams
import DurableStreamsWire
import NIOCore

/// The ranges that were encoded last, so that a thousand readers of a stream share one encoding.
///
/// A range has one place where it can be, by its stream and start, and takes it from the range that was there: looking
/// up and keeping cost the same however many there are.
struct EventCache {
    /// A power of two.
    private static let slotCount = 64

    /// Longer ranges are not kept. The product with ``slotCount`` bounds what one lane keeps.
    static let byteCountLimit = 128 << 10

    private struct Slot {
        var stream: StreamNumber
        var form: EventDataForm
        var range: EncodedRange
    }

    private var slots = [Slot?](repeating: nil, count: slotCount)

    /// The events for a reader of the stream at `start`, if they still say the truth: a range that reached the tail
    /// only as long as the stream has not changed, and any only within one cursor interval.
    func range(
        of stream: Stream, form: EventDataForm, from start: StreamPosition, snapshot: Stream.Snapshot, cursor: UInt64
    ) -> EncodedRange? {
        guard let slot = slots[Self.index(stream.number, start)], slot.stream == stream.number,
            slot.range.start == start, slot.form == form, slot.range.cursor == cursor
        else { return nil }
        let range = slot.range
        let isCurrent = range.tail == snapshot.tail && range.isClosed == snapshot.isClosed
        return isCurrent || range.end < range.tail && !Self.mayGrow(range) ? range : nil
    }

    /// A range that ends before the tail is final, unless bytes were held back only because nothing followed them yet.
    private static func mayGrow(_ range: EncodedRange) -> Bool {
        // At most three bytes are held back; a range that was cut this close to the tail is simply encoded again.
        range.tail.rawValue - range.end.rawValue <= 3
    }

    mutating func keep(_ range: EncodedRange, of stream: Stream, form: EventDataForm) {
        guard range.events.chunked.readableBytes <= Self.byteCountLimit else { return }
        slots[Self.index(stream.number, range.start)] = Slot(stream: stream.number, form: form, range: range)
    }

    private static func index(_ stream: StreamNumber, _ start: StreamPosition) -> Int {
        // Fibonacci hashing: the upper bits of the product depend on all bits of the factor.
        let mixed = (stream.rawValue &* 31 &+ start.rawValue) &* 0x9E37_79B9_7F4A_7C15
        return Int(mixed >> 58)
    }
}
