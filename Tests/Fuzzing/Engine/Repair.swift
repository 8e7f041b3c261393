/// Makes checksums right, so that a fuzzer gets past them.
enum Repair {
    static let storeIdentifier = StoreIdentifier(low: 0x0706_0504_0302_0100, high: 0x0F0E_0D0C_0B0A_0908)

    static func checksum(of bytes: ArraySlice<UInt8>, continuing seed: UInt32 = 0) -> UInt32 {
        var checksum = Checksum(continuing: seed)
        bytes.withUnsafeBytes { checksum.add($0) }
        return checksum.value
    }

    /// A header page of a journal segment, or its beginning.
    static func segmentHeader(_ file: inout [UInt8]) {
        guard file.count >= SegmentHeader.byteCount else { return }
        file.set(checksum(of: file[..<4092]), at: 4092)
    }

    static func sealedHeader(_ file: inout [UInt8]) {
        guard file.count >= SealedHeader.byteCount else { return }
        file.set(checksum(of: file[..<60]), at: 60)
    }

    /// A whole file: the header, the areas as far as they are in the file, the blocks, and the footer.
    static func sealedSegment(_ file: inout [UInt8]) {
        guard file.count >= SealedHeader.byteCount + SealedFooter.byteCount else { return }
        sealedHeader(&file)
        let seed = checksum(of: file[40..<56])
        let footer = file.count - SealedFooter.byteCount
        func offset(_ place: Int) -> Int { Int(clamping: file.integer(at: footer + place, as: UInt64.self)) }
        func area(_ start: Int, byteCount: Int) -> Range<Int>? {
            start >= 0 && start <= footer && byteCount <= footer - start ? start..<(start + byteCount) : nil
        }
        let blockCount = Int(file.integer(at: footer + 24, as: UInt32.self))
        if let index = area(offset(16), byteCount: blockCount * SealedBlock.rowByteCount) {
            for row in stride(from: index.lowerBound, to: index.upperBound, by: SealedBlock.rowByteCount) {
                let start = Int(clamping: file.integer(at: row + 8, as: UInt64.self))
                let byteCount = Int(file.integer(at: row + 16, as: UInt32.self))
                guard let stored = area(start, byteCount: byteCount) else { continue }
                file.set(checksum(of: file[stored], continuing: seed), at: row + 24)
            }
            file.set(checksum(of: file[index], continuing: seed), at: footer + 28)
        }
        let streamCount = Int(file.integer(at: footer + 40, as: UInt32.self))
        if let table = area(offset(32), byteCount: streamCount * SealedStream.rowByteCount) {
            file.set(checksum(of: file[table], continuing: seed), at: footer + 44)
        }
        if let rows = area(offset(48), byteCount: offset(56)) {
            file.set(checksum(of: file[rows], continuing: seed), at: footer + 64)
        }
        let header = checksum(of: file[..<SealedHeader.byteCount], continuing: seed)
        file.set(checksum(of: file[footer..<(footer + 124)], continuing: header), at: footer + 124)
    }

    /// Where a log goes on.
    struct Chain {
        var nextSequenceNumber: UInt64 = 1
        var previousChecksum: UInt32 = 0
        /// Whether the next frame is the first of the journal: there may be a gap before it.
        var isAtStart = true
    }

    /// Makes frames of whatever begins like one, from `offset` on.
    /// - Parameter chain: If there is one, the frames continue it; else their own numbers stay.
    static func frames(_ file: inout [UInt8], from start: Int, segmentNumber: UInt64, chain: inout Chain?) {
        var offset = start
        while offset + FrameHeader.byteCount <= file.count,
            file.integer(at: offset, as: UInt32.self) == FrameHeader.magic
        {
            let byteCount = Int(file.integer(at: offset + 8, as: UInt32.self))
            guard byteCount >= FrameHeader.byteCount, byteCount <= file.count - offset else { return }
            file.set(segmentNumber, at: offset + 16)
            if var known = chain {
                let own = file.integer(at: offset + 24, as: UInt64.self)
                if known.isAtStart, own > known.nextSequenceNumber { known.nextSequenceNumber = own }
                chain = known
                file.set(known.nextSequenceNumber, at: offset + 24)
                file.set(min(file.integer(at: offset + 32), known.nextSequenceNumber &- 1), at: offset + 32)
                file.set(known.previousChecksum, at: offset + 52)
            }
            let sum = checksum(
                of: file[(offset + 8)..<(offset + byteCount)], continuing: storeIdentifier.checksumSeed)
            file.set(sum, at: offset + 4)
            if let known = chain {
                let entryCount = UInt64(file.integer(at: offset + 48, as: UInt32.self))
                chain = Chain(
                    nextSequenceNumber: known.nextSequenceNumber &+ entryCount, previousChecksum: sum, isAtStart: false)
            }
            offset += byteCount.roundedUp(to: FrameHeader.alignment)
        }
    }

    /// Makes sure that no frame of a segment to come is in a file, which may be used again: only a log with the store's
    /// identifier could have written it, and its numbers only rise.
    static func spoilFrames(_ file: inout [UInt8]) {
        for offset in stride(from: 0, through: file.count - FrameHeader.byteCount, by: FrameHeader.alignment)
        where file.integer(at: offset, as: UInt32.self) == FrameHeader.magic {
            file.set(UInt64(0), at: offset + 16)
        }
    }
}
