extension SealedSegment {
    /// Opens and maps a file, and verifies all of it but the blocks: header and footer, the zeros between the parts,
    /// the checksums of index, table and rows, and what the format says of their order and ranges.
    ///
    /// - Parameter identity: What the file's name says.
    static func open(
        _ path: String, identity: SealedIdentity, fileSystem: any FileSystem
    ) throws(LogOpenError) -> SealedSegment {
        let mapping = try map(path, fileSystem)
        let header: SealedHeader
        let footer: SealedFooter
        do throws(SealedRefusal) {
            header = try SealedHeader.decode(mapping.bytes)
            footer = try SealedFooter.decode(mapping.bytes, storeIdentifier: header.storeIdentifier)
            var verification = SealedSegmentVerification(
                bytes: mapping.bytes, footer: footer, checksumSeed: header.storeIdentifier.checksumSeed)
            try verification.run()
        } catch {
            switch error {
            case .damaged(let byteOffset, let reason):
                throw .corrupt(path: path, byteOffset: byteOffset, reason: reason)
            case .unsupportedVersion(let version):
                throw .unsupportedVersion(path: path, version: version)
            }
        }
        guard header.identity == identity else {
            throw .corrupt(path: path, byteOffset: 16, reason: "the file holds \(header.identity.name())")
        }
        return SealedSegment(path: path, mapping: mapping, header: header, footer: footer)
    }

    private static func map(_ path: String, _ fileSystem: any FileSystem) throws(LogOpenError) -> any FileMapping {
        do throws(FileSystemError) {
            let file = try fileSystem.openFileForReading(path)
            let byteCount = try file.byteCount()
            // An empty file cannot be mapped.
            if byteCount > 0 { return try file.map(byteCount: byteCount) }
        } catch {
            throw .system(error)
        }
        throw .corrupt(path: path, byteOffset: 0, reason: "the file is empty")
    }
}

/// Checks the index, the table and the rows of a sealed segment whose header and footer are verified.
struct SealedSegmentVerification {
    let bytes: UnsafeRawBufferPointer
    let footer: SealedFooter
    let checksumSeed: UInt32

    /// Where the next of each kind has to be.
    private var nextBlock = 0
    /// Nil behind a damaged row: anywhere.
    private var nextBlockOffset: Int? = SealedHeader.byteCount
    private var nextRowOffset = 0
    private var previousNumber: StreamNumber?

    init(bytes: UnsafeRawBufferPointer, footer: SealedFooter, checksumSeed: UInt32) {
        self.bytes = bytes
        self.footer = footer
        self.checksumSeed = checksumSeed
    }

    /// What of a file has a check of its own.
    enum Part: CaseIterable { case blockPadding, rowPadding, index, table, rows }

    mutating func run() throws(SealedRefusal) {
        for part in Part.allCases { try check(part) }
        for row in 0..<footer.streamCount {
            if let stream = try checkRow(row) { try checkBlocks(of: stream) }
        }
        try checkEnds()
    }

    /// As ``run()``, but reports every fault and goes on behind it, as far as what follows can be told then.
    mutating func run(report: (Part, SealedRefusal) -> Void) {
        var tableIsSound = true
        for part in Part.allCases {
            do throws(SealedRefusal) {
                try check(part)
            } catch {
                report(part, error)
                if part == .table { tableIsSound = false }
            }
        }
        guard tableIsSound else { return }
        do throws(SealedRefusal) {
            for row in 0..<footer.streamCount {
                guard let stream = try checkRow(row) else { continue }
                do throws(SealedRefusal) {
                    try checkBlocks(of: stream)
                } catch {
                    report(.index, error)
                    nextBlock = stream.blocks.upperBound
                    nextBlockOffset = nil
                }
            }
            try checkEnds()
        } catch {
            report(.table, error)
        }
    }

    private func check(_ part: Part) throws(SealedRefusal) {
        switch part {
        case .blockPadding: try expectZeros(footer.blocksEnd..<footer.indexOffset)
        case .rowPadding: try expectZeros(footer.rowsEnd..<(bytes.count - SealedFooter.byteCount))
        case .index:
            try expectChecksum(footer.indexChecksum, of: footer.indexOffset..<footer.tableOffset, "block index")
        case .table:
            try expectChecksum(footer.tableChecksum, of: footer.tableOffset..<footer.rowsOffset, "stream table")
        case .rows: try expectChecksum(footer.rowsChecksum, of: footer.rowsOffset..<footer.rowsEnd, "row area")
        }
    }

    private func checkEnds() throws(SealedRefusal) {
        guard nextBlock == footer.blockCount else {
            throw .damaged(byteOffset: blockRowOffset(nextBlock), reason: "the block belongs to no stream")
        }
        guard (nextBlockOffset ?? footer.blocksEnd) == footer.blocksEnd else {
            throw .damaged(byteOffset: nextBlockOffset ?? 0, reason: "the last block does not end where the blocks end")
        }
        guard nextRowOffset == footer.rowsByteCount else {
            throw .damaged(byteOffset: footer.rowsOffset + nextRowOffset, reason: "the row belongs to no stream")
        }
    }

    /// Checks a row of the stream table, and returns it if it is no tombstone.
    private mutating func checkRow(_ row: Int) throws(SealedRefusal) -> SealedStream? {
        let rowOffset = footer.tableOffset + row * SealedStream.rowByteCount
        func refusal(_ reason: String) -> SealedRefusal { .damaged(byteOffset: rowOffset, reason: reason) }
        var reader = ByteReader(bytes, at: rowOffset)
        guard let stream = SealedStream.decode(&reader) else {
            throw refusal("the row of the stream table is malformed")
        }
        if let previousNumber, previousNumber.rawValue >= stream.number.rawValue {
            throw refusal("the stream numbers do not rise")
        }
        previousNumber = stream.number
        if stream.isTombstone { return nil }
        guard stream.rowOffset == nextRowOffset, stream.rowByteCount <= footer.rowsByteCount - nextRowOffset else {
            throw refusal("the stream's row is not where the one before it ends")
        }
        nextRowOffset += stream.rowByteCount
        guard stream.firstBlock == (stream.blockCount == 0 ? 0 : nextBlock),
            stream.blockCount <= footer.blockCount - nextBlock
        else { throw refusal("the stream's blocks are not where those before them end") }
        return stream
    }

    private mutating func checkBlocks(of stream: SealedStream) throws(SealedRefusal) {
        var nextPosition: StreamPosition?
        for index in stream.blocks {
            let rowOffset = blockRowOffset(index)
            func refusal(_ reason: String) -> SealedRefusal { .damaged(byteOffset: rowOffset, reason: reason) }
            var reader = ByteReader(bytes, at: rowOffset)
            guard let block = SealedBlock.decode(&reader), block.hasValidLengths else {
                throw refusal("the row of the block index is malformed")
            }
            guard block.fileOffset == nextBlockOffset ?? block.fileOffset, block.fileOffset <= footer.blocksEnd,
                block.storedByteCount <= footer.blocksEnd - block.fileOffset
            else { throw refusal("the block is not where the one before it ends") }
            guard nextPosition == nil || block.position == nextPosition else {
                throw refusal("the block's position is not where the one before it ends")
            }
            guard block.position <= stream.tail,
                UInt64(block.payloadByteCount) <= stream.tail.rawValue - block.position.rawValue
            else { throw refusal("the block ends after the tail of its stream") }
            nextPosition = block.end
            nextBlockOffset = block.fileOffset + block.storedByteCount
        }
        nextBlock += stream.blockCount
    }

    private func blockRowOffset(_ index: Int) -> Int { footer.indexOffset + index * SealedBlock.rowByteCount }

    private func expectZeros(_ range: Range<Int>) throws(SealedRefusal) {
        for offset in range where bytes[offset] != 0 {
            throw .damaged(byteOffset: offset, reason: "the padding is not zero")
        }
    }

    private func expectChecksum(_ expected: UInt32, of range: Range<Int>, _ part: String) throws(SealedRefusal) {
        var checksum = Checksum(continuing: checksumSeed)
        checksum.add(UnsafeRawBufferPointer(rebasing: bytes[range]))
        guard checksum.value == expected else {
            throw .damaged(byteOffset: range.lowerBound, reason: "the checksum of the \(part) is wrong")
        }
    }
}
