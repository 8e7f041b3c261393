/// Where entries and appends begin and end. These look into blocks and frames, so they may wait for the disk.
extension LogStream {
    /// The last place at or before `position` where an entry begins, as far as it is known: in the journal, entries of one
    /// stream that came one after the other count as one, of at most 64 KiB. Between that place and the end of a read
    /// that does not split entries, the bytes are whole entries.
    public func entryStart(atOrBefore position: StreamPosition) throws(LogReadError) -> StreamPosition {
        switch place(of: position) {
        case .none: return min(position, tail)
        case .journal(_, let run, let start): return max(run.position, start)
        case .sealed(let segment, let row):
            let stream = segment.stream(at: row)
            guard stream.blockCount > 0 else { return min(position, tail) }
            var index = segment.blockIndex(holding: position, of: stream)
            var start: StreamPosition?
            while true {
                let block = segment.block(at: index)
                let decoded = try segments.cache.block(index, of: segment)
                var isFirst = true
                decoded.forEachPiece { range, _ in
                    let piece = block.position.advanced(by: range.lowerBound)
                    if piece <= position, !isFirst || block.beginsEntry { start = piece }
                    isFirst = false
                }
                if let start { return start }
                guard index > stream.firstBlock else { return block.position }
                index -= 1
            }
        }
    }

    /// The end of the append that holds the byte at `position`. Nil where there is none: at the tail, or before the start.
    public func appendEnd(holding position: StreamPosition) throws(LogReadError) -> StreamPosition? {
        switch place(of: position) {
        case .none: return nil
        case .journal(let segment, let run, _): return appendEnd(holding: position, in: segment, run)
        case .sealed(let segment, let row):
            let stream = segment.stream(at: row)
            guard stream.blockCount > 0 else { return nil }
            for index in segment.blockIndex(holding: position, of: stream)..<(stream.firstBlock + stream.blockCount) {
                let block = segment.block(at: index)
                var end: StreamPosition?
                try segments.cache.block(index, of: segment).forEachPiece { range, endsAppend in
                    let pieceEnd = block.position.advanced(by: range.upperBound)
                    if endsAppend, pieceEnd > position, end == nil { end = pieceEnd }
                }
                if let end { return end }
            }
            return nil
        }
    }

    private func appendEnd(
        holding position: StreamPosition, in segment: JournalSegment, _ run: DenseIndex.Run
    ) -> StreamPosition? {
        // The frame with the run's bytes: the last one that begins before them. Frames of this segment were verified
        // when it was read, or written by this process.
        var offset = SegmentHeader.byteCount
        while offset < Int(run.fileOffset),
            let frame = FrameHeader.decode(
                UnsafeRawBufferPointer(rebasing: segment.bytes[offset...]), segmentNumber: segment.number)
        {
            if offset + frame.frameByteCount > Int(run.fileOffset) {
                var entries = EntryCursor(segment.bytes, frame: frame, at: offset)
                while let (entry, _) = entries.next() {
                    guard entry.streamNumber == number, entry.kind == .append, !entry.continues else { continue }
                    let end = entry.position.advanced(by: entry.payloadByteCount)
                    if end > position { return end }
                }
                return nil
            }
            offset += frame.paddedByteCount
        }
        return nil
    }

    private enum Place: Sendable {
        case none
        /// The first entries of the run may be before the start of the stream.
        case journal(JournalSegment, DenseIndex.Run, start: StreamPosition)
        case sealed(SealedSegment, row: Int)
    }

    private func place(of position: StreamPosition) -> Place {
        withIndex { index in
            // The end of a stream empties its journal part at once and its extents later, so that between the two an extent
            // seems to go on up to the tail.
            guard !index.isDeleted, position >= index.start, position < index.tail else { return .none }
            if position >= index.journalStart {
                let run = index.journal.runs[index.journal.runIndex(containing: position)]
                return segments[run.segmentNumber].map { .journal($0, run, start: index.start) } ?? .none
            }
            guard !index.extents.isEmpty else { return .none }
            let extent = index.extents[index.extentIndex(holding: position)]
            return segments[extent.segment].map { .sealed($0, row: Int(extent.row)) } ?? .none
        }
    }
}
