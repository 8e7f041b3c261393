/// Opens the sealed segments of a store and builds the streams that they know.
struct SealedRecovery {
    let segments: [SealedSegment]
    let table: SegmentTable
    let recoverRow: (RecoveredStream) throws(RecoveryRefusal) -> Void

    private(set) var handles: [SealedSegmentHandle] = []
    /// By rising number.
    private(set) var streams: [LogStream] = []
    /// Streams whose bytes are not all there.
    private(set) var holes: [StreamNumber: StreamHole] = [:]
    /// For each segment, the streams of its rows.
    private var rowStreams: [[LogStream?]] = []

    init(
        segments: [SealedSegment], table: SegmentTable,
        recoverRow: @escaping (RecoveredStream) throws(RecoveryRefusal) -> Void
    ) {
        self.segments = segments
        self.table = table
        self.recoverRow = recoverRow
    }

    mutating func run() throws(LogOpenError) {
        handles = segments.map { table.insert($0) }
        rowStreams = segments.map { [LogStream?](repeating: nil, count: $0.streamCount) }
        var tables = SealedTables(segments)
        var rows: [Row] = []
        while let number = tables.nextNumber {
            rows.removeAll(keepingCapacity: true)
            tables.forEachRow(of: number) { segment, row, stream in
                rows.append(Row(segment: segment, row: row, stream: stream))
            }
            tables.advance(past: number)
            if rows.contains(where: \.stream.isTombstone) { continue }
            try recover(rows, of: number)
        }
    }

    /// What the maintenance goes on with.
    func ledger() -> SealedLedger {
        var ledger = SealedLedger()
        for (index, segment) in segments.enumerated() {
            ledger.append(SealedLedger.Item(handle: handles[index], segment: segment, streams: rowStreams[index]))
        }
        for stream in streams where stream.start > .start {
            let (extents, start) = stream.withIndex { ($0.extents, $0.start) }
            ledger.trim(extents, to: start)
        }
        return ledger
    }

    private struct Row {
        var segment: Int
        var row: Int
        var stream: SealedStream
    }

    private mutating func recover(_ rows: [Row], of number: StreamNumber) throws(LogOpenError) {
        let newest = rows[rows.count - 1]
        // An older row may have been written anew after a trim that the newest does not know of yet.
        let start = rows.reduce(StreamPosition.start) { max($0, $1.stream.start) }
        var extents: [SealedExtent] = []
        var end = StreamPosition.start
        var hole: StreamHole?
        for (place, row) in rows.enumerated() {
            let segment = segments[row.segment]
            let extent = segment.extent(ofStreamAt: row.row, in: handles[row.segment])
            var extentEnd = extent.position
            if row.stream.blockCount > 0 {
                extentEnd = segment.block(at: row.stream.firstBlock + row.stream.blockCount - 1).end
                let isUnused = extentEnd <= start && place < rows.count - 1
                if extent.position != end, extent.position > start, !isUnused {
                    hole = self.hole(in: number, from: end, to: extent.position, row)
                }
                end = extentEnd
            }
            let isEmpty = extentEnd == extent.position
            guard place == rows.count - 1 || (!isEmpty && extentEnd > start) else { continue }
            extents.append(extent)
        }
        if end != newest.stream.tail, newest.stream.tail > start {
            hole = self.hole(in: number, from: end, to: newest.stream.tail, newest)
        }
        let stream = LogStream(
            number: number, segments: table,
            index: StreamIndex(start: start, tail: newest.stream.tail, extents: extents))
        for extent in extents {
            // Few: one for each segment that holds something of the stream.
            let index = handles.firstIndex(of: extent.segment)!
            rowStreams[index][Int(extent.row)] = stream
        }
        streams.append(stream)
        if let hole { holes[number] = hole }
        try handOver(stream, newest, start: start)
    }

    private func handOver(_ stream: LogStream, _ row: Row, start: StreamPosition) throws(LogOpenError) {
        let segment = segments[row.segment]
        do throws(RecoveryRefusal) {
            try recoverRow(
                RecoveredStream(
                    stream: stream, row: segment.row(of: row.stream), start: start, tail: row.stream.tail,
                    newestCommitAt: row.stream.newestCommitAt))
        } catch {
            throw .corrupt(path: segment.path, byteOffset: segment.offset(ofStreamAt: row.row), reason: error.reason)
        }
    }

    private func hole(
        in number: StreamNumber, from start: StreamPosition, to end: StreamPosition, _ row: Row
    ) -> StreamHole {
        let segment = segments[row.segment]
        return StreamHole(
            end: end,
            error: .corrupt(
                path: segment.path, byteOffset: segment.offset(ofStreamAt: row.row),
                reason: "bytes \(start.rawValue) to \(end.rawValue) of stream \(number.rawValue) are in no segment"))
    }
}

/// Bytes of a stream that are in no segment. That is damage, unless the journal says that nobody needs them any more: the
/// segment that held them may have been removed since then.
struct StreamHole {
    var end: StreamPosition
    /// Whether entries behind the hole are in the journal, so that the stream cannot be read on.
    var isInJournal = false
    var error: LogOpenError
}
