/// Maps the positions of one stream to places in journal segments: an entry, or a run of entries whose payloads lie side
/// by side, to a row. Rows are in the order of the stream without gaps, so a look-up is a binary search.
///
/// An index is a cache: it is built from the frames when the log is opened. Owned by its ``LogStream``.
struct DenseIndex {
    private(set) var runs: [Run] = []
    private(set) var tail: StreamPosition

    init(tail: StreamPosition = .start) { self.tail = tail }

    /// Begins where an entry begins and ends where one ends.
    struct Run {
        var position: StreamPosition
        var segmentNumber: UInt32
        var fileOffset: UInt32
        var byteCount: UInt32
        /// When its newest entry was committed, in seconds since 1970.
        var committedAtSeconds: UInt32
    }

    /// Entries are joined up to this many bytes, so that a place in a run is never far from an entry's start.
    static let runByteCountLimit: UInt32 = 64 << 10

    mutating func append(_ run: Run) {
        precondition(run.position == tail, "an entry must follow the one before")
        tail = run.position.advanced(by: Int(run.byteCount))
        if let last = runs.indices.last, runs[last].segmentNumber == run.segmentNumber,
            runs[last].fileOffset + runs[last].byteCount == run.fileOffset,
            runs[last].byteCount + run.byteCount <= Self.runByteCountLimit
        {
            runs[last].byteCount += run.byteCount
            runs[last].committedAtSeconds = run.committedAtSeconds
        } else {
            runs.append(run)
        }
    }

    /// The run that holds `position`, which is before the tail.
    func runIndex(containing position: StreamPosition) -> Int {
        var low = 0
        var high = runs.count
        while high - low > 1 {
            let middle = (low + high) / 2
            if runs[middle].position <= position { low = middle } else { high = middle }
        }
        return low
    }

    /// Forgets the oldest runs as far as they are in this segment.
    mutating func removeRuns(ofSegment number: UInt32) {
        let count = runs.prefix { $0.segmentNumber == number }.count
        // A stream that is idle now must not keep the memory that it needed.
        runs = Array(runs[count...])
    }

    mutating func clear() { runs = [] }
}
