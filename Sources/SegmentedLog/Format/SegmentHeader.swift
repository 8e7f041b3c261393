internal import Glibc

/// The first page of a journal segment's file.
///
///     offset  width  field
///          0      8  magic, the bytes "SEGLOGJ1"
///          8      4  format version, 1
///         12      4  byte count of this header, 4096
///         16      8  segment number
///         24      8  byte count of the file, this header included
///         32     16  store identifier, random, the same in all files of a store
///         48   4044  reserved, zero
///       4092      4  CRC-32 of bytes 0 ..< 4092
///
/// All integers are little endian. The header is written, and synced, before the file gets the name under which it is
/// a segment; so a segment whose header does not verify is damaged, not torn.
struct SegmentHeader: Equatable {
    static let byteCount = 4096
    static let magic: UInt64 = 0x314A_474F_4C47_4553
    static let version: UInt32 = 1

    var segmentNumber: UInt64
    var fileByteCount: Int
    var storeIdentifier: StoreIdentifier

    func encode() -> [UInt8] {
        var page = [UInt8](repeating: 0, count: Self.byteCount)
        page.withUnsafeMutableBytes { bytes in
            let base = bytes.baseAddress!
            base.store(Self.magic, at: 0)
            base.store(Self.version, at: 8)
            base.store(UInt32(Self.byteCount), at: 12)
            base.store(segmentNumber, at: 16)
            base.store(UInt64(fileByteCount), at: 24)
            base.store(storeIdentifier.low, at: 32)
            base.store(storeIdentifier.high, at: 40)
            base.store(Self.checksum(UnsafeRawBufferPointer(bytes)), at: 4092)
        }
        return page
    }

    enum DecodingFailure: Error, Equatable {
        case tooShort, wrongMagic, wrongVersion(UInt32), wrongChecksum, wrongField(String, byteOffset: Int)

        /// Where the fault is, and what it is.
        /// - Parameter fileByteCount: The number of bytes that there were.
        func place(fileByteCount: Int) -> (byteOffset: Int, reason: String) {
            switch self {
            case .tooShort: (fileByteCount, "the file ends within its header")
            case .wrongMagic: (0, "this is no journal segment")
            case .wrongVersion(let version): (8, "the format version \(version) is not known")
            case .wrongChecksum: (4092, "the header's checksum is wrong")
            case .wrongField(let field, let byteOffset): (byteOffset, "the header's \(field) is wrong")
            }
        }
    }

    static func decode(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) -> SegmentHeader {
        guard bytes.count >= byteCount else { throw .tooShort }
        var reader = ByteReader(bytes)
        guard reader.next(UInt64.self) == magic else { throw .wrongMagic }
        let version: UInt32 = reader.next() ?? 0
        guard version == self.version else { throw .wrongVersion(version) }
        guard isIntact(bytes) else { throw .wrongChecksum }
        guard reader.next(UInt32.self) == UInt32(byteCount) else { throw .wrongField("header byte count", byteOffset: 12) }
        let number: UInt64 = reader.next() ?? 0
        let fileByteCount: UInt64 = reader.next() ?? 0
        guard fileByteCount >= UInt64(byteCount), fileByteCount <= UInt64(UInt32.max) else {
            throw .wrongField("file byte count", byteOffset: 24)
        }
        let identifier = StoreIdentifier(low: reader.next() ?? 0, high: reader.next() ?? 0)
        guard hasOnlyZeros(bytes, in: 48..<4092) else { throw .wrongField("reserved bytes", byteOffset: 48) }
        return SegmentHeader(segmentNumber: number, fileByteCount: Int(fileByteCount), storeIdentifier: identifier)
    }

    /// Whether each byte is the one before it, and the first is zero.
    private static func hasOnlyZeros(_ bytes: UnsafeRawBufferPointer, in range: Range<Int>) -> Bool {
        let base = bytes.baseAddress! + range.lowerBound
        return bytes[range.lowerBound] == 0 && memcmp(base, base + 1, range.count - 1) == 0
    }

    /// Whether the checksum holds, so that the header is what was written, in whatever version.
    static func isIntact(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count >= byteCount
            && bytes.loadUnaligned(fromByteOffset: 4092, as: UInt32.self).littleEndian == checksum(bytes)
    }

    private static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var checksum = Checksum()
        checksum.add(UnsafeRawBufferPointer(rebasing: bytes[..<4092]))
        return checksum.value
    }
}

/// Sixteen random bytes that all files of one store share. Every frame's checksum begins with them, so that neither a
/// file of another store nor bytes that a client made up ever pass for a frame of this one.
struct StoreIdentifier: Hashable, Sendable {
    var low: UInt64
    var high: UInt64

    /// The checksum of the identifier alone, which the checksums of frames continue.
    var checksumSeed: UInt32 {
        withUnsafeBytes(of: (low.littleEndian, high.littleEndian)) { bytes in
            var checksum = Checksum()
            checksum.add(bytes)
            return checksum.value
        }
    }
}
