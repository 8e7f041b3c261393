internal import Glibc

/// The steps of ``SegmentMaintenance``. Owned by its thread.
struct SegmentMaintainer {
    let directory: SegmentDirectory
    let table: SegmentTable
    let configuration: LogConfiguration
    let counters: LogCounters
    let policy: CompactionPolicy
    var ledger: SealedLedger
    /// Journal segments with frames that are perhaps only written: all those that are not sealed, as of the call.
    var unsynced: () -> [JournalSegment] = { [] }
    /// Whether journal segments may go: not where one that was never used could become the oldest.
    let mayRetire: () -> SegmentProvisioner.RetirementPermission
    /// Takes the file of a journal segment that is retired.
    let reclaim: (JournalSegment) -> Void
    /// Gives up one file that is kept to be written again. False if there is none.
    let discardRecycledFile: () -> Bool
    /// Stops the log: a sync has failed, and nobody knows what is on the disk.
    let stopLog: (FileSystemError) -> Void
    /// Whether the log has stopped, perhaps because the writer was told of a failed sync that nobody else will be told of.
    let logHasStopped: () -> Bool
    let isClosing: () -> Bool
    private var pace: WritingPace
    /// A journal segment whose content is sealed, and which must be gone before anything else goes.
    private var sealedJournal: JournalSegment?
    /// Sealed segments that another one has taken the place of; likewise, oldest first.
    private var superseded: [SealedSegment] = []
    /// A sealed segment that could not be made: whatever there is of it must be gone likewise.
    private var abandoned: SealedIdentity?
    /// A journal segment is damaged: it and all later ones stay as they are.
    private(set) var isStuck = false
    private var isInTrouble = false

    init(
        directory: SegmentDirectory, table: SegmentTable, configuration: LogConfiguration, counters: LogCounters,
        ledger: SealedLedger, mayRetire: @escaping () -> SegmentProvisioner.RetirementPermission,
        reclaim: @escaping (JournalSegment) -> Void, discardRecycledFile: @escaping () -> Bool,
        stopLog: @escaping (FileSystemError) -> Void,
        logHasStopped: @escaping () -> Bool, isClosing: @escaping () -> Bool
    ) {
        self.directory = directory
        self.table = table
        self.configuration = configuration
        self.counters = counters
        self.ledger = ledger
        self.mayRetire = mayRetire
        self.reclaim = reclaim
        self.discardRecycledFile = discardRecycledFile
        self.stopLog = stopLog
        self.logHasStopped = logHasStopped
        self.isClosing = isClosing
        policy = CompactionPolicy(
            fanIn: configuration.mergedSegmentCount, smallestTierByteCount: configuration.segmentByteCount,
            byteCountLimit: configuration.sealedSegmentByteCountLimit)
        pace = WritingPace(
            bytesPerSecond: configuration.threading == .manual ? nil : configuration.maintenanceBytesPerSecond,
            clock: configuration.maintenanceClock, isClosing: isClosing)
    }

    // MARK: Deletions and trims

    mutating func apply(_ changes: [SegmentMaintenance.Change]) {
        for change in changes {
            switch change {
            case .deletion(let stream): ledger.release(stream.withIndex { $0.takeExtents() })
            case .trim(let stream):
                let (obsolete, kept, start) = stream.withIndex { ($0.removeObsoleteExtents(), $0.extents, $0.start) }
                ledger.release(obsolete)
                ledger.trim(kept, to: start)
            }
        }
    }

    // MARK: Sealing

    /// False if the segment cannot be sealed: it stays in the journal, for now or, where ``isStuck``, for good.
    mutating func seal(_ full: SegmentMaintenance.FullSegment) throws(MaintenanceFailure) -> Bool {
        guard !isStuck else { return false }
        switch mayRetire() {
        case .granted: break
        case .soon: throw .mustYield
        case .later: return false
        }
        let journal = full.segment
        let identity = SealedIdentity(first: journal.number, last: journal.number, generation: 0)
        let deleted = Set(journal.touchedStreams.filter { $0.withIndex { $0.isDeleted } }.map(\.number))
        let (ledger, isClosing) = (ledger, isClosing)
        var sealer = JournalSealer(
            segment: journal, end: full.end, storeIdentifier: directory.storeIdentifier, rows: configuration.rows,
            table: table,
            needsTombstone: { ledger.needsTombstone($0, before: ledger.items.count) },
            isDeleted: { deleted.contains($0.number) },
            checkpoint: { () throws(MaintenanceFailure) in if isClosing() { throw .closing } })
        let sealed: SealedSegment?
        do throws(MaintenanceFailure) {
            sealed = try makeSegment(identity) { (writer) throws(MaintenanceFailure) in
                try sealer.write(to: writer)
                return SealedContent(
                    firstSequenceNumber: sealer.firstSequenceNumber, endSequenceNumber: full.end.sequenceNumber,
                    lastFrameChecksum: full.end.lastFrameChecksum)
            }
        } catch {
            // What comes after it stays as well: segments are sealed in their order.
            if case .damaged = error { isStuck = true }
            throw error
        }
        if let sealed { adopt(sealed, madeOf: journal) }
        table.remove(journal)
        journal.touchedStreams = []
        sealedJournal = journal
        counters.addSealedSegment()
        report("sealed a segment", sealed, from: journal.byteCount)
        return true
    }

    private mutating func adopt(_ sealed: SealedSegment, madeOf journal: JournalSegment) {
        let handle = table.insert(sealed)
        let touched = Dictionary(journal.touchedStreams.map { ($0.number, $0) }) { first, _ in first }
        var streams: [LogStream?] = []
        streams.reserveCapacity(sealed.streamCount)
        for row in 0..<sealed.streamCount {
            let stream = sealed.stream(at: row)
            streams.append(stream.isTombstone ? nil : touched[stream.number])
        }
        ledger.append(SealedLedger.Item(handle: handle, segment: sealed, streams: streams))
        for (row, stream) in streams.enumerated() {
            guard let stream else { continue }
            let extent = sealed.extent(ofStreamAt: row, in: handle)
            ledger.release(
                stream.withIndex { $0.seal(journalSegment: UInt32(journal.number), extent: extent) })
        }
    }

    // MARK: Merging

    /// Rewrites some sealed segments, if that is worth while. False if it is not.
    mutating func compact() throws(MaintenanceFailure) -> Bool {
        let candidates = ledger.items.map {
            CompactionPolicy.Candidate(
                byteCount: $0.segment.byteCount, deadByteCount: $0.deadByteCount, isDamaged: $0.isDamaged)
        }
        guard let range = policy.choose(candidates) else { return false }
        let inputs = ledger.items[range]
        let segments = inputs.map(\.segment)
        let identity = SealedIdentity(
            first: segments.first!.identity.first, last: segments.last!.identity.last,
            generation: segments.map(\.identity.generation).max()! + 1)
        let (ledger, isClosing) = (ledger, isClosing)
        var merger = SegmentMerger(
            inputs: inputs, needsTombstone: { ledger.needsTombstone($0, before: range.lowerBound) },
            checkpoint: { () throws(MaintenanceFailure) in if isClosing() { throw .closing } })
        let merged: SealedSegment?
        do throws(MaintenanceFailure) {
            merged = try makeSegment(identity) { (writer) throws(MaintenanceFailure) in
                try merger.write(to: writer)
                return SealedContent(
                    firstSequenceNumber: segments.first!.firstSequenceNumber,
                    endSequenceNumber: segments.last!.endSequenceNumber,
                    lastFrameChecksum: segments.last!.lastFrameChecksum)
            }
        } catch {
            if case .damaged(let damage) = error, !segments.contains(where: { $0.path == damage.path }) {
                // What was just written does not read back. Trying that again and again would wear the disk out.
                for segment in segments { self.ledger.setDamaged(path: segment.path) }
            }
            throw error
        }
        if let merged {
            replace(range, with: merged, merger.streams)
        } else {
            // One after the other: what says that a stream is deleted goes after what it deletes.
            for _ in range { try removeSegment(at: range.lowerBound) }
        }
        counters.addMerge()
        report("merged segments", merged, from: segments.reduce(0) { $0 + $1.byteCount })
        return true
    }

    private mutating func replace(_ range: Range<Int>, with merged: SealedSegment, _ streams: [LogStream?]) {
        let old = Array(ledger.items[range])
        let handles = Set(old.map(\.handle))
        let handle = table.insert(merged)
        ledger.replace(range, with: SealedLedger.Item(handle: handle, segment: merged, streams: streams))
        var obsolete: [SealedExtent] = []
        for (row, stream) in streams.enumerated() {
            let extent = merged.extent(ofStreamAt: row, in: handle)
            if let stream { obsolete += stream.withIndex { $0.replaceExtents(in: handles, with: extent) } }
        }
        ledger.release(obsolete)
        for item in old { table.remove(item.handle) }
        superseded = old.map(\.segment)
    }

    // MARK: Removing

    /// Removes one segment that nobody needs. False if there is none.
    mutating func removeDeadSegment() throws(MaintenanceFailure) -> Bool {
        guard let index = ledger.deadIndex else { return false }
        // What killed it must be there for good before it goes.
        try synchronizeJournal()
        let segment = ledger.items[index].segment
        try removeSegment(at: index)
        configuration.eventHandler(
            LogEvent(
                level: .info, message: "removed a segment that nobody needs",
                metadata: [
                    "segments": "\(segment.identity.first)-\(segment.identity.last)", "bytes": "\(segment.byteCount)",
                ]))
        return true
    }

    private mutating func removeSegment(at index: Int) throws(MaintenanceFailure) {
        let item = ledger.items[index]
        try unlink([item.segment.path])
        ledger.replace(index..<(index + 1), with: nil)
        table.remove(item.handle)
    }

    /// Removes the files that another one has taken the place of. Nothing else is removed before: else the next opening
    /// would take them for the truth.
    mutating func removeSuperseded() throws(MaintenanceFailure) {
        if let journal = sealedJournal {
            // A spare segment may have been replaced since sealing began.
            switch mayRetire() {
            case .granted: break
            case .soon: throw .mustYield
            case .later: throw .mustWait
            }
            try system { () throws(FileSystemError) in try directory.retire(journal.number) }
            sealedJournal = nil
            reclaim(journal)
        }
        if let identity = abandoned {
            try unlink([directory.temporaryPath(identity), directory.path(identity)])
            abandoned = nil
        }
        while let first = superseded.first {
            try unlink([first.path])
            superseded.removeFirst()
        }
    }

    /// Durable when it returns: what says that a stream is deleted may go only after what it deletes.
    private func unlink(_ paths: [String]) throws(MaintenanceFailure) {
        try system { () throws(FileSystemError) in
            for path in paths {
                do throws(FileSystemError) {
                    try directory.fileSystem.unlink(path)
                } catch where error.errno == ENOENT {
                    // An attempt before this one got so far.
                }
            }
            try directory.fileSystem.synchronizeDirectory(directory.path)
        }
    }

    // MARK: Files

    private struct SealedContent {
        var firstSequenceNumber: LogSequenceNumber
        var endSequenceNumber: LogSequenceNumber
        var lastFrameChecksum: UInt32
    }

    /// Makes a sealed segment; nil if there is nothing to put into it.
    private mutating func makeSegment(
        _ identity: SealedIdentity, _ fill: (SealedSegmentWriter) throws(MaintenanceFailure) -> SealedContent
    ) throws(MaintenanceFailure) -> SealedSegment? {
        let path = directory.path(identity)
        let temporary = directory.temporaryPath(identity)
        let pace = pace
        do throws(MaintenanceFailure) {
            let file = try system { () throws(FileSystemError) in try directory.fileSystem.createFile(temporary) }
            let writer = SealedSegmentWriter(
                identity: identity, storeIdentifier: directory.storeIdentifier, file: file,
                willWrite: { pace.willWrite($0) })
            let content = try fill(writer)
            guard writer.streamCount > 0 else {
                try system { () throws(FileSystemError) in try directory.fileSystem.unlink(temporary) }
                // What it was to replace goes now, because of deletions that must not be lost before it is gone.
                try synchronizeJournal()
                return nil
            }
            try system { () throws(FileSystemError) in
                try writer.finish(
                    firstSequenceNumber: content.firstSequenceNumber, endSequenceNumber: content.endSequenceNumber,
                    lastFrameChecksum: content.lastFrameChecksum)
            }
            // It rests on deletions and trims, and on the frames behind it, that must not be lost before it is.
            try synchronizeJournal()
            try system { () throws(FileSystemError) in
                try directory.fileSystem.rename(temporary, to: path)
                try directory.fileSystem.synchronizeDirectory(directory.path)
            }
            return try open(path, identity)
        } catch {
            // At once, because it may have taken the last of the disk; durably later.
            try? directory.fileSystem.unlink(temporary)
            abandoned = identity
            throw error
        }
    }

    private func open(_ path: String, _ identity: SealedIdentity) throws(MaintenanceFailure) -> SealedSegment {
        do throws(LogOpenError) {
            return try SealedSegment.open(path, identity: identity, fileSystem: directory.fileSystem)
        } catch {
            switch error {
            case .system(let error): throw .system(error)
            case .corrupt(let path, let byteOffset, let reason):
                throw .damaged(LogReadError(path: path, byteOffset: byteOffset, reason: reason))
            default: throw .damaged(LogReadError(path: path, byteOffset: 0, reason: "\(error)"))
            }
        }
    }

    /// In the weaker modes, makes durable what is only written.
    private func synchronizeJournal() throws(MaintenanceFailure) {
        guard configuration.durability != .sync else { return }
        guard !logHasStopped() else { throw .closing }
        do throws(FileSystemError) {
            for segment in unsynced() { try segment.file.synchronize() }
        } catch {
            stopLog(error)
            throw .system(error)
        }
    }

    private func system<Value>(_ body: () throws(FileSystemError) -> Value) throws(MaintenanceFailure) -> Value {
        do throws(FileSystemError) { return try body() } catch { throw .system(error) }
    }

    // MARK: Reports

    private mutating func report(_ message: String, _ segment: SealedSegment?, from byteCount: Int) {
        if isInTrouble {
            isInTrouble = false
            configuration.eventHandler(LogEvent(level: .info, message: "segments are sealed and merged again"))
        }
        configuration.eventHandler(
            LogEvent(
                level: .info, message: message,
                metadata: [
                    "segments": segment.map { "\($0.identity.first)-\($0.identity.last)" } ?? "none",
                    "bytesBefore": "\(byteCount)", "bytes": "\(segment?.byteCount ?? 0)",
                ]))
    }

    /// A failure is reported once, and then not again before something succeeded.
    mutating func report(_ error: FileSystemError) {
        guard !isInTrouble else { return }
        isInTrouble = true
        configuration.eventHandler(
            LogEvent(
                level: .warning, message: "segments cannot be sealed or merged now: tried again from time to time",
                metadata: ["error": "\(error)"]))
    }

    mutating func report(_ error: LogReadError) {
        ledger.setDamaged(path: error.path)
        configuration.eventHandler(
            LogEvent(
                level: .error, message: "a segment is damaged: it stays as it is", metadata: ["error": "\(error)"]))
    }
}
