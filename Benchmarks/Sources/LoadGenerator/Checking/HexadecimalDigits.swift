/// Numbers at a fixed width, written and read without allocating.
enum HexadecimalDigits {
    static func value(of byte: UInt8) -> Int? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte &- UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): Int(byte &- UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): Int(byte &- UInt8(ascii: "A")) + 10
        default: nil
        }
    }

    /// Lower case, with zeros in front; what does not fit is cut off.
    static func write(_ number: UInt64, to digits: UnsafeMutableRawBufferPointer) {
        var rest = number
        for index in stride(from: digits.count - 1, through: 0, by: -1) {
            let digit = UInt8(truncatingIfNeeded: rest & 15)
            digits[index] = digit < 10 ? UInt8(ascii: "0") &+ digit : UInt8(ascii: "a") &+ digit &- 10
            rest >>= 4
        }
    }

    static func read(_ digits: UnsafeRawBufferPointer) -> UInt64? {
        var number: UInt64 = 0
        for byte in digits {
            guard let digit = value(of: byte) else { return nil }
            number = number << 4 | UInt64(digit)
        }
        return number
    }
}
