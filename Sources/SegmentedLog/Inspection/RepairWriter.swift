/// Writes the sealed segment that takes the place of a damaged store.
struct RepairWriter {
    let plan: RepairPlan
    /// Where it is written.
    let path: String
    let fileSystem: any FileSystem
    let progress: (LogProgress) -> Void

    private var reading: StoreReading { plan.survey.reading }

    /// The new segment covers the numbers of all others, in a generation above theirs.
    static func identity(of reading: StoreReading) throws(LogInspectionError) -> SealedIdentity {
        guard reading.storeIdentifier != nil else {
            throw .beyondRepair(reason: "no file says which store this is")
        }
        let listing = reading.listing
        let numbers = listing.journal.map(\.number)
        let first = (listing.sealed.map(\.first) + numbers).min() ?? 1
        let last = max(first, listing.largestNumber)
        let unfinished = listing.unfinished.compactMap { SealedIdentity.parse($0, suffix: "sealing") }
        let generation = (listing.sealed + unfinished).map { $0.generation + 1 }.max() ?? 0
        let identity = SealedIdentity(first: first, last: last, generation: generation)
        guard identity.isValid else { throw .beyondRepair(reason: "there is no number left for a new segment") }
        return identity
    }

    /// Writes the file, makes it durable, and reads it back.
    func write(_ identity: SealedIdentity, _ report: inout LogRepair.Report) throws(LogInspectionError) {
        let file: any LogFile
        do throws(FileSystemError) { file = try fileSystem.createFile(path) } catch { throw .system(error) }
        do throws(LogInspectionError) {
            try fill(file, identity, &report)
            try Self.verify(path, identity, fileSystem)
        } catch {
            // Worthless, and removed by whoever opens the store next if it cannot be removed now.
            try? fileSystem.unlink(path)
            throw error
        }
    }

    /// Whether a segment that was written for a repair is as it must be, to the last block.
    static func verify(
        _ path: String, _ identity: SealedIdentity, _ fileSystem: any FileSystem
    ) throws(LogInspectionError) {
        var fault: String?
        do throws(LogOpenError) {
            try SealedSegment.open(path, identity: identity, fileSystem: fileSystem).verifyBlocks { fault = "\($0)" }
        } catch {
            if case .system(let error) = error { throw .system(error) }
            fault = "\(error)"
        }
        if let fault { throw .beyondRepair(reason: "what the repair has written cannot be read: \(fault)") }
    }

    private func fill(
        _ file: any LogFile, _ identity: SealedIdentity, _ report: inout LogRepair.Report
    ) throws(LogInspectionError) {
        var reporter = ProgressReporter(.writing)
        let writer = SealedSegmentWriter(
            identity: identity, storeIdentifier: reading.storeIdentifier!, file: file,
            willWrite: { reporter.add($0, progress) })
        var losses: [LogRepair.Loss] = []
        var lastNumber: UInt64 = 0
        try plan.forEachStream(report: { losses.append($0) }) { (account, row) throws(LogInspectionError) in
            try write(account, row, to: writer)
            report.keptStreamCount += 1
            lastNumber = account.number.rawValue
        }
        report.losses = losses
        let end = max(endSequenceNumber, LogSequenceNumber(rawValue: lastNumber + 1))
        do throws(FileSystemError) {
            try writer.finish(
                firstSequenceNumber: min(firstSequenceNumber, end), endSequenceNumber: end,
                lastFrameChecksum: reading.journal.lastFrameChecksum)
        } catch {
            throw .system(error)
        }
    }

    private func write(
        _ account: StreamAccount, _ row: [UInt8], to writer: SealedSegmentWriter
    ) throws(LogInspectionError) {
        let items = reading.journal.items
        writer.beginStream(account.number)
        do throws(SealedWriteError) {
            for piece in account.pieces[account.firstSoundPiece...]
            where account.end(of: piece, items) > account.soundStart {
                switch piece {
                case .block(let block, let index):
                    guard let segment = reading.sealed[index].segment else { continue }
                    try writer.copy(block, from: segment)
                case .entry(let index):
                    try system { () throws(FileSystemError) in try writer.add(items.items[index], of: items) }
                }
            }
            try row.withUnsafeBufferPointer { (row) throws(SealedWriteError) in
                try system { () throws(FileSystemError) in
                    try writer.endStream(
                        row: UnsafeRawBufferPointer(row), start: account.soundStart, tail: account.tail,
                        newestCommitAt: account.fold.changes.newestCommitAt)
                }
            }
        } catch {
            switch error {
            case .system(let error): throw .system(error)
            case .damaged(let error): throw .beyondRepair(reason: "a file changes while it is read: \(error)")
            }
        }
    }

    private func system(_ body: () throws(FileSystemError) -> Void) throws(SealedWriteError) {
        do throws(FileSystemError) { try body() } catch { throw .system(error) }
    }

    // MARK: Sequence numbers

    private var firstSequenceNumber: LogSequenceNumber {
        let sealed = reading.sealed.first { $0.footerIsSound }?.segment?.firstSequenceNumber
        let journal = reading.journal.figures.lazy.compactMap(\.firstSequenceNumber).first
        return sealed ?? journal ?? LogSequenceNumber(rawValue: 1)
    }

    /// Above all that were given out, as far as can be told: they are the numbers of streams, too.
    private var endSequenceNumber: LogSequenceNumber {
        reading.sealed.reduce(reading.journal.sequenceNumberLimit) { limit, file in
            if file.footerIsSound, let end = file.segment?.endSequenceNumber { return max(limit, end) }
            // As many as can have been in the journal segments that it was made of, were they as large as can be.
            let segmentCount = min(file.identity.last - file.identity.first, 1 << 10) + 1
            return limit.advanced(by: Int(segmentCount) * SegmentSize.byteCountLimit / Entry.headerByteCount)
        }
    }
}
