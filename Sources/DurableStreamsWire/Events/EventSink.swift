/// Where encoded events go. Encoding runs twice, first into a counter and then into memory of exactly that size, so
/// the two can not disagree.
protocol EventSink {
    mutating func write(_ text: StaticString)
    mutating func write(_ bytes: UnsafeRawBufferPointer)
    mutating func write(decimal value: UInt64)
    mutating func write(offset: OffsetToken)
    mutating func write(base64 bytes: UnsafeRawBufferPointer)
}

/// Counts the bytes that would be written.
struct CountingSink: EventSink {
    private(set) var count = 0

    mutating func write(_ text: StaticString) { count += text.utf8CodeUnitCount }
    mutating func write(_ bytes: UnsafeRawBufferPointer) { count += bytes.count }
    mutating func write(decimal value: UInt64) { count += RawByteWriter.decimalDigitCount(value) }
    mutating func write(offset: OffsetToken) { count += OffsetToken.byteCount }
    mutating func write(base64 bytes: UnsafeRawBufferPointer) { count += Base64.encodedByteCount(bytes.count) }
}

extension RawByteWriter: EventSink {
    mutating func write(offset: OffsetToken) { offset.write(into: &self) }

    mutating func write(base64 bytes: UnsafeRawBufferPointer) {
        let byteCount = Base64.encodedByteCount(bytes.count)
        guard byteCount > 0 else { return }
        Base64.encode(bytes, into: reserve(byteCount))
    }
}
