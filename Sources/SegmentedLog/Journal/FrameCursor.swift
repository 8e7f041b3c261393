/// Goes through the frames of one journal segment from front to back, as far as they verify and follow each other.
struct FrameCursor {
    struct Frame {
        var header: FrameHeader
        var offset: Int

        /// The frame's entries, borrowed from the segment.
        func entries(in segment: JournalSegment) -> EntryCursor {
            EntryCursor(segment.bytes, frame: header, at: offset)
        }
    }

    let segment: JournalSegment
    let storeIdentifier: StoreIdentifier
    /// Where the next frame would be.
    private(set) var offset = SegmentHeader.byteCount
    /// What the next frame must begin with; nil before the first.
    private(set) var nextSequenceNumber: LogSequenceNumber?
    private(set) var previousChecksum: UInt32 = 0

    init(segment: JournalSegment, storeIdentifier: StoreIdentifier) {
        self.segment = segment
        self.storeIdentifier = storeIdentifier
    }

    mutating func next() -> Frame? {
        guard offset + FrameHeader.byteCount <= segment.byteCount,
            let header = FrameHeader.decodeVerified(
                UnsafeRawBufferPointer(rebasing: segment.bytes[offset...]), segmentNumber: segment.number,
                storeIdentifier: storeIdentifier)
        else { return nil }
        if let nextSequenceNumber {
            guard header.firstSequenceNumber == nextSequenceNumber, header.previousChecksum == previousChecksum
            else { return nil }
        }
        defer { offset += header.paddedByteCount }
        nextSequenceNumber = header.endSequenceNumber
        previousChecksum = header.checksum
        return Frame(header: header, offset: offset)
    }
}

/// Goes through the entries of one frame that verifies.
struct EntryCursor {
    private var reader: ByteReader
    private var payloadOffset: Int
    private let payloadEnd: Int
    private let tableEnd: Int
    private var remainingCount: Int

    init(_ bytes: UnsafeRawBufferPointer, frame: FrameHeader, at offset: Int) {
        let tableStart = offset + FrameHeader.byteCount
        tableEnd = tableStart + frame.tableByteCount
        reader = ByteReader(UnsafeRawBufferPointer(rebasing: bytes[..<tableEnd]), at: tableStart)
        payloadOffset = tableEnd
        payloadEnd = offset + frame.frameByteCount
        remainingCount = frame.entryCount
    }

    /// Where the next entry's row is.
    var offset: Int { reader.offset }

    /// Whether all entries were there and their lengths agree with the frame's.
    var isAtEnd: Bool { remainingCount == 0 && reader.offset == tableEnd && payloadOffset == payloadEnd }

    /// The next entry and where its payload is; nil at the end, and where an entry is malformed.
    mutating func next() -> (entry: Entry, payloadOffset: Int)? {
        guard remainingCount > 0, let entry = Entry.decode(&reader),
            entry.payloadByteCount <= payloadEnd - payloadOffset
        else { return nil }
        defer { payloadOffset += entry.payloadByteCount }
        remainingCount -= 1
        return (entry, payloadOffset)
    }
}
