/// What a read needs of a stream's index: taken under the stream's lock, looked at outside of it, because finding a
/// position in a sealed segment may wait for the disk.
struct ReadPlaces {
    struct Sealed {
        var segment: SealedSegment
        var row: Int
        /// Where the stretch ends; beyond it nothing is read from this segment.
        var end: StreamPosition
    }

    struct Journal {
        var segment: JournalSegment
        var fileOffset: Int
        var byteCount: Int
    }

    var start: StreamPosition
    var sealed: [Sealed] = []
    var journal: [Journal] = []
}

extension StreamIndex {
    /// The places of the bytes from `position` on, up to `end`, as many as a read of so many bytes can need.
    func places(
        from position: StreamPosition, upTo end: StreamPosition, byteCountLimit: Int, splitsEntries: Bool,
        in table: SegmentTable
    ) -> ReadPlaces {
        var places = ReadPlaces(start: max(position, start))
        guard places.start < end else { return places }
        let journalStart = self.journalStart
        if places.start < journalStart, !extents.isEmpty {
            let limitEnd = places.start.rawValue.addingReportingOverflow(UInt64(byteCountLimit))
            var extent = extentIndex(holding: places.start)
            while extent < extents.count, extents[extent].position < end,
                limitEnd.overflow || extents[extent].position.rawValue <= limitEnd.partialValue,
                let segment = table[extents[extent].segment]
            {
                let extentEnd = self.end(ofExtent: extent)
                if extentEnd > extents[extent].position {
                    places.sealed.append(
                        .init(segment: segment, row: Int(extents[extent].row), end: min(extentEnd, end)))
                }
                extent += 1
            }
        }
        let sealedByteCount = places.start < journalStart ? journalStart.distance(from: places.start) : 0
        if sealedByteCount < byteCountLimit, journalStart < end {
            places.journal = journalPlaces(
                from: max(places.start, journalStart), upTo: end, byteCountLimit: byteCountLimit - sealedByteCount,
                isFirst: sealedByteCount == 0, splitsEntries: splitsEntries, in: table)
        }
        return places
    }

    private func journalPlaces(
        from position: StreamPosition, upTo end: StreamPosition, byteCountLimit: Int, isFirst: Bool,
        splitsEntries: Bool, in table: SegmentTable
    ) -> [ReadPlaces.Journal] {
        var places: [ReadPlaces.Journal] = []
        var position = position
        var room = byteCountLimit
        var run = journal.runIndex(containing: position)
        while run < journal.runs.count, room > 0, position < end {
            let piece = journal.runs[run]
            let skipped = position.distance(from: piece.position)
            var byteCount = min(Int(piece.byteCount) - skipped, end.distance(from: position))
            if byteCount > room {
                if splitsEntries {
                    byteCount = room
                } else if !(isFirst && places.isEmpty) {
                    break
                }
            }
            let known = places.last?.segment
            guard let segment = known?.number == UInt64(piece.segmentNumber) ? known : table[piece.segmentNumber]
            else { break }
            places.append(
                .init(segment: segment, fileOffset: Int(piece.fileOffset) + skipped, byteCount: byteCount))
            position = position.advanced(by: byteCount)
            room -= byteCount
            run += 1
        }
        return places
    }
}

extension LogRead {
    /// Adds what is wanted of a sealed segment. False if the read ends here because it is long enough.
    mutating func add(_ places: ReadPlaces.Sealed, byteCountLimit: Int, splitsEntries: Bool) -> Bool {
        let segment = places.segment
        let stream = segment.stream(at: places.row)
        guard stream.blockCount > 0, end < places.end else { return true }
        var block = segment.blockIndex(holding: end, of: stream)
        // Where the last entry begins that is not there as a whole, in pieces and bytes of the read.
        var entryStart = (pieceCount: pieceCount, byteCount: byteCount)
        while block < stream.firstBlock + stream.blockCount, end < places.end {
            let found = segment.block(at: block)
            if found.beginsEntry { entryStart = (pieceCount, byteCount) }
            let skipped = end.distance(from: found.position)
            var wanted = min(found.payloadByteCount - skipped, places.end.distance(from: end))
            let room = byteCountLimit - byteCount
            if wanted > room {
                if splitsEntries {
                    wanted = room
                } else if entryStart.byteCount > 0 {
                    cut(toPieceCount: entryStart.pieceCount, byteCount: entryStart.byteCount)
                    return false
                } else if found.beginsEntry, byteCount > 0 {
                    return false
                }
            }
            guard wanted > 0 else { return false }
            add(segment, block: block, skippedByteCount: skipped, byteCount: wanted)
            // Perhaps within the block: then the next one does not begin where the read ends.
            if splitsEntries, byteCount == byteCountLimit { return false }
            block += 1
        }
        return true
    }
}
