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
    public func write(into writer: inout RawByteWriter) {
        let target = writer.reserve(Self.byteCount)
        Self.write(reserved, at: target)
        target.storeBytes(of: UInt8(ascii: "_"), toByteOffset: 16, as: UInt8.self)
        Self.write(position, at: target + 17)
    }

    private static func write(_ value: UInt64, at target: UnsafeMutableRawPointer) {
        // Most numbers are small.
        let (high, low) = value < 100_000_000 ? (0, value) : value.quotientAndRemainder(dividingBy: 100_000_000)
        target.storeBytes(of: eightDigits(high), as: UInt64.self)
        target.storeBytes(of: eightDigits(low), toByteOffset: 8, as: UInt64.self)
    }

    /// The decimal digits of a number below 10^8 as eight characters, in memory order on a little-endian machine.
    ///
    /// All digits are computed at once: the number is halved into lanes of four, two and one digits, and within a lane
    /// a division by a constant is a multiplication and a shift.
    private static func eightDigits(_ value: UInt64) -> UInt64 {
        if value == 0 { return 0x3030_3030_3030_3030 }
        let (upper, lower) = value.quotientAndRemainder(dividingBy: 10_000)
        let fours = upper | lower << 32
        let hundreds = (fours &* 10_486) >> 20 & 0x0000_007F_0000_007F
        let twos = hundreds | (fours &- 100 &* hundreds) << 16
        let tens = (twos &* 103) >> 10 & 0x000F_000F_000F_000F
        let ones = tens | (twos &- 10 &* tens) << 8
        return (ones | 0x3030_3030_3030_3030).littleEndian
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
