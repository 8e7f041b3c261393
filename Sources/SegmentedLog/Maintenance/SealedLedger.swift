/// Keeps account of the sealed segments: which streams need them, and how many of their bytes nobody needs any more.
///
/// Owned by the maintenance's thread.
struct SealedLedger {
    /// By rising segment numbers.
    private(set) var items: [Item] = []

    struct Item {
        let handle: SealedSegmentHandle
        let segment: SealedSegment
        /// By row of the stream table; nil where the row is of no use any more, or a tombstone.
        fileprivate(set) var streams: [LogStream?]
        fileprivate(set) var liveRowCount = 0
        /// Bytes of rows and blocks that a rewriting would leave out.
        fileprivate(set) var deadByteCount = 0
        /// Of rows that are in use: bytes of blocks before the start of the stream.
        fileprivate var trimmedByteCounts: [UInt32: Int] = [:]
        fileprivate(set) var smallestTombstone: UInt64?
        /// A rewriting found bytes that are not those that were written: it is left alone.
        fileprivate(set) var isDamaged = false

        init(handle: SealedSegmentHandle, segment: SealedSegment, streams: [LogStream?]) {
            self.handle = handle
            self.segment = segment
            self.streams = streams
            for row in streams.indices {
                if streams[row] != nil {
                    liveRowCount += 1
                    continue
                }
                let stream = segment.stream(at: row)
                if stream.isTombstone {
                    smallestTombstone = min(smallestTombstone ?? .max, stream.number.rawValue)
                } else {
                    deadByteCount += Self.byteCount(of: stream, in: segment)
                }
            }
        }

        fileprivate static func byteCount(of stream: SealedStream, in segment: SealedSegment) -> Int {
            segment.storedByteCount(of: stream) + stream.rowByteCount + SealedStream.rowByteCount
                + stream.blockCount * SealedBlock.rowByteCount
        }

        fileprivate mutating func release(_ row: UInt32) {
            guard streams[Int(row)] != nil else { return }
            streams[Int(row)] = nil
            liveRowCount -= 1
            deadByteCount += Self.byteCount(of: segment.stream(at: Int(row)), in: segment)
            deadByteCount -= trimmedByteCounts.removeValue(forKey: row) ?? 0
        }

        fileprivate mutating func trim(_ row: UInt32, to start: StreamPosition) {
            guard streams[Int(row)] != nil else { return }
            let stream = segment.stream(at: Int(row))
            var byteCount = 0
            for index in stream.firstBlock..<(stream.firstBlock + stream.blockCount) {
                let block = segment.block(at: index)
                guard block.end <= start else { break }
                byteCount += block.storedByteCount + SealedBlock.rowByteCount
            }
            deadByteCount += byteCount - (trimmedByteCounts[row] ?? 0)
            trimmedByteCounts[row] = byteCount
        }
    }

    /// Adds the segment after all others.
    mutating func append(_ item: Item) { items.append(item) }

    /// One segment has taken the place of several.
    mutating func replace(_ range: Range<Int>, with item: Item?) {
        items.replaceSubrange(range, with: item.map { [$0] } ?? [])
    }

    /// These rows are of no use any more.
    mutating func release(_ extents: [SealedExtent]) {
        for extent in extents {
            if let index = index(of: extent.segment) { items[index].release(extent.row) }
        }
    }

    /// Nothing of a stream before `start` is read any more. `extents` are those that it keeps.
    mutating func trim(_ extents: [SealedExtent], to start: StreamPosition) {
        for extent in extents where extent.position < start {
            if let index = index(of: extent.segment) { items[index].trim(extent.row, to: start) }
        }
    }

    mutating func setDamaged(path: String) {
        for index in items.indices where items[index].segment.path == path { items[index].isDamaged = true }
    }

    /// Whether a segment before `index` may say something of a stream, so that what says that it is deleted must stay.
    func needsTombstone(_ number: StreamNumber, before index: Int) -> Bool {
        items[..<index].contains { $0.segment.endSequenceNumber.rawValue > number.rawValue }
    }

    /// A segment that nobody needs.
    var deadIndex: Int? {
        items.indices.first { index in
            let item = items[index]
            guard item.liveRowCount == 0 else { return false }
            guard let tombstone = item.smallestTombstone else { return true }
            return !needsTombstone(StreamNumber(rawValue: tombstone), before: index)
        }
    }

    private func index(of handle: SealedSegmentHandle) -> Int? { items.firstIndex { $0.handle == handle } }
}
