extension SealedSegment {
    /// What the segment has of the stream in a row of its table.
    func extent(ofStreamAt row: Int, in handle: SealedSegmentHandle) -> SealedExtent {
        let stream = stream(at: row)
        let position = stream.blockCount > 0 ? block(at: stream.firstBlock).position : stream.tail
        return SealedExtent(position: position, segment: handle, row: UInt32(row))
    }

    /// Where the row is in the file.
    func offset(ofStreamAt row: Int) -> Int { footer.tableOffset + row * SealedStream.rowByteCount }

    /// Whether finding a position of the stream now would not wait for the disk, as far as can be told.
    func indexIsResident(ofStreamAt row: Int) -> Bool {
        let start = offset(ofStreamAt: row)
        guard mapping.isResident(start..<(start + SealedStream.rowByteCount)) else { return false }
        return indexIsResident(of: stream(at: row))
    }
}
