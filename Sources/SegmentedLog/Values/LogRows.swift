/// Makes the rows of streams: what an owner must know of a stream whose entries are in sealed segments, where only their
/// bytes are kept.
///
/// A row is a fold over the annotations of a stream's entries. The engine asks for it when a journal segment is sealed,
/// keeps it in the sealed segment's stream table, and gives the newest one back when the log is opened.
/// Called on the engine's background thread; must depend on nothing but its parameters.
public protocol LogRowFolder: Sendable {
    /// The row after these changes.
    /// - Parameters:
    ///   - row: The row before them, borrowed for the call; nil if the changes begin with the stream's create entry.
    ///   - changes: In the order of the log.
    /// - Throws: Where the bytes make no sense: the segment is then not sealed, and the log says so.
    func row(
        after changes: LogRowChanges, to row: UnsafeRawBufferPointer?
    ) throws(RecoveryRefusal) -> [UInt8]
}

/// What happened to one stream in one journal segment.
public struct LogRowChanges {
    /// The create entry and the entries with annotations. Those that only add bytes are not among them.
    public var entries: [Entry] = []
    /// The time of the stream's newest commit, in milliseconds since 1970.
    public var newestCommitAt: Int64 = 0
    /// The end of the stream after all of them.
    public var tail = StreamPosition.start

    public struct Entry {
        public var kind: EntryKind
        /// Borrowed for the call.
        public var annotation: UnsafeRawBufferPointer
        public var committedAt: Int64
    }
}

/// Keeps the annotation with which a stream was created, and forgets all others.
public struct CreationRows: LogRowFolder {
    public init() {}

    public func row(
        after changes: LogRowChanges, to row: UnsafeRawBufferPointer?
    ) throws(RecoveryRefusal) -> [UInt8] {
        if let row { return Array(row) }
        guard let first = changes.entries.first, first.kind == .create else {
            throw RecoveryRefusal(reason: "a stream without a beginning")
        }
        return Array(first.annotation)
    }
}

/// A stream as a sealed segment has it, given back when a log is opened.
public struct RecoveredStream {
    /// The stream, which the owner keeps from now on. Its bytes cannot be read before the log is open.
    public var stream: LogStream
    /// What the ``LogRowFolder`` made. Borrowed for the time of the call.
    public var row: UnsafeRawBufferPointer
    public var start: StreamPosition
    public var tail: StreamPosition
    /// Wall-clock time of the stream's newest commit up to here, in milliseconds since 1970.
    public var newestCommitAt: Int64
}
