/// Writes several neighbouring sealed segments as one, without what nobody needs any more: the rows and bytes of deleted
/// streams, rows that a newer one replaces, and bytes before the start of their stream. Blocks are copied without being
/// decoded.
///
/// Used by the maintenance's thread.
struct SegmentMerger {
    let inputs: ArraySlice<SealedLedger.Item>
    let needsTombstone: (StreamNumber) -> Bool
    let checkpoint: () throws(MaintenanceFailure) -> Void
    /// The streams of the rows that were written, in their order; nil for a tombstone.
    private(set) var streams: [LogStream?] = []

    init(
        inputs: ArraySlice<SealedLedger.Item>, needsTombstone: @escaping (StreamNumber) -> Bool,
        checkpoint: @escaping () throws(MaintenanceFailure) -> Void
    ) {
        self.inputs = inputs
        self.needsTombstone = needsTombstone
        self.checkpoint = checkpoint
    }

    private struct Row {
        var segment: SealedSegment
        var stream: SealedStream
        var logStream: LogStream?
    }

    /// Puts everything into the writer but the end of the file.
    mutating func write(to writer: SealedSegmentWriter) throws(MaintenanceFailure) {
        var tables = SealedTables(inputs.map(\.segment))
        while let number = tables.nextNumber {
            var rows: [Row] = []
            tables.forEachRow(of: number) { input, row, stream in
                let item = inputs[inputs.startIndex + input]
                rows.append(Row(segment: item.segment, stream: stream, logStream: item.streams[row]))
            }
            tables.advance(past: number)
            try write(rows, of: number, to: writer)
            try checkpoint()
        }
    }

    private mutating func write(
        _ rows: [Row], of number: StreamNumber, to writer: SealedSegmentWriter
    ) throws(MaintenanceFailure) {
        if rows.contains(where: \.stream.isTombstone) {
            guard needsTombstone(number) else { return }
            writer.addTombstone(number)
            streams.append(nil)
            return
        }
        // Where nobody uses any of the rows, a tombstone or a newer row is in a later segment.
        guard let logStream = rows.lazy.compactMap(\.logStream).first, let newest = rows.last else { return }
        let start = min(newest.stream.tail, max(newest.stream.start, logStream.start))
        writer.beginStream(number)
        for row in rows {
            for index in row.stream.firstBlock..<(row.stream.firstBlock + row.stream.blockCount) {
                let block = row.segment.block(at: index)
                guard block.end > start else { continue }
                try copy(block, from: row.segment, to: writer)
                try checkpoint()
            }
        }
        do throws(FileSystemError) {
            try writer.endStream(
                row: newest.segment.row(of: newest.stream), start: start, tail: newest.stream.tail,
                newestCommitAt: newest.stream.newestCommitAt)
        } catch {
            throw .system(error)
        }
        streams.append(logStream)
    }

    private func copy(
        _ block: SealedBlock, from segment: SealedSegment, to writer: SealedSegmentWriter
    ) throws(MaintenanceFailure) {
        do throws(SealedWriteError) {
            try writer.copy(block, from: segment)
        } catch {
            switch error {
            case .system(let error): throw .system(error)
            case .damaged(let error): throw .damaged(error)
            }
        }
    }
}
