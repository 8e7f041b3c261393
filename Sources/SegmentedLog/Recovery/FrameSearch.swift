internal import CZlib
internal import Glibc

/// Looks for frames in a part of a journal segment that may hold anything.
///
/// What is behind the end of a log was written by clients of another time: a file that is used again keeps its old bytes.
/// A client can fill them with what looks like headers of long frames, and if each of those were verified by reading all
/// of its bytes, opening the store would take hours. So long ones are verified with the checksums of the segment's
/// beginnings: that of any range follows from two of them.
struct FrameSearch {
    let segment: JournalSegment
    let storeIdentifier: StoreIdentifier

    /// The checksums of bytes 0 ..< `strideByteCount` × index, as far as they were needed.
    private var checksums: [UInt32] = [0]

    private static let strideByteCount = 512
    /// Shorter frames are read.
    private static let longFrameByteCount = 4 * strideByteCount

    init(segment: JournalSegment, storeIdentifier: StoreIdentifier) {
        self.segment = segment
        self.storeIdentifier = storeIdentifier
    }

    /// The next place from `offset` on where a whole frame verifies.
    mutating func next(from offset: Int) -> (Int, FrameHeader)? {
        let base = segment.bytes.baseAddress!
        var place = offset
        while place + FrameHeader.byteCount <= segment.byteCount,
            // Most of what is searched is zeros, which the C library passes over much faster than a loop would.
            let found = memchr(base + place, CInt(FrameHeader.magic & 0xFF), segment.byteCount - place)
        {
            place = UnsafeRawPointer(found) - base
            if place % FrameHeader.alignment == 0, let frame = verifiedFrame(at: place) { return (place, frame) }
            place += 1
        }
        return nil
    }

    private mutating func verifiedFrame(at offset: Int) -> FrameHeader? {
        let bytes = UnsafeRawBufferPointer(rebasing: segment.bytes[offset...])
        guard let frame = FrameHeader.decode(bytes, segmentNumber: segment.number) else { return nil }
        guard frame.frameByteCount > Self.longFrameByteCount else {
            return FrameHeader.decodeVerified(bytes, segmentNumber: segment.number, storeIdentifier: storeIdentifier)
        }
        let checked = (offset + 8)..<(offset + frame.frameByteCount)
        let checksum = Self.joined(storeIdentifier.checksumSeed, self.checksum(of: checked), byteCount: checked.count)
        return checksum == frame.checksum ? frame : nil
    }

    /// The checksum of these bytes alone.
    private mutating func checksum(of range: Range<Int>) -> UInt32 {
        // What is joined to the beginning makes the whole; and joining is an exclusive-or with what the beginning becomes
        // when zeros' checksum is joined to it.
        checksum(ofBytesBefore: range.upperBound)
            ^ Self.joined(checksum(ofBytesBefore: range.lowerBound), 0, byteCount: range.count)
    }

    private mutating func checksum(ofBytesBefore end: Int) -> UInt32 {
        let index = end / Self.strideByteCount
        while checksums.count <= index {
            let start = (checksums.count - 1) * Self.strideByteCount
            checksums.append(checksum(of: start..<(start + Self.strideByteCount), continuing: checksums.last!))
        }
        return checksum(of: (index * Self.strideByteCount)..<end, continuing: checksums[index])
    }

    private func checksum(of range: Range<Int>, continuing value: UInt32) -> UInt32 {
        var checksum = Checksum(continuing: value)
        checksum.add(UnsafeRawBufferPointer(rebasing: segment.bytes[range]))
        return checksum.value
    }

    /// The checksum of something followed by something else of so many bytes.
    private static func joined(_ first: UInt32, _ second: UInt32, byteCount: Int) -> UInt32 {
        UInt32(truncatingIfNeeded: crc32_combine(UInt(first), UInt(second), byteCount))
    }
}
