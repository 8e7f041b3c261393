/// The first bytes of a sealed segment's file.
///
///     offset  width  field
///          0      8  magic, the bytes "SEGLOGS1"
///          8      4  format version, 1
///         12      4  byte count of this header, 64
///         16      8  number of the first journal segment
///         24      8  number of the last journal segment
///         32      4  generation
///         36      4  reserved, zero
///         40     16  store identifier
///         56      4  reserved, zero
///         60      4  CRC-32 of bytes 0 ..< 60
///
/// All integers are little endian. Behind the header come the blocks, zeros up to a multiple of 8, one ``SealedBlock``
/// for each block, one ``SealedStream`` for each stream, the owner's rows of the streams, zeros up to a multiple of 8,
/// and the ``SealedFooter``. The file gets its name when all of that is on the disk, and is never changed again.
struct SealedHeader: Equatable {
    static let byteCount = 64
    static let magic: UInt64 = 0x3153_474F_4C47_4553
    static let version: UInt32 = 1

    var identity: SealedIdentity
    var storeIdentifier: StoreIdentifier

    func encode() -> [UInt8] {
        var page = [UInt8](repeating: 0, count: Self.byteCount)
        page.withUnsafeMutableBytes { bytes in
            let base = bytes.baseAddress!
            base.store(Self.magic, at: 0)
            base.store(Self.version, at: 8)
            base.store(UInt32(Self.byteCount), at: 12)
            base.store(identity.first, at: 16)
            base.store(identity.last, at: 24)
            base.store(identity.generation, at: 32)
            base.store(storeIdentifier.low, at: 40)
            base.store(storeIdentifier.high, at: 48)
            base.store(Self.checksum(UnsafeRawBufferPointer(bytes)), at: 60)
        }
        return page
    }

    /// Reads the header at the start of a file.
    static func decode(_ bytes: UnsafeRawBufferPointer) throws(SealedRefusal) -> SealedHeader {
        guard bytes.count >= byteCount else { throw .tooShort(byteCount: bytes.count) }
        var reader = ByteReader(bytes)
        guard reader.next(UInt64.self) == magic else {
            throw .damaged(byteOffset: 0, reason: "this is no sealed segment")
        }
        let version: UInt32 = reader.next() ?? 0
        guard version == self.version else { throw .unsupportedVersion(version) }
        guard isIntact(bytes) else {
            throw .damaged(byteOffset: 60, reason: "the header's checksum is wrong")
        }
        guard reader.next(UInt32.self) == UInt32(byteCount) else {
            throw .damaged(byteOffset: 12, reason: "the header's own byte count is wrong")
        }
        let identity = SealedIdentity(
            first: reader.next() ?? 0, last: reader.next() ?? 0, generation: reader.next() ?? 0)
        guard identity.isValid else {
            throw .damaged(byteOffset: 16, reason: "the header's journal segments or generation are out of range")
        }
        guard reader.next(UInt32.self) == 0 else {
            throw .damaged(byteOffset: 36, reason: "the header's reserved bytes are not zero")
        }
        let storeIdentifier = StoreIdentifier(low: reader.next() ?? 0, high: reader.next() ?? 0)
        guard reader.next(UInt32.self) == 0 else {
            throw .damaged(byteOffset: 56, reason: "the header's reserved bytes are not zero")
        }
        return SealedHeader(identity: identity, storeIdentifier: storeIdentifier)
    }

    /// Whether the checksum holds, so that the header is what was written, in whatever version.
    static func isIntact(_ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.count >= byteCount
            && bytes.loadUnaligned(fromByteOffset: 60, as: UInt32.self).littleEndian == checksum(bytes)
    }

    private static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
        var checksum = Checksum()
        checksum.add(UnsafeRawBufferPointer(rebasing: bytes[..<60]))
        return checksum.value
    }
}

/// Why the bytes of a sealed segment are not taken.
enum SealedRefusal: Error, Equatable {
    /// They are not what was written.
    case damaged(byteOffset: Int, reason: String)
    /// They are of a format that this program does not know.
    case unsupportedVersion(UInt32)

    static func tooShort(byteCount: Int) -> SealedRefusal {
        .damaged(byteOffset: byteCount, reason: "the file has only \(byteCount) bytes")
    }
}
