/// Opening: finds the files of a store, checks them, replays the journal, and brings the directory into the state in
/// which appends can go on. Every step can be repeated after a crash in the middle of it.
struct LogRecovery {
    let path: String
    let fileSystem: any FileSystem
    let configuration: LogConfiguration

    let recoverRow: (RecoveredStream) throws(RecoveryRefusal) -> Void
    let recover: (RecoveredEntry) throws(RecoveryRefusal) -> Void

    struct Result {
        var directory: SegmentDirectory
        var table: SegmentTable
        var end: RecoveredEnd
        var spare: JournalSegment?
        var reusable: [SegmentProvisioner.ReusableFile]
        var nextSegmentNumber: UInt64
        var streamCount: Int
        var ledger: SealedLedger
        /// Segments that are to be sealed.
        var full: [SegmentMaintenance.FullSegment] = []
        /// What the journal did to streams in sealed segments.
        var changes: [SegmentMaintenance.Change] = []
    }

    func run() throws(LogOpenError) -> Result {
        // The names that are found may be in memory only, left there by a process that was killed before its sync. What
        // is removed or written from now on relies on them.
        try system { () throws(FileSystemError) in try fileSystem.synchronizeDirectory(path) }
        let listing = try listFiles()
        let table = SegmentTable(cache: BlockCache(byteCountLimit: configuration.blockCacheByteCountLimit))
        let (sealed, superseded) = try openSealedSegments(listing)
        let segments = try openJournal(listing, after: sealed)
        let storeIdentifier = try commonIdentifier(of: segments, sealed)
        let directory = SegmentDirectory(path: path, fileSystem: fileSystem, storeIdentifier: storeIdentifier)
        try remove(superseded, listing, after: sealed, in: directory)
        var reusable = reusableFiles(try listFiles(), in: directory)
        var next = listing.largestNumber + 1
        var streams = SealedRecovery(segments: sealed, table: table, recoverRow: recoverRow)
        try streams.run()

        guard !segments.isEmpty else {
            if let hole = streams.holes.values.first { throw hole.error }
            let first = try system { () throws(FileSystemError) in
                try directory.createSegment(next, byteCount: configuration.segmentByteCount)
            }
            table.insert(first)
            return Result(
                directory: directory, table: table,
                end: RecoveredEnd(newSegment: first, after: sealed.last?.journalEnd), spare: nil,
                reusable: reusable, nextSegmentNumber: next + 1, streamCount: streams.streams.count,
                ledger: streams.ledger())
        }

        for segment in segments { table.insert(segment.segment) }
        var replay = JournalReplay(
            segments: segments.map(\.segment), storeIdentifier: storeIdentifier, directoryPath: path, table: table,
            sealed: sealed.last.map { .init(end: $0.journalEnd, streams: streams.streams) }, holes: streams.holes,
            recover: recover)
        let end: JournalEnd
        do throws(LogOpenError) {
            end = try replay.run()
        } catch {
            // Segments and streams hold each other: without this, the files of a refused store would stay mapped.
            for segment in segments { segment.segment.touchedStreams = [] }
            throw error
        }
        let last = segments[end.segmentIndex].segment
        try system { () throws(FileSystemError) in
            try clear(end, in: last)
            try writeAgain(end, in: last)
            try synchronize(segments[...end.segmentIndex].map(\.segment))
        }
        let passedOver = replay.passedOver.map { segments[$0].segment }
        try recycle(passedOver, in: directory, table: table, &reusable)
        let spare = try settle(
            Array(segments[(end.segmentIndex + 1)...].map(\.segment)), hasDropped: end.droppedByteCount > 0,
            directory: directory, table: table, reusable: &reusable)
        if let spare { next = max(next, spare.number + 1) }
        report(end, replay, last, sealedSegmentCount: sealed.count)
        let start = sealed.last?.journalEnd
        return Result(
            directory: directory, table: table,
            end: RecoveredEnd(
                segment: last, offset: end.offset, segmentIsEmpty: end.offset == SegmentHeader.byteCount,
                previousChecksum: replay.nextSequenceNumber == nil
                    ? start?.lastFrameChecksum ?? 0 : replay.previousChecksum,
                lastSequenceNumber: (replay.nextSequenceNumber ?? start?.sequenceNumber)?.previous ?? .none),
            spare: spare, reusable: reusable, nextSegmentNumber: next, streamCount: replay.streamCount,
            ledger: streams.ledger(), full: replay.full, changes: replay.changes)
    }

    // MARK: Files

    private func listFiles() throws(LogOpenError) -> StoreListing {
        let names = try system { () throws(FileSystemError) in try fileSystem.listFiles(inDirectory: path) }
        let listing = StoreListing(names)
        if let identity = listing.unfinishedRepairs.last {
            throw .corrupt(
                path: "\(path)/\(identity.name(suffix: StoreListing.repairedSuffix))", byteOffset: 0,
                reason: "a repair was broken off: it has to be run again, to be finished")
        }
        return listing
    }

    /// Opens those that no other one has taken the place of.
    private func openSealedSegments(
        _ listing: StoreListing
    ) throws(LogOpenError) -> (segments: [SealedSegment], superseded: [SealedIdentity]) {
        let superseded = listing.sealed.filter { old in listing.sealed.contains { old.isSuperseded(by: $0) } }
        var segments: [SealedSegment] = []
        for identity in listing.sealed where !superseded.contains(identity) {
            let filePath = "\(path)/\(identity.name())"
            if let previous = segments.last, previous.identity.overlaps(identity) {
                throw .corrupt(
                    path: filePath, byteOffset: 16, reason: "it overlaps with the sealed segment \(previous.path)")
            }
            segments.append(try SealedSegment.open(filePath, identity: identity, fileSystem: fileSystem))
        }
        return (segments, superseded)
    }

    /// Opens the journal segments that are not sealed.
    private func openJournal(
        _ listing: StoreListing, after sealed: [SealedSegment]
    ) throws(LogOpenError) -> [(segment: JournalSegment, header: SegmentHeader)] {
        var segments: [(segment: JournalSegment, header: SegmentHeader)] = []
        for file in listing.journal where file.kind == .journal {
            if sealed.contains(where: { $0.identity.covers(file.number) }) { continue }
            segments.append(try openSegment(file.number))
        }
        return segments
    }

    /// Removes what sealed segments have taken the place of. Nothing is removed later that relies on its being gone.
    private func remove(
        _ superseded: [SealedIdentity], _ listing: StoreListing, after sealed: [SealedSegment], in directory: SegmentDirectory
    ) throws(LogOpenError) {
        try system { () throws(FileSystemError) in
            for name in listing.unfinished { try fileSystem.unlink("\(path)/\(name)") }
            for identity in superseded { try fileSystem.unlink(directory.path(identity)) }
            if !superseded.isEmpty { try fileSystem.synchronizeDirectory(path) }
            for file in listing.journal where file.kind == .journal {
                if sealed.contains(where: { $0.identity.covers(file.number) }) { try directory.retire(file.number) }
            }
        }
    }

    private func openSegment(_ number: UInt64) throws(LogOpenError) -> (segment: JournalSegment, header: SegmentHeader) {
        let filePath = "\(path)/\(SegmentDirectory.name(number, .journal))"
        let file = try system { () throws(FileSystemError) in try fileSystem.openFile(filePath) }
        let page = UnsafeMutableRawBufferPointer.allocate(byteCount: SegmentHeader.byteCount, alignment: 16)
        defer { page.deallocate() }
        let count = try system { () throws(FileSystemError) in try file.read(into: page, at: 0) }
        let header: SegmentHeader
        do throws(SegmentHeader.DecodingFailure) {
            header = try SegmentHeader.decode(UnsafeRawBufferPointer(rebasing: page[..<count]))
        } catch {
            if case .wrongVersion(let version) = error { throw .unsupportedVersion(path: filePath, version: version) }
            let (byteOffset, reason) = error.place(fileByteCount: count)
            throw .corrupt(path: filePath, byteOffset: byteOffset, reason: reason)
        }
        guard header.segmentNumber == number else {
            throw .corrupt(path: filePath, byteOffset: 16, reason: "the file holds segment \(header.segmentNumber)")
        }
        let byteCount = try system { () throws(FileSystemError) in try file.byteCount() }
        guard byteCount == header.fileByteCount else {
            throw .corrupt(
                path: filePath, byteOffset: byteCount,
                reason: "the file has \(byteCount) bytes where its header says \(header.fileByteCount)")
        }
        let segment = try system { () throws(FileSystemError) in
            try JournalSegment(number: number, file: file, byteCount: header.fileByteCount)
        }
        return (segment, header)
    }

    private func commonIdentifier(
        of segments: [(segment: JournalSegment, header: SegmentHeader)], _ sealed: [SealedSegment]
    ) throws(LogOpenError) -> StoreIdentifier {
        let found =
            sealed.map { (path: $0.path, identifier: $0.storeIdentifier, byteOffset: 40) }
            + segments.map { (path: $0.segment.file.path, identifier: $0.header.storeIdentifier, byteOffset: 32) }
        guard let first = found.first else {
            return StoreIdentifier(low: configuration.randomBits(), high: configuration.randomBits())
        }
        for other in found where other.identifier != first.identifier {
            throw .corrupt(
                path: other.path, byteOffset: other.byteOffset, reason: "the segment belongs to another store")
        }
        return first.identifier
    }

    /// Files of journal segments that may be written anew; everything else that is of no use goes.
    private func reusableFiles(
        _ listing: StoreListing, in directory: SegmentDirectory
    ) -> [SegmentProvisioner.ReusableFile] {
        var reusable: [SegmentProvisioner.ReusableFile] = []
        for file in listing.journal where file.kind != .journal {
            let filePath = directory.path(file.number, file.kind)
            if file.kind == .recycled, reusable.count < configuration.recycledSegmentCountLimit,
                let opened = try? fileSystem.openFile(filePath), let byteCount = try? opened.byteCount(),
                byteCount == configuration.segmentByteCount
            {
                reusable.append(.init(number: file.number, byteCount: byteCount))
            } else {
                // If it cannot be removed now, it will be at the next opening.
                try? fileSystem.unlink(filePath)
            }
        }
        return reusable
    }

    // MARK: After the replay

    /// Wipes valid frames behind the end of the log, so that no later opening takes them for a continuation.
    private func clear(_ end: JournalEnd, in segment: JournalSegment) throws(FileSystemError) {
        guard let droppedEnd = end.droppedEnd else { return }
        let zeros = OwnedBytes(byteCount: droppedEnd - end.offset) { $0.initializeMemory(as: UInt8.self, repeating: 0) }
        try segment.file.write([zeros.bytes], at: end.offset)
    }

    /// Writes what may not have been synced once more. After a failed sync the system may take pages for clean that are
    /// not on the disk: they are read back from the cache, and no later sync would write them.
    private func writeAgain(_ end: JournalEnd, in segment: JournalSegment) throws(FileSystemError) {
        guard end.doubtfulStart < end.offset else { return }
        let bytes = UnsafeRawBufferPointer(rebasing: segment.bytes[end.doubtfulStart..<end.offset])
        try segment.file.write([bytes], at: end.doubtfulStart)
    }

    /// What was read may be in the page cache only, left there by a process that was killed before its sync. Readers and
    /// later frames rely on it from now on.
    private func synchronize(_ segments: [JournalSegment]) throws(FileSystemError) {
        for segment in segments { try segment.file.synchronize() }
    }

    /// Decides about the segments behind the last one with frames: an untouched one is the next to be written; what
    /// held dropped frames is recycled under a new number, so that those can never count again.
    private func settle(
        _ rest: [JournalSegment], hasDropped: Bool, directory: SegmentDirectory, table: SegmentTable,
        reusable: inout [SegmentProvisioner.ReusableFile]
    ) throws(LogOpenError) -> JournalSegment? {
        let spare = hasDropped ? nil : rest.first
        if let spare { table.remove(spare) }
        try recycle(Array(rest.dropFirst(spare == nil ? 0 : 1)), in: directory, table: table, &reusable)
        return spare
    }

    private func recycle(
        _ segments: [JournalSegment], in directory: SegmentDirectory, table: SegmentTable,
        _ reusable: inout [SegmentProvisioner.ReusableFile]
    ) throws(LogOpenError) {
        for segment in segments {
            table.remove(segment)
            try system { () throws(FileSystemError) in try directory.retire(segment.number) }
            if segment.byteCount == configuration.segmentByteCount {
                reusable.append(.init(number: segment.number, byteCount: segment.byteCount))
            }
        }
    }

    private func report(
        _ end: JournalEnd, _ replay: JournalReplay, _ last: JournalSegment, sealedSegmentCount: Int
    ) {
        if end.droppedByteCount > 0 {
            configuration.eventHandler(
                LogEvent(
                    level: .warning, message: "dropped what was never durable from the end of the log",
                    metadata: [
                        "bytes": "\(end.droppedByteCount)", "offset": "\(end.offset)",
                        "file": SegmentDirectory.name(last.number, .journal),
                    ]))
        }
        configuration.eventHandler(
            LogEvent(
                level: .info, message: "replayed the journal",
                metadata: [
                    "entries": "\(replay.entryCount)", "streams": "\(replay.streamCount)",
                    "segments": "\(end.segmentIndex + 1)", "sealedSegments": "\(sealedSegmentCount)",
                ]))
    }

    private func system<Value>(_ body: () throws(FileSystemError) -> Value) throws(LogOpenError) -> Value {
        do throws(FileSystemError) { return try body() } catch { throw .system(error) }
    }
}

/// Where writing goes on after an opening.
struct RecoveredEnd {
    var segment: JournalSegment
    var offset: Int
    var segmentIsEmpty: Bool
    var previousChecksum: UInt32
    var lastSequenceNumber: LogSequenceNumber

    init(
        segment: JournalSegment, offset: Int, segmentIsEmpty: Bool, previousChecksum: UInt32,
        lastSequenceNumber: LogSequenceNumber
    ) {
        self.segment = segment
        self.offset = offset
        self.segmentIsEmpty = segmentIsEmpty
        self.previousChecksum = previousChecksum
        self.lastSequenceNumber = lastSequenceNumber
    }

    /// The start of a log, or of its journal behind what is sealed.
    init(newSegment: JournalSegment, after end: JournalSegment.End?) {
        self.init(
            segment: newSegment, offset: SegmentHeader.byteCount, segmentIsEmpty: true,
            previousChecksum: end?.lastFrameChecksum ?? 0,
            lastSequenceNumber: end?.sequenceNumber.previous ?? .none)
    }
}

extension SealedSegment {
    /// Where the journal goes on behind this segment.
    var journalEnd: JournalSegment.End {
        JournalSegment.End(sequenceNumber: endSequenceNumber, lastFrameChecksum: lastFrameChecksum)
    }
}
