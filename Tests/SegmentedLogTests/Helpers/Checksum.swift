/// CRC-32 as RFC 1952 section 8 defines it, bit by bit: not the library that the engine uses.
func bitwiseChecksum(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var value: UInt32 = 0xFFFF_FFFF
    for byte in bytes {
        value ^= UInt32(byte)
        for _ in 0 ..< 8 { value = value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
    }
    return ~value
}

/// Bytes written as pairs of hexadecimal digits, with white space anywhere between them.
func bytes(hexadecimal text: String) -> [UInt8] {
    let digits = text.compactMap(\.hexDigitValue)
    precondition(digits.count % 2 == 0)
    return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

func littleEndian<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
    withUnsafeBytes(of: value.littleEndian) { Array($0) }
}

extension [UInt8] {
    mutating func replace(at offset: Int, with bytes: [UInt8]) {
        replaceSubrange(offset ..< offset + bytes.count, with: bytes)
    }
}
