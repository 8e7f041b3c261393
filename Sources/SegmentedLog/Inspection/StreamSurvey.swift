/// Puts together what all files of a store say of each stream.
struct StreamSurvey {
    let reading: StoreReading
    /// Whether a row of a sealed segment means something to the owner.
    let validateRow: @Sendable (UnsafeRawBufferPointer) throws(RecoveryRefusal) -> Void

    /// Calls with every stream that any usable file knows, those that are deleted too, by rising number.
    func forEachStream<Failure: Error>(_ body: (StreamAccount) throws(Failure) -> Void) throws(Failure) {
        let files = reading.sealed.indices.filter { reading.sealed[$0].isUsable }
        let items = reading.journal.items
        var tables = SealedTables(files.compactMap { reading.sealed[$0].segment })
        var first = 0
        while let number = nextNumber(tables, items, first) {
            var rows: [StreamAccount.Row] = []
            tables.forEachRow(of: number) { segment, row, stream in
                let file = files[segment]
                let byteOffset = reading.sealed[file].segment?.offset(ofStreamAt: row) ?? 0
                rows.append(StreamAccount.Row(file: file, stream: stream, byteOffset: byteOffset))
            }
            tables.advance(past: number)
            var entries = first..<first
            if first < items.items.count, items.items[first].streamNumber == number.rawValue {
                entries = items.group(at: first)
                first = entries.upperBound
            }
            try body(StreamAccount(number, rows: rows, entries: entries, in: reading) { isSound($0) })
        }
    }

    /// The metadata of a stream, as the segment that ``StreamAccount/soundRow`` is in has them.
    func metadata(of row: StreamAccount.Row) -> UnsafeRawBufferPointer? {
        reading.sealed[row.file].segment?.row(of: row.stream)
    }

    private func isSound(_ row: StreamAccount.Row) -> Bool {
        guard !row.stream.isTombstone, reading.sealed[row.file].rowsAreSound, let bytes = metadata(of: row)
        else { return false }
        do throws(RecoveryRefusal) { try validateRow(bytes) } catch { return false }
        return true
    }

    private func nextNumber(_ tables: SealedTables, _ items: JournalItems, _ first: Int) -> StreamNumber? {
        let inJournal = first < items.items.count ? StreamNumber(rawValue: items.items[first].streamNumber) : nil
        guard let inTables = tables.nextNumber else { return inJournal }
        guard let inJournal else { return inTables }
        return inTables.rawValue < inJournal.rawValue ? inTables : inJournal
    }
}
