/// Where reading the journal has got to, and what may come next: whether a frame continues the log.
struct JournalChain {
    let segments: [JournalSegment]
    let storeIdentifier: StoreIdentifier
    /// Where the sealed part of the log ends; nil if there is none.
    let sealedEnd: JournalSegment.End?
    /// Nil until the first frame: what remains of a log need not begin with 1.
    private(set) var nextSequenceNumber: LogSequenceNumber?
    private(set) var previousChecksum: UInt32 = 0

    init(segments: [JournalSegment], storeIdentifier: StoreIdentifier, sealedEnd: JournalSegment.End?) {
        self.segments = segments
        self.storeIdentifier = storeIdentifier
        self.sealedEnd = sealedEnd
    }

    /// That of the frame that comes next; where nothing does, of the one that is missing.
    var missingSequenceNumber: LogSequenceNumber {
        nextSequenceNumber ?? sealedEnd?.sequenceNumber ?? LogSequenceNumber(rawValue: 1)
    }

    /// The frame that continues the log at this place, if there is one.
    func nextFrame(in segment: Int, at offset: Int) -> FrameHeader? {
        guard let frame = verifiedFrame(in: segment, at: offset) else { return nil }
        if nextSequenceNumber == nil, let end = sealedEnd {
            // Sealed segments that nobody needed any more may be gone, so there may be a gap; but no way back.
            guard frame.firstSequenceNumber >= end.sequenceNumber,
                frame.firstSequenceNumber > end.sequenceNumber || frame.previousChecksum == end.lastFrameChecksum
            else { return nil }
        }
        if let nextSequenceNumber {
            guard frame.firstSequenceNumber == nextSequenceNumber, frame.previousChecksum == previousChecksum
            else { return nil }
        }
        return frame
    }

    /// The later segment that the log goes on in. One between them may have been passed over, unused.
    func continuation(after current: Int) -> Int? {
        segments.indices[(current + 1)...].first { nextFrame(in: $0, at: SegmentHeader.byteCount) != nil }
    }

    mutating func advance(past frame: FrameHeader) {
        nextSequenceNumber = frame.endSequenceNumber
        previousChecksum = frame.checksum
    }

    /// Goes on with a frame that does not follow, behind damage.
    mutating func resume(with frame: FrameHeader) {
        nextSequenceNumber = frame.firstSequenceNumber
        previousChecksum = frame.previousChecksum
    }

    func verifiedFrame(in index: Int, at offset: Int) -> FrameHeader? {
        let segment = segments[index]
        guard offset + FrameHeader.byteCount <= segment.byteCount else { return nil }
        return FrameHeader.decodeVerified(
            UnsafeRawBufferPointer(rebasing: segment.bytes[offset...]), segmentNumber: segment.number,
            storeIdentifier: storeIdentifier)
    }

    /// Looks for whole frames anywhere in a segment.
    func search(in index: Int) -> FrameSearch {
        FrameSearch(segment: segments[index], storeIdentifier: storeIdentifier)
    }

    /// What looks like the missing frame but does not verify: torn while it was written.
    func tornFrame(in index: Int, at offset: Int) -> FrameHeader? {
        let segment = segments[index]
        let rest = UnsafeRawBufferPointer(rebasing: segment.bytes[min(offset, segment.byteCount)...])
        guard let torn = FrameHeader.decode(rest, segmentNumber: segment.number),
            verifiedFrame(in: index, at: offset) == nil, torn.firstSequenceNumber == missingSequenceNumber
        else { return nil }
        return torn
    }
}
