/// The last bytes of a sealed segment's file: where everything is, and the checksums of all but the blocks.
///
///     offset  width  field
///          0      8  magic, the bytes "SEGLOGF1"
///          8      8  end of the blocks
///         16      8  offset of the block index
///         24      4  number of blocks
///         28      4  checksum of the block index
///         32      8  offset of the stream table
///         40      4  number of streams
///         44      4  checksum of the stream table
///         48      8  offset of the row area
///         56      8  byte count of the row area
///         64      4  checksum of the row area
///         68      4  checksum of the last frame of the last journal segment
///         72      8  sequence number of the first entry of the first journal segment
///         80      8  sequence number after the last entry of the last journal segment
///         88     36  reserved, zero
///        124      4  checksum of the header followed by bytes 0 ..< 124 of the footer
///
/// All integers are little endian. A checksum is the CRC-32 of the store identifier followed by what it is of.
struct SealedFooter: Equatable {
    static let byteCount = 128
    static let magic: UInt64 = 0x3146_474F_4C47_4553
    static let alignment = 8

    var blocksEnd: Int
    var indexOffset: Int
    var blockCount: Int
    var indexChecksum: UInt32
    var tableOffset: Int
    var streamCount: Int
    var tableChecksum: UInt32
    var rowsOffset: Int
    var rowsByteCount: Int
    var rowsChecksum: UInt32
    var lastFrameChecksum: UInt32
    var firstSequenceNumber: LogSequenceNumber
    var endSequenceNumber: LogSequenceNumber

    var rowsEnd: Int { rowsOffset + rowsByteCount }

    /// - Parameter header: The header of the same file as ``SealedHeader/encode()`` gives it.
    func encode(header: [UInt8], storeIdentifier: StoreIdentifier) -> [UInt8] {
        var page = [UInt8](repeating: 0, count: Self.byteCount)
        page.withUnsafeMutableBytes { bytes in
            let base = bytes.baseAddress!
            base.store(Self.magic, at: 0)
            base.store(UInt64(blocksEnd), at: 8)
            base.store(UInt64(indexOffset), at: 16)
            base.store(UInt32(blockCount), at: 24)
            base.store(indexChecksum, at: 28)
            base.store(UInt64(tableOffset), at: 32)
            base.store(UInt32(streamCount), at: 40)
            base.store(tableChecksum, at: 44)
            base.store(UInt64(rowsOffset), at: 48)
            base.store(UInt64(rowsByteCount), at: 56)
            base.store(rowsChecksum, at: 64)
            base.store(lastFrameChecksum, at: 68)
            base.store(firstSequenceNumber.rawValue, at: 72)
            base.store(endSequenceNumber.rawValue, at: 80)
            let checksum = header.withUnsafeBytes { header in
                Self.checksum(of: UnsafeRawBufferPointer(bytes), header: header, storeIdentifier)
            }
            base.store(checksum, at: 124)
        }
        return page
    }

    /// Reads the footer at the end of a file, whose header has been verified, and checks that the parts that it names
    /// fill the file without a gap. What is in them is not looked at.
    ///
    /// - Parameter verifiedHeader: The header as it must have been, where that of the file is damaged.
    static func decode(
        _ file: UnsafeRawBufferPointer, storeIdentifier: StoreIdentifier, verifiedHeader: [UInt8]? = nil
    ) throws(SealedRefusal) -> SealedFooter {
        guard let verifiedHeader else {
            let header = UnsafeRawBufferPointer(rebasing: file.prefix(SealedHeader.byteCount))
            return try decode(file, header: header, storeIdentifier)
        }
        // `Array.withUnsafeBytes` does not pass typed errors on.
        return try verifiedHeader.withUnsafeBufferPointer { (header) throws(SealedRefusal) in
            try decode(file, header: UnsafeRawBufferPointer(header), storeIdentifier)
        }
    }

    /// Reads a footer whose checksum need not hold, if the parts that it names fill the file. Each of them has a
    /// checksum of its own, so that they can be trusted where that holds; the other fields cannot.
    static func decodeUnverified(_ file: UnsafeRawBufferPointer) -> SealedFooter? {
        guard file.count >= SealedHeader.byteCount + byteCount else { return nil }
        var reader = ByteReader(UnsafeRawBufferPointer(rebasing: file.suffix(byteCount)), at: 8)
        guard let footer = decodeFields(&reader), (try? footer.checkParts(fileByteCount: file.count)) != nil
        else { return nil }
        return footer
    }

    private static func decode(
        _ file: UnsafeRawBufferPointer, header: UnsafeRawBufferPointer, _ storeIdentifier: StoreIdentifier
    ) throws(SealedRefusal) -> SealedFooter {
        guard file.count >= SealedHeader.byteCount + byteCount else { throw .tooShort(byteCount: file.count) }
        let start = file.count - byteCount
        let bytes = UnsafeRawBufferPointer(rebasing: file[start...])
        guard bytes.loadUnaligned(as: UInt64.self).littleEndian == magic else {
            throw .damaged(byteOffset: start, reason: "the file does not end with a footer")
        }
        guard
            bytes.loadUnaligned(fromByteOffset: 124, as: UInt32.self).littleEndian
                == checksum(of: bytes, header: header, storeIdentifier)
        else { throw .damaged(byteOffset: start + 124, reason: "the footer's checksum is wrong") }
        var reader = ByteReader(bytes, at: 8)
        guard let footer = decodeFields(&reader) else {
            throw .damaged(byteOffset: start, reason: "the footer has a number that is out of range")
        }
        guard bytes[88..<124].allSatisfy({ $0 == 0 }) else {
            throw .damaged(byteOffset: start + 88, reason: "the footer's reserved bytes are not zero")
        }
        try footer.checkParts(fileByteCount: file.count)
        return footer
    }

    /// The fields up to the reserved bytes; nil if one is larger than any file.
    private static func decodeFields(_ reader: inout ByteReader) -> SealedFooter? {
        func integer(_ reader: inout ByteReader) -> Int? { reader.next(UInt64.self).flatMap(Int.init(exactly:)) }
        let blocksEnd = integer(&reader)
        let indexOffset = integer(&reader)
        let blockCount: UInt32? = reader.next()
        let indexChecksum: UInt32? = reader.next()
        let tableOffset = integer(&reader)
        let streamCount: UInt32? = reader.next()
        let tableChecksum: UInt32? = reader.next()
        let rowsOffset = integer(&reader)
        let rowsByteCount = integer(&reader)
        let rowsChecksum: UInt32? = reader.next()
        let lastFrameChecksum: UInt32? = reader.next()
        let firstSequenceNumber: UInt64? = reader.next()
        let endSequenceNumber: UInt64? = reader.next()
        guard let blocksEnd, let indexOffset, let blockCount, let indexChecksum, let tableOffset, let streamCount,
            let tableChecksum, let rowsOffset, let rowsByteCount, let rowsChecksum, let lastFrameChecksum,
            let firstSequenceNumber, let endSequenceNumber
        else { return nil }
        return SealedFooter(
            blocksEnd: blocksEnd, indexOffset: indexOffset, blockCount: Int(blockCount), indexChecksum: indexChecksum,
            tableOffset: tableOffset, streamCount: Int(streamCount), tableChecksum: tableChecksum,
            rowsOffset: rowsOffset, rowsByteCount: rowsByteCount, rowsChecksum: rowsChecksum,
            lastFrameChecksum: lastFrameChecksum,
            firstSequenceNumber: LogSequenceNumber(rawValue: firstSequenceNumber),
            endSequenceNumber: LogSequenceNumber(rawValue: endSequenceNumber))
    }

    /// Each part begins where the one before ends. The order of the checks keeps the sums in range: nothing is added
    /// to a number that is not known to be within the file.
    private func checkParts(fileByteCount: Int) throws(SealedRefusal) {
        let start = fileByteCount - Self.byteCount
        guard blocksEnd >= SealedHeader.byteCount, blocksEnd <= start else {
            throw .damaged(byteOffset: start + 8, reason: "the blocks end outside of the file")
        }
        guard indexOffset == blocksEnd.roundedUp(to: Self.alignment), indexOffset <= start else {
            throw .damaged(byteOffset: start + 16, reason: "the block index does not follow the blocks")
        }
        guard tableOffset == indexOffset + blockCount * SealedBlock.rowByteCount, tableOffset <= start else {
            throw .damaged(byteOffset: start + 32, reason: "the stream table does not follow the block index")
        }
        guard rowsOffset == tableOffset + streamCount * SealedStream.rowByteCount, rowsOffset <= start else {
            throw .damaged(byteOffset: start + 48, reason: "the row area does not follow the stream table")
        }
        guard rowsByteCount <= start - rowsOffset, rowsEnd.roundedUp(to: Self.alignment) == start else {
            throw .damaged(byteOffset: start + 56, reason: "the footer does not follow the row area")
        }
        guard firstSequenceNumber > .none, firstSequenceNumber <= endSequenceNumber,
            endSequenceNumber.rawValue <= LogSequenceNumber.limit
        else {
            throw .damaged(byteOffset: start + 72, reason: "the sequence numbers are out of range")
        }
    }

    private static func checksum(
        of footer: UnsafeRawBufferPointer, header: UnsafeRawBufferPointer, _ storeIdentifier: StoreIdentifier
    ) -> UInt32 {
        var checksum = Checksum(continuing: storeIdentifier.checksumSeed)
        checksum.add(header)
        checksum.add(UnsafeRawBufferPointer(rebasing: footer[..<124]))
        return checksum.value
    }
}
