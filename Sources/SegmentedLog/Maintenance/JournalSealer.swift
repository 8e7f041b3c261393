/// Turns a full journal segment into a sealed one: the same entries, by stream, the bytes in blocks and the annotations
/// folded into rows.
///
/// A pure function of the journal segment, of the rows that the streams had before, and of which streams are deleted for
/// good. Used by the maintenance's thread.
struct JournalSealer {
    let segment: JournalSegment
    /// What the segment must hold.
    let end: JournalSegment.End
    let storeIdentifier: StoreIdentifier
    let rows: any LogRowFolder
    let table: SegmentTable
    /// Whether an older sealed segment may have a row of this stream, so that its tombstone is needed.
    let needsTombstone: (StreamNumber) -> Bool
    let isDeleted: (LogStream) -> Bool
    let checkpoint: () throws(MaintenanceFailure) -> Void

    /// The sequence number of the segment's first entry. Known after ``write(to:)``.
    private(set) var firstSequenceNumber = LogSequenceNumber.none

    init(
        segment: JournalSegment, end: JournalSegment.End, storeIdentifier: StoreIdentifier, rows: any LogRowFolder,
        table: SegmentTable, needsTombstone: @escaping (StreamNumber) -> Bool,
        isDeleted: @escaping (LogStream) -> Bool, checkpoint: @escaping () throws(MaintenanceFailure) -> Void
    ) {
        self.segment = segment
        self.end = end
        self.storeIdentifier = storeIdentifier
        self.rows = rows
        self.table = table
        self.needsTombstone = needsTombstone
        self.isDeleted = isDeleted
        self.checkpoint = checkpoint
    }

    /// Puts everything into the writer but the end of the file.
    mutating func write(to writer: SealedSegmentWriter) throws(MaintenanceFailure) {
        let items = try collect()
        let streams = Dictionary(segment.touchedStreams.map { ($0.number.rawValue, $0) }) { first, _ in first }
        var first = 0
        while first < items.items.count {
            let group = items.group(at: first)
            try write(group, of: items, stream: streams[items.items[first].streamNumber], to: writer)
            try checkpoint()
            first = group.upperBound
        }
    }

    // MARK: Reading the journal

    /// All entries, by stream.
    private mutating func collect() throws(MaintenanceFailure) -> JournalItems {
        var items = JournalItems()
        items.begin(segment)
        var cursor = FrameCursor(segment: segment, storeIdentifier: storeIdentifier)
        while let frame = cursor.next() {
            if firstSequenceNumber == .none { firstSequenceNumber = frame.header.firstSequenceNumber }
            var entries = frame.entries(in: segment)
            while let (entry, payloadOffset) = entries.next() {
                items.add(entry, payloadOffset: payloadOffset, committedAt: frame.header.committedAt)
            }
            guard entries.isAtEnd else { throw damaged(frame.offset, "an entry is malformed") }
        }
        guard cursor.nextSequenceNumber == end.sequenceNumber, cursor.previousChecksum == end.lastFrameChecksum else {
            throw damaged(cursor.offset, "a frame that was written here does not verify any more")
        }
        items.sort()
        return items
    }

    // MARK: Writing one stream

    private func write(
        _ group: Range<Int>, of items: JournalItems, stream: LogStream?, to writer: SealedSegmentWriter
    ) throws(MaintenanceFailure) {
        let entries = items.items[group]
        let number = StreamNumber(rawValue: entries.first!.streamNumber)
        guard let stream, !entries.contains(where: { $0.kind == .delete }), !isDeleted(stream) else {
            if needsTombstone(number) { writer.addTombstone(number) }
            return
        }
        let before = newestRow(of: stream)
        var fold = JournalFold(after: before?.stream)
        for item in entries {
            guard fold.add(item, of: items) else {
                throw damaged(Int(item.payloadOffset), "an entry does not follow the one before it in its stream")
            }
        }
        writer.beginStream(number)
        for item in entries where item.start.advanced(by: Int(item.payloadByteCount)) > fold.start {
            try system { () throws(FileSystemError) in try writer.add(item, of: items) }
        }
        let row: [UInt8]
        do throws(RecoveryRefusal) {
            row = try rows.row(after: fold.changes, to: before?.row)
        } catch {
            throw damaged(SegmentHeader.byteCount, error.reason)
        }
        try row.withUnsafeBufferPointer { (row) throws(MaintenanceFailure) in
            try system { () throws(FileSystemError) in
                try writer.endStream(
                    row: UnsafeRawBufferPointer(row), start: fold.start, tail: fold.tail,
                    newestCommitAt: fold.changes.newestCommitAt)
            }
        }
    }

    /// What the segments before this one know of a stream.
    private func newestRow(of stream: LogStream) -> (stream: SealedStream, row: UnsafeRawBufferPointer)? {
        guard let extent = stream.withIndex({ $0.extents.last }), let sealed = table[extent.segment] else { return nil }
        let found = sealed.stream(at: Int(extent.row))
        return (found, sealed.row(of: found))
    }

    private func system<Value>(_ body: () throws(FileSystemError) -> Value) throws(MaintenanceFailure) -> Value {
        do throws(FileSystemError) { return try body() } catch { throw .system(error) }
    }

    private func damaged(_ offset: Int, _ reason: String) -> MaintenanceFailure {
        .damaged(LogReadError(path: segment.file.path, byteOffset: offset, reason: reason))
    }
}
