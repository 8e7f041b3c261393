/// An offset as clients see it: sixteen digits that are reserved, zero today, `_`, and sixteen digits of the byte
/// position in the stream's stored form.
///
/// Clients compare tokens byte by byte, so both numbers have a fixed width: later positions sort later.
public struct OffsetToken: Hashable, Sendable {
    /// Zero today. A token with another number is later than every position that this server hands out.
    public var reserved: UInt64

    /// In bytes from the start of the stream.
    public var position: UInt64

    /// The length of every token.
    public static let byteCount = 33

    /// The highest number that either field holds.
    public static let fieldLimit: UInt64 = 9_999_999_999_999_999

    /// Traps if the position is above ``fieldLimit``, some ten petabytes.
    public init(position: UInt64) {
        precondition(position <= Self.fieldLimit, "a position that no offset can name")
        reserved = 0
        self.position = position
    }

    /// Reads the one form there is: sixteen digits, `_`, sixteen digits. Nil for anything else.
    public init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count == Self.byteCount, bytes[16] == UInt8(ascii: "_"),
            let reserved = Self.field(bytes, from: 0), let position = Self.field(bytes, from: 17)
        else { return nil }
        self.reserved = reserved
        self.position = position
    }

    private static func field(_ bytes: UnsafeRawBufferPointer, from start: Int) -> UInt64? {
        var value: UInt64 = 0
        for index in start..<start + 16 {
            let digit = bytes[index] &- UInt8(ascii: "0")
            if digit > 9 { return nil }
            value = value &* 10 &+ UInt64(digit)
        }
        return value
    }

    /// Writes exactly ``byteCount`` bytes.
    package func write(into writer: inout RawByteWriter) {
        let target = writer.reserve(Self.byteCount).assumingMemoryBound(to: UInt8.self)
        Self.write(reserved, at: target)
        target[16] = UInt8(ascii: "_")
        Self.write(position, at: target + 17)
    }

    private static func write(_ value: UInt64, at target: UnsafeMutablePointer<UInt8>) {
        let (high, low) = value.quotientAndRemainder(dividingBy: 100_000_000)
        writeEightDigits(UInt32(truncatingIfNeeded: high), at: target)
        writeEightDigits(UInt32(truncatingIfNeeded: low), at: target + 8)
    }

    private static func writeEightDigits(_ value: UInt32, at target: UnsafeMutablePointer<UInt8>) {
        var rest = value
        for index in stride(from: 7, through: 0, by: -1) {
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            target[index] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: digit)
            rest = quotient
        }
    }
}

extension OffsetToken: Comparable {
    public static func < (left: OffsetToken, right: OffsetToken) -> Bool {
        (left.reserved, left.position) < (right.reserved, right.position)
    }
}

extension OffsetToken: LosslessStringConvertible {
    public init?(_ text: String) {
        var text = text
        guard let token = text.withUTF8({ OffsetToken(UnsafeRawBufferPointer($0)) }) else { return nil }
        self = token
    }

    public var description: String {
        String(unsafeUninitializedCapacity: Self.byteCount) { memory in
            var writer = RawByteWriter(UnsafeMutableRawBufferPointer(memory))
            write(into: &writer)
            return writer.count
        }
    }
}
