/// The file of a sealed segment, read as far as it verifies.
struct SealedFile {
    let identity: SealedIdentity
    let path: String
    private(set) var mapping: (any FileMapping)?
    /// As a header that verifies has it.
    private(set) var storeIdentifier: StoreIdentifier?
    /// Where the header does not verify: what may be left of it.
    private(set) var possibleIdentifier: StoreIdentifier?
    /// Nil if nothing of the file can be used.
    private(set) var segment: SealedSegment?
    /// Whether sequence numbers and the last checksum are as they were written.
    private(set) var footerIsSound = false
    private(set) var unsoundParts: Set<SealedSegmentVerification.Part> = []
    /// Of the block index, where that verifies.
    private(set) var damagedBlocks: Set<Int> = []

    private(set) var findings = FindingList()

    init(_ identity: SealedIdentity, inDirectory directory: String) {
        self.identity = identity
        path = "\(directory)/\(identity.name())"
    }

    var byteCount: Int { mapping?.bytes.count ?? 0 }
    /// Whether it can be told which streams are in it.
    var isUsable: Bool { segment != nil && !unsoundParts.contains(.table) }
    var rowsAreSound: Bool { !unsoundParts.contains(.rows) }
    var indexIsSound: Bool { !unsoundParts.contains(.index) }

    mutating func open(
        _ fileSystem: any FileSystem, readsAhead: Bool, progress: (Int) -> Void
    ) throws(LogInspectionError) {
        let rescued: RescuedFile?
        do throws(FileSystemError) {
            rescued = try RescuedFile.open(path, readsAhead: readsAhead, fileSystem: fileSystem, progress: progress)
        } catch {
            throw .system(error)
        }
        guard let rescued else { return findings.addDamage(path, 0, "the file is empty") }
        for (range, error) in rescued.unreadable {
            findings.addDamage(path, range.lowerBound, "\(range.count) bytes cannot be read: \(error)")
        }
        mapping = rescued.mapping
        do throws(SealedRefusal) {
            let header = try SealedHeader.decode(rescued.mapping.bytes)
            guard header.identity == identity else {
                return findings.addDamage(path, 16, "the file holds \(header.identity.name())")
            }
            storeIdentifier = header.storeIdentifier
        } catch {
            try report(error)
            var reader = ByteReader(rescued.mapping.bytes, at: min(40, byteCount))
            if let low = reader.next(UInt64.self), let high = reader.next(UInt64.self) {
                possibleIdentifier = StoreIdentifier(low: low, high: high)
            }
        }
    }

    /// Verifies everything but the blocks.
    /// - Parameter identifier: That of the store.
    mutating func verify(_ identifier: StoreIdentifier) throws(LogInspectionError) {
        guard let mapping else { return }
        if let storeIdentifier, storeIdentifier != identifier {
            return findings.addDamage(path, 40, "the segment belongs to another store")
        }
        let bytes = mapping.bytes
        let header = SealedHeader(identity: identity, storeIdentifier: identifier)
        var footer: SealedFooter?
        do throws(SealedRefusal) {
            footer = try SealedFooter.decode(bytes, storeIdentifier: identifier, verifiedHeader: header.encode())
            footerIsSound = true
        } catch {
            try report(error)
            footer = SealedFooter.decodeUnverified(bytes)
        }
        guard let footer else { return }
        var verification = SealedSegmentVerification(
            bytes: bytes, footer: footer, checksumSeed: identifier.checksumSeed)
        var faults: [(SealedSegmentVerification.Part, SealedRefusal)] = []
        verification.run { faults.append(($0, $1)) }
        for (part, refusal) in faults {
            unsoundParts.insert(part)
            try report(refusal)
        }
        segment = SealedSegment(path: path, mapping: mapping, header: header, footer: footer)
    }

    /// Decodes every block.
    /// - Parameter progress: Called with the number of bytes that were read since the last call.
    mutating func verifyBlocks(progress: (Int) -> Void) {
        guard let segment, indexIsSound else { return }
        for index in 0..<segment.blockCount {
            let block = segment.block(at: index)
            do throws(LogReadError) {
                _ = try segment.decode(block)
            } catch {
                damagedBlocks.insert(index)
                findings.addDamage(path, error.byteOffset, error.reason)
            }
            progress(block.storedByteCount)
        }
    }

    /// Whether the footer verifies with this identifier.
    func agrees(with identifier: StoreIdentifier) -> Bool {
        guard let mapping else { return false }
        let header = SealedHeader(identity: identity, storeIdentifier: identifier).encode()
        return (try? SealedFooter.decode(mapping.bytes, storeIdentifier: identifier, verifiedHeader: header)) != nil
    }

    // MARK: Blocks of one stream

    /// The stream's blocks, and whether each is as it was written (as far as ``verifyBlocks(progress:)`` was called).
    ///
    /// Where the index does not verify, each block still has a checksum of its own, but nothing says where in the
    /// stream it belongs. The blocks end at the tail, though, and follow each other: so those from the last one back to
    /// the first that does not fit are given.
    func blocks(of stream: SealedStream) -> [(block: SealedBlock, isSound: Bool)] {
        guard let segment else { return [] }
        let indices = stream.blocks.clamped(to: 0..<segment.blockCount)
        if indexIsSound { return indices.map { (segment.block(at: $0), !damagedBlocks.contains($0)) } }
        var blocks: [(block: SealedBlock, isSound: Bool)] = []
        var end = stream.tail
        for index in indices.reversed() {
            var block = segment.block(at: index)
            guard block.hasValidLengths, block.position < block.end, block.end == end,
                let decoded = try? segment.decode(block), continues(block, decoded, blocks.last?.block)
            else { break }
            block.committedAt = min(block.committedAt, stream.newestCommitAt)
            blocks.append((block, true))
            end = block.position
        }
        return blocks.reversed()
    }

    /// Whether the next block, of a damaged index too, says of its start what the end of this one says.
    private func continues(_ block: SealedBlock, _ decoded: DecodedBlock, _ next: SealedBlock?) -> Bool {
        guard let next, !next.beginsEntry else { return true }
        var endsAppend = false
        decoded.forEachPiece { _, ends in endsAppend = ends }
        return !endsAppend
    }

    private mutating func report(_ refusal: SealedRefusal) throws(LogInspectionError) {
        switch refusal {
        case .damaged(let byteOffset, let reason): findings.addDamage(path, byteOffset, reason)
        case .unsupportedVersion(let version):
            // A flipped bit in the version is damage; a whole header of another version is not.
            if let mapping, SealedHeader.isIntact(mapping.bytes) {
                throw .unsupportedVersion(path: path, version: version)
            }
            findings.addDamage(path, 8, "the format version \(version) is not known")
        }
    }
}
