/// Entries of journal segments by stream, as places in their files. Not thread-safe.
struct JournalItems {
    /// One entry.
    struct Item {
        var streamNumber: UInt64
        var position: UInt64
        var committedAt: Int64
        var payloadOffset: UInt32
        var payloadByteCount: UInt32
        var annotationOffset: UInt32
        var annotationByteCount: UInt32
        /// Which of ``JournalItems/segments``.
        var segment: UInt32
        var kind: EntryKind
        var continues: Bool

        var start: StreamPosition { StreamPosition(rawValue: position) }
    }

    private(set) var segments: [JournalSegment] = []
    private(set) var items: [Item] = []

    /// The entries that are added from now on are in this segment.
    mutating func begin(_ segment: JournalSegment) { segments.append(segment) }

    /// - Parameter entry: Its annotation is borrowed from the segment's mapping.
    mutating func add(_ entry: Entry, payloadOffset: Int, committedAt: Int64) {
        let base = segments[segments.count - 1].bytes.baseAddress!
        let annotationOffset = entry.annotation.baseAddress.map { $0 - base } ?? 0
        items.append(
            Item(
                streamNumber: entry.streamNumber.rawValue, position: entry.position.rawValue,
                committedAt: committedAt, payloadOffset: UInt32(payloadOffset),
                payloadByteCount: UInt32(entry.payloadByteCount), annotationOffset: UInt32(annotationOffset),
                annotationByteCount: UInt32(entry.annotation.count), segment: UInt32(segments.count - 1),
                kind: entry.kind, continues: entry.continues))
    }

    /// Brings the entries into the order of their streams' numbers, those of one stream in the order of the log.
    mutating func sort() {
        items = items.enumerated().sorted { left, right in
            (left.element.streamNumber, left.offset) < (right.element.streamNumber, right.offset)
        }.map(\.element)
    }

    /// The entries of one stream, the first of which is the item with this index.
    func group(at first: Int) -> Range<Int> {
        var last = first + 1
        while last < items.count, items[last].streamNumber == items[first].streamNumber { last += 1 }
        return first..<last
    }

    /// Borrowed from the mapping of the item's segment.
    func payload(of item: Item) -> UnsafeRawBufferPointer {
        bytes(of: item, at: item.payloadOffset, count: item.payloadByteCount)
    }

    /// Borrowed from the mapping of the item's segment.
    func annotation(of item: Item) -> UnsafeRawBufferPointer {
        bytes(of: item, at: item.annotationOffset, count: item.annotationByteCount)
    }

    func path(of item: Item) -> String { segments[Int(item.segment)].file.path }

    private func bytes(of item: Item, at offset: UInt32, count: UInt32) -> UnsafeRawBufferPointer {
        let bytes = segments[Int(item.segment)].bytes
        return UnsafeRawBufferPointer(rebasing: bytes[Int(offset)..<(Int(offset) + Int(count))])
    }
}

/// What journal entries come to for one stream: the changes that its row is folded over, and its ends.
struct JournalFold {
    private(set) var changes: LogRowChanges
    private(set) var start: StreamPosition

    /// - Parameter before: What sealed segments know of the stream.
    init(after before: SealedStream?) {
        changes = LogRowChanges(
            entries: [], newestCommitAt: before?.newestCommitAt ?? 0, tail: before?.tail ?? .start)
        start = before?.start ?? .start
    }

    var tail: StreamPosition { changes.tail }

    /// False if the entry's bytes do not follow those before; the fold is of no use then, unless it is told to
    /// ``skip(to:)`` where they begin.
    mutating func add(_ item: JournalItems.Item, of items: JournalItems) -> Bool {
        guard item.payloadByteCount == 0 || item.start == changes.tail else { return false }
        changes.newestCommitAt = item.committedAt
        if item.kind == .trim { start = max(start, item.start) }
        if item.kind == .create || item.annotationByteCount > 0 {
            changes.entries.append(
                .init(kind: item.kind, annotation: items.annotation(of: item), committedAt: item.committedAt))
        }
        changes.tail = changes.tail.advanced(by: Int(item.payloadByteCount))
        return true
    }

    /// The bytes up to here are missing.
    mutating func skip(to position: StreamPosition) { changes.tail = position }
}

extension SealedSegmentWriter {
    /// Adds the bytes of an entry. An entry without bytes leaves no trace.
    func add(_ item: JournalItems.Item, of items: JournalItems) throws(FileSystemError) {
        guard item.payloadByteCount > 0 else { return }
        try add(
            items.payload(of: item), at: item.start, endsAppend: !item.continues, committedAt: item.committedAt)
    }
}
