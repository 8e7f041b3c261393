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

    /// One entry of the segment, as places in its file.
    private struct Item {
        var streamNumber: UInt64
        var position: UInt64
        var committedAt: Int64
        var payloadOffset: UInt32
        var payloadByteCount: UInt32
        var annotationOffset: UInt32
        var annotationByteCount: UInt32
        var kind: EntryKind
        var continues: Bool
    }

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
        while first < items.count {
            var last = first + 1
            while last < items.count, items[last].streamNumber == items[first].streamNumber { last += 1 }
            try write(items[first..<last], of: streams[items[first].streamNumber], to: writer)
            try checkpoint()
            first = last
        }
    }

    // MARK: Reading the journal

    /// All entries, by stream, those of one stream in the order of the log.
    private mutating func collect() throws(MaintenanceFailure) -> [Item] {
        var items: [Item] = []
        var cursor = FrameCursor(segment: segment, storeIdentifier: storeIdentifier)
        while let frame = cursor.next() {
            if firstSequenceNumber == .none { firstSequenceNumber = frame.header.firstSequenceNumber }
            var entries = frame.entries(in: segment)
            while let (entry, payloadOffset) = entries.next() { items.append(item(entry, payloadOffset, frame)) }
            guard entries.isAtEnd else { throw damaged(frame.offset, "an entry is malformed") }
        }
        guard cursor.nextSequenceNumber == end.sequenceNumber, cursor.previousChecksum == end.lastFrameChecksum else {
            throw damaged(cursor.offset, "a frame that was written here does not verify any more")
        }
        return items.enumerated().sorted { left, right in
            (left.element.streamNumber, left.offset) < (right.element.streamNumber, right.offset)
        }.map(\.element)
    }

    private func item(_ entry: Entry, _ payloadOffset: Int, _ frame: FrameCursor.Frame) -> Item {
        let base = segment.bytes.baseAddress!
        let annotationOffset = entry.annotation.baseAddress.map { $0 - base } ?? 0
        return Item(
            streamNumber: entry.streamNumber.rawValue, position: entry.position.rawValue,
            committedAt: frame.header.committedAt, payloadOffset: UInt32(payloadOffset),
            payloadByteCount: UInt32(entry.payloadByteCount), annotationOffset: UInt32(annotationOffset),
            annotationByteCount: UInt32(entry.annotation.count), kind: entry.kind, continues: entry.continues)
    }

    private func bytes(at offset: UInt32, count: UInt32) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: segment.bytes[Int(offset)..<(Int(offset) + Int(count))])
    }

    // MARK: Writing one stream

    private func write(
        _ items: ArraySlice<Item>, of stream: LogStream?, to writer: SealedSegmentWriter
    ) throws(MaintenanceFailure) {
        let number = StreamNumber(rawValue: items.first!.streamNumber)
        guard let stream, !items.contains(where: { $0.kind == .delete }), !isDeleted(stream) else {
            if needsTombstone(number) { writer.addTombstone(number) }
            return
        }
        let before = newestRow(of: stream)
        var changes = LogRowChanges(
            entries: [], newestCommitAt: before?.stream.newestCommitAt ?? 0, tail: before?.stream.tail ?? .start)
        var start = before?.stream.start ?? .start
        for item in items {
            changes.newestCommitAt = item.committedAt
            if item.kind == .trim { start = max(start, StreamPosition(rawValue: item.position)) }
            if item.kind == .create || item.annotationByteCount > 0 {
                changes.entries.append(
                    .init(
                        kind: item.kind, annotation: bytes(at: item.annotationOffset, count: item.annotationByteCount),
                        committedAt: item.committedAt))
            }
            guard item.payloadByteCount > 0 else { continue }
            guard item.position == changes.tail.rawValue else {
                throw damaged(Int(item.payloadOffset), "an entry does not follow the one before it in its stream")
            }
            changes.tail = changes.tail.advanced(by: Int(item.payloadByteCount))
        }
        writer.beginStream(number)
        for item in items where item.payloadByteCount > 0 {
            guard item.position + UInt64(item.payloadByteCount) > start.rawValue else { continue }
            let payload = bytes(at: item.payloadOffset, count: item.payloadByteCount)
            try system { () throws(FileSystemError) in
                try writer.add(
                    payload, at: StreamPosition(rawValue: item.position), endsAppend: !item.continues,
                    committedAt: item.committedAt)
            }
        }
        let row: [UInt8]
        do throws(RecoveryRefusal) {
            row = try rows.row(after: changes, to: before?.row)
        } catch {
            throw damaged(SegmentHeader.byteCount, error.reason)
        }
        try row.withUnsafeBufferPointer { (row) throws(MaintenanceFailure) in
            try system { () throws(FileSystemError) in
                try writer.endStream(
                    row: UnsafeRawBufferPointer(row), start: start, tail: changes.tail,
                    newestCommitAt: changes.newestCommitAt)
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
