/// Writes bytes one after the other into memory that somebody else owns.
///
/// Every write is checked against the end of that memory, in release builds too: a wrong estimate of a size stops the
/// process instead of overwriting what follows.
public struct RawByteWriter {
    @usableFromInline
    let memory: UnsafeMutableRawBufferPointer

    @usableFromInline
    var end = 0

    /// Bytes written so far.
    @inlinable
    public var count: Int { end }

    /// The memory must outlive the writer, and not be empty if anything is written.
    @inlinable
    public init(_ memory: UnsafeMutableRawBufferPointer) {
        self.memory = memory
    }

    /// The place for the next so many bytes, which the caller fills completely.
    @inlinable @inline(__always)
    public mutating func reserve(_ byteCount: Int) -> UnsafeMutableRawPointer {
        let start = end
        guard let base = memory.baseAddress, byteCount >= 0, byteCount <= memory.count &- start else {
            preconditionFailure("a write behind the end of the memory")
        }
        end = start &+ byteCount
        return base + start
    }

    @inlinable @inline(__always)
    public mutating func write(byte: UInt8) {
        reserve(1).storeBytes(of: byte, as: UInt8.self)
    }

    // Inlined, so that a constant of known length becomes a few stores.
    @inlinable @inline(__always)
    public mutating func write(_ text: StaticString) {
        let byteCount = text.utf8CodeUnitCount
        reserve(byteCount).copyMemory(from: text.utf8Start, byteCount: byteCount)
    }

    @inlinable
    public mutating func write(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress, bytes.count > 0 else { return }
        reserve(bytes.count).copyMemory(from: base, byteCount: bytes.count)
    }

    @inlinable
    public mutating func write(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { write($0) }
    }

    /// A header field's value: control characters, which could end the field, become spaces.
    public mutating func write(fieldValue text: String) {
        var text = text
        text.withUTF8 { bytes in
            guard !bytes.isEmpty else { return }
            let target = reserve(bytes.count).assumingMemoryBound(to: UInt8.self)
            for index in bytes.indices {
                let byte = bytes[index]
                target[index] = byte < 0x20 || byte == 0x7F ? 0x20 : byte
            }
        }
    }

    /// A number without leading zeros.
    @inlinable
    public mutating func write(decimal value: UInt64) {
        if value < 10 { return write(byte: UInt8(ascii: "0") + UInt8(truncatingIfNeeded: value)) }
        let digitCount = Self.decimalDigitCount(value)
        let target = reserve(digitCount)
        var rest = value
        var index = digitCount
        while index > 0 {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            index -= 1
            target.storeBytes(
                of: UInt8(ascii: "0") + UInt8(truncatingIfNeeded: digit), toByteOffset: index, as: UInt8.self)
            rest = quotient
        }
    }

    /// A number in lower-case hexadecimal digits without leading zeros.
    public mutating func write(hexadecimal value: UInt64) {
        let digitCount = Self.hexadecimalDigitCount(value)
        let target = reserve(digitCount).assumingMemoryBound(to: UInt8.self)
        var rest = value
        var index = digitCount &- 1
        while index >= 0 {
            let digit = UInt8(truncatingIfNeeded: rest & 0xF)
            // `a` comes 39 characters after the one that follows `9`.
            target[index] = UInt8(ascii: "0") &+ digit &+ (digit > 9 ? 39 : 0)
            rest &>>= 4
            index &-= 1
        }
    }

    @inlinable
    static func decimalDigitCount(_ value: UInt64) -> Int {
        var count = 1
        var limit: UInt64 = 10
        while value >= limit {
            count += 1
            let (next, overflows) = limit.multipliedReportingOverflow(by: 10)
            if overflows { break }
            limit = next
        }
        return count
    }

    /// At least 1, at most 16.
    public static func hexadecimalDigitCount(_ value: UInt64) -> Int {
        max(1, (UInt64.bitWidth - value.leadingZeroBitCount + 3) / 4)
    }
}
