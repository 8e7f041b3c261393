internal import CZlib

/// Reads little-endian integers from bytes that are not trusted: every access is checked against the end.
struct ByteReader {
    let bytes: UnsafeRawBufferPointer
    private(set) var offset: Int

    init(_ bytes: UnsafeRawBufferPointer, at offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
    }

    var remainingByteCount: Int { bytes.count - offset }

    /// The next integer, or nil where the bytes end before it does.
    mutating func next<Integer: FixedWidthInteger>(_: Integer.Type = Integer.self) -> Integer? {
        guard remainingByteCount >= MemoryLayout<Integer>.size else { return nil }
        defer { offset += MemoryLayout<Integer>.size }
        return Integer(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Integer.self))
    }

    /// The next `count` bytes, borrowed from the same memory, or nil where there are fewer.
    mutating func next(byteCount count: Int) -> UnsafeRawBufferPointer? {
        guard count >= 0, remainingByteCount >= count else { return nil }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)])
    }
}

extension UnsafeMutableRawPointer {
    /// Stores an integer in little-endian order; the address need not be aligned.
    func store<Integer: FixedWidthInteger>(_ value: Integer, at offset: Int) {
        storeBytes(of: value.littleEndian, toByteOffset: offset, as: Integer.self)
    }
}

/// CRC-32 as in zlib and gzip (RFC 1952 section 8), continued over any number of pieces.
package struct Checksum {
    package private(set) var value: UInt32

    package init(continuing value: UInt32 = 0) { self.value = value }

    package mutating func add(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        value = UInt32(truncatingIfNeeded: crc32_z(UInt(value), base.assumingMemoryBound(to: UInt8.self), bytes.count))
    }
}

extension Int {
    /// The next multiple of `alignment`, which is a power of two.
    func roundedUp(to alignment: Int) -> Int { (self + alignment - 1) & ~(alignment - 1) }
}
