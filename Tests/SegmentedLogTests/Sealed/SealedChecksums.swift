@testable import SegmentedLog

/// Makes the checksums of a changed file of a sealed segment right again, so that what else is wrong comes to light.
enum SealedChecksums {
    static func renew(_ content: inout [UInt8]) {
        let start = content.count - SealedFooter.byteCount
        guard start >= SealedHeader.byteCount else { return }
        let indexOffset = Int(clamping: integer(content, at: start + 16, as: UInt64.self))
        let tableOffset = Int(clamping: integer(content, at: start + 32, as: UInt64.self))
        let rowsOffset = Int(clamping: integer(content, at: start + 48, as: UInt64.self))
        let rowsByteCount = Int(clamping: integer(content, at: start + 56, as: UInt64.self))
        if let index = part(content, indexOffset, tableOffset) {
            for row in stride(from: indexOffset, through: indexOffset + index.count - 40, by: 40) {
                renewBlock(&content, row: row)
            }
        }
        store(part(content, indexOffset, tableOffset), &content, at: start + 28)
        store(part(content, tableOffset, rowsOffset), &content, at: start + 44)
        let rowsEnd = rowsOffset.addingReportingOverflow(rowsByteCount).partialValue
        store(part(content, rowsOffset, rowsEnd), &content, at: start + 64)
        content.replace(at: 60, with: littleEndian(checksum(content[..<60], continuing: 0)))
        store(content[..<64] + content[start ..< start + 124], &content, at: start + 124)
    }

    private static func renewBlock(_ content: inout [UInt8], row: Int) {
        let fileOffset = Int(clamping: integer(content, at: row + 8, as: UInt64.self))
        let byteCount = Int(integer(content, at: row + 16, as: UInt32.self))
        let end = fileOffset.addingReportingOverflow(byteCount).partialValue
        store(part(content, fileOffset, end), &content, at: row + 24)
    }

    /// Nil where the numbers, which may be anything, are outside of the file.
    private static func part(_ content: [UInt8], _ start: Int, _ end: Int) -> ArraySlice<UInt8>? {
        start >= 0 && start <= end && end <= content.count ? content[start ..< end] : nil
    }

    private static func store(_ part: ArraySlice<UInt8>?, _ content: inout [UInt8], at offset: Int) {
        guard let part else { return }
        let seed = SealedFixture.storeIdentifier.checksumSeed
        content.replace(at: offset, with: littleEndian(checksum(part, continuing: seed)))
    }

    private static func checksum(_ part: ArraySlice<UInt8>, continuing seed: UInt32) -> UInt32 {
        part.withUnsafeBytes { bytes in
            var checksum = Checksum(continuing: seed)
            checksum.add(bytes)
            return checksum.value
        }
    }

    private static func integer<Integer: FixedWidthInteger>(
        _ content: [UInt8], at offset: Int, as _: Integer.Type
    ) -> Integer {
        content.withUnsafeBytes { Integer(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: Integer.self)) }
    }
}
