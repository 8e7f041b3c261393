/// What the files of a store say of one stream, and what of it is whole.
struct StreamAccount {
    let number: StreamNumber
    /// Its rows in sealed segments, oldest first.
    private(set) var rows: [Row] = []
    /// Its entries in the journal.
    private(set) var entries: Range<Int> = 0..<0
    private(set) var isDeleted = false
    /// The newest row that is as it was written; nil where the stream begins in the journal, or all rows are lost.
    private(set) var soundRow: Row?
    /// Whether the stream begins in the journal.
    private(set) var isCreatedInJournal = false
    /// Where its bytes are, by position.
    private(set) var pieces: [Piece] = []
    /// Stretches that are not whole, and that nothing says are not needed any more.
    private(set) var holes: [Hole] = []
    /// Where bytes are that have positions of bytes before them. They are left out.
    private(set) var duplicates: [(path: String, byteOffset: Int)] = []
    private(set) var fold: JournalFold
    /// The earliest position that could be read if nothing were damaged.
    private(set) var start = StreamPosition.start
    /// The first position behind all holes where an entry begins.
    private(set) var soundStart = StreamPosition.start
    /// The pieces from this one on are whole and without gap.
    private(set) var firstSoundPiece = 0

    struct Row {
        /// Which of ``StoreReading/sealed``.
        var file: Int
        var stream: SealedStream
        /// Where the row of the stream table is in its file.
        var byteOffset: Int
    }

    enum Piece {
        case block(SealedBlock, file: Int)
        /// Which of the journal's items.
        case entry(Int)
    }

    struct Hole {
        var range: Range<StreamPosition>
        var path: String
        var byteOffset: Int
        /// What comes behind it, if anything.
        var nextPiece: Int
        /// Whether a finding of the file says so already.
        var isReported: Bool
    }

    var tail: StreamPosition { fold.tail }
    /// Whether nothing tells what the stream is.
    var isRowLost: Bool { soundRow == nil && !isCreatedInJournal }
    /// Whether the metadata are those of an older segment than there was.
    var isRowOutdated: Bool {
        guard let soundRow, let newest = rows.last else { return false }
        return soundRow.file != newest.file
    }

    /// - Parameters:
    ///   - rows: Those of usable segments, oldest first.
    ///   - isSound: Whether a row's metadata are as they were written.
    init(
        _ number: StreamNumber, rows: [Row], entries: Range<Int>, in reading: StoreReading, isSound: (Row) -> Bool
    ) {
        self.number = number
        self.rows = rows
        self.entries = entries
        let items = reading.journal.items
        soundRow = rows.last(where: isSound)
        fold = JournalFold(after: rows.last?.stream)
        isDeleted =
            rows.contains { $0.stream.isTombstone } || items.items[entries].contains { $0.kind == .delete }
        isCreatedInJournal = rows.isEmpty && entries.first.map { items.items[$0].kind == .create } == true
        guard !isDeleted else { return }
        start = rows.reduce(StreamPosition.start) { max($0, $1.stream.start) }
        addBlocks(reading)
        addEntries(items)
        start = min(max(start, fold.start), tail)
        holes.removeAll { $0.range.upperBound <= start }
        findSoundStart(reading)
    }

    // MARK: Pieces

    private mutating func addBlocks(_ reading: StoreReading) {
        var end = StreamPosition.start
        for row in rows {
            let file = reading.sealed[row.file]
            for (block, isSound) in file.blocks(of: row.stream) {
                guard block.position >= end else {
                    duplicates.append((file.path, block.fileOffset))
                    continue
                }
                addHole(from: end, to: block.position, file.path, row.byteOffset)
                pieces.append(.block(block, file: row.file))
                end = block.end
                if !isSound {
                    addHole(from: block.position, to: end, file.path, block.fileOffset, isReported: true)
                }
            }
            addHole(from: end, to: row.stream.tail, file.path, row.byteOffset)
            end = max(end, row.stream.tail)
        }
        fold.skip(to: end)
    }

    private mutating func addEntries(_ items: JournalItems) {
        for index in entries {
            let item = items.items[index]
            if item.start > tail {
                addHole(from: tail, to: item.start, items.path(of: item), Int(item.payloadOffset))
                fold.skip(to: item.start)
            }
            if !fold.add(item, of: items) {
                duplicates.append((items.path(of: item), Int(item.payloadOffset)))
            } else if item.payloadByteCount > 0 {
                pieces.append(.entry(index))
            }
        }
    }

    private mutating func addHole(
        from start: StreamPosition, to end: StreamPosition, _ path: String, _ byteOffset: Int,
        isReported: Bool = false
    ) {
        guard start < end else { return }
        holes.append(
            Hole(
                range: start..<end, path: path, byteOffset: byteOffset, nextPiece: pieces.count,
                isReported: isReported))
    }

    // MARK: What is whole

    /// A stream goes on behind its last hole: positions that were given out must not be given out again, and what is
    /// read must not jump. It must begin with an entry, too.
    private mutating func findSoundStart(_ reading: StoreReading) {
        soundStart = start
        guard let last = holes.last else { return }
        firstSoundPiece = last.nextPiece
        soundStart = max(start, last.range.upperBound)
        for piece in pieces[firstSoundPiece...] {
            guard case .block(let block, let file) = piece, !block.beginsEntry, block.position == soundStart,
                let decoded = try? reading.sealed[file].segment?.decode(block)
            else { return }
            // The rest of an entry, or a part of it that fills the block.
            var firstByteCount: Int?
            decoded.forEachPiece { range, _ in if firstByteCount == nil { firstByteCount = range.count } }
            soundStart = soundStart.advanced(by: firstByteCount ?? 0)
            guard soundStart == block.end else { return }
        }
    }

    /// The end of a piece.
    func end(of piece: Piece, _ items: JournalItems) -> StreamPosition {
        switch piece {
        case .block(let block, _): block.end
        case .entry(let index): items.items[index].start.advanced(by: Int(items.items[index].payloadByteCount))
        }
    }
}
