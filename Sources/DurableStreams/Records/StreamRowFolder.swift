internal import SegmentedLog

/// Folds what happened to a stream in one journal segment into its ``StreamStateRow``.
struct StreamRowFolder: LogRowFolder {
    func row(
        after changes: LogRowChanges, to row: UnsafeRawBufferPointer?
    ) throws(RecoveryRefusal) -> [UInt8] {
        var entries = changes.entries[...]
        // Bytes and trims are the engine's business.
        if let row, entries.isEmpty { return Array(row) }
        var state: StreamStateRow
        if let row {
            guard let decoded = StreamStateRow.decode(row) else {
                throw RecoveryRefusal(reason: "a stream's row is malformed")
            }
            state = decoded
        } else {
            guard let first = entries.popFirst(), first.kind == .create,
                let creation = StreamRow.decode(first.annotation)
            else { throw RecoveryRefusal(reason: "the record of a new stream is malformed") }
            state = StreamStateRow(
                creation: Array(first.annotation), writer: WriterState(isClosed: creation.isClosedAtCreation))
        }
        for entry in entries {
            guard entry.kind == .append, let record = AppendRecord.decode(entry.annotation) else {
                throw RecoveryRefusal(reason: "the record of an append is malformed")
            }
            state.apply(record)
        }
        return state.encode()
    }
}
