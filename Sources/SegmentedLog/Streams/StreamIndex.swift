/// Where the bytes of one stream are: extents in sealed segments, oldest first, then runs in the journal, without gaps.
/// Owned by its ``LogStream``.
struct StreamIndex {
    /// The earliest position that can be read.
    private(set) var start = StreamPosition.start
    private(set) var extents: [SealedExtent] = []
    private(set) var journal = DenseIndex()
    private(set) var isDeleted = false

    init() {}

    init(start: StreamPosition, tail: StreamPosition, extents: [SealedExtent]) {
        self.start = start
        self.extents = extents
        journal = DenseIndex(tail: tail)
    }

    var tail: StreamPosition { journal.tail }

    /// Where the sealed part ends.
    var journalStart: StreamPosition { journal.runs.first?.position ?? journal.tail }

    func end(ofExtent index: Int) -> StreamPosition {
        index + 1 < extents.count ? extents[index + 1].position : journalStart
    }

    /// The extent that holds `position`, which is not before the first one's and before the end of the sealed part.
    func extentIndex(holding position: StreamPosition) -> Int {
        var low = 0
        var high = extents.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if extents[middle].position <= position { low = middle } else { high = middle }
        }
        return low
    }

    mutating func append(_ run: DenseIndex.Run) { journal.append(run) }

    /// Nothing before `position` is read any more.
    mutating func trim(to position: StreamPosition) { start = max(start, position) }

    mutating func delete() {
        isDeleted = true
        journal.clear()
    }

    /// The journal segment that held the oldest runs has become a sealed segment, which has this row for the stream.
    /// Returns the extents that are of no use any more.
    mutating func seal(journalSegment number: UInt32, extent: SealedExtent?) -> [SealedExtent] {
        journal.removeRuns(ofSegment: number)
        if let extent { extents.append(extent) }
        return removeObsoleteExtents()
    }

    /// Several sealed segments have become one. Returns the extents that are of no use any more.
    mutating func replaceExtents(
        in segments: Set<SealedSegmentHandle>, with extent: SealedExtent?
    ) -> [SealedExtent] {
        let place = extents.firstIndex { segments.contains($0.segment) } ?? extents.count
        extents.removeAll { segments.contains($0.segment) }
        if let extent { extents.insert(extent, at: place) }
        return removeObsoleteExtents()
    }

    /// Takes away the extents that nobody can read and whose row is not the newest.
    mutating func removeObsoleteExtents() -> [SealedExtent] {
        guard extents.count > 1 else { return [] }
        var obsolete: [SealedExtent] = []
        for index in extents.indices.dropLast().reversed() {
            let end = end(ofExtent: index)
            if end <= start || end == extents[index].position { obsolete.append(extents.remove(at: index)) }
        }
        return obsolete
    }

    /// Takes away all extents, for the end of the stream.
    mutating func takeExtents() -> [SealedExtent] {
        defer { extents = [] }
        return extents
    }
}
