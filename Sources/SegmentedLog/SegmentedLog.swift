internal import Glibc
internal import Synchronization

/// A durable log that many streams share.
///
/// Each stream is an append-only sequence of bytes with opaque annotations, known by a number. All streams of a log write
/// into one journal, so that appends to any number of them share one write and one sync: whatever arrives while a
/// commit is being synced goes into the next. Readers see only what is durable, in the sense of
/// ``LogConfiguration/durability``.
///
/// The engine gives entries an order and keeps their bytes; what they mean is the owner's business. An owner puts
/// entries in, is told when they are durable, and gets all of them back, in order, when the log is opened again.
///
/// A background thread turns full journal segments into sealed ones, where each stream's bytes lie together and compressed,
/// merges those, and gives back the space of what is deleted or trimmed.
///
/// Safe to use from any thread. Appends never block: they are refused with ``LogRefusal/mustWait(_:)`` where waiting
/// would be needed. Only
/// ``open(directory:configuration:fileSystem:commitDidEnd:recoverRow:recover:)`` and ``close()`` block.
public final class SegmentedLog: Sendable {
    private let configuration: LogConfiguration
    private let table: SegmentTable
    private let queue: CommitQueue
    private let provisioner: SegmentProvisioner
    private let maintenance: SegmentMaintenance
    private let counters: LogCounters
    private let lock: any DirectoryLock
    private let running: Mutex<Running?>
    /// In manual mode the owner of the log is the writer's thread.
    private let manualWriter: ManualWriter?

    private struct Running {
        var writer: NamedThread
        var provisioner: NamedThread
        var maintenance: NamedThread
    }

    private final class ManualWriter: @unchecked Sendable {
        let writer: JournalWriter
        init(_ writer: JournalWriter) { self.writer = writer }
    }

    /// Opens the log in a directory, which is created if it is missing. Blocks.
    /// - Parameters:
    ///   - path: The directory; all of the log is in it.
    ///   - configuration: How the log is kept. Any setting may be another one at the next opening.
    ///   - fileSystem: The disk. Another one than the system's is for tests.
    ///   - commitDidEnd: Called on the writer's thread after each commit, when everybody has been told of it.
    ///   - recoverRow: Called, before all entries, for every stream that is in sealed segments.
    ///   - recover: Called for every entry that the journal holds, oldest first, before this returns.
    public static func open(
        directory path: String, configuration: LogConfiguration = LogConfiguration(),
        fileSystem: any FileSystem = LinuxFileSystem(), commitDidEnd: @escaping @Sendable () -> Void = {},
        recoverRow: @escaping (RecoveredStream) throws(RecoveryRefusal) -> Void,
        recover: @escaping (RecoveredEntry) throws(RecoveryRefusal) -> Void
    ) throws(LogOpenError) -> SegmentedLog {
        try validate(configuration)
        let lock: any DirectoryLock
        do throws(FileSystemError) {
            try fileSystem.createDirectory(path)
            lock = try fileSystem.lock("\(path)/LOCK", holder: "process \(getpid())")
        } catch {
            guard error.errno == EWOULDBLOCK else { throw .system(error) }
            throw .locked(path: "\(path)/LOCK", holder: error.detail)
        }
        do throws(LogOpenError) {
            let recovered = try LogRecovery(
                path: path, fileSystem: fileSystem, configuration: configuration, recoverRow: recoverRow,
                recover: recover
            ).run()
            return SegmentedLog(configuration, recovered, lock, commitDidEnd)
        } catch {
            lock.release()
            throw error
        }
    }

    private init(
        _ configuration: LogConfiguration, _ recovered: LogRecovery.Result, _ lock: any DirectoryLock,
        _ commitDidEnd: @escaping @Sendable () -> Void
    ) {
        self.configuration = configuration
        self.lock = lock
        table = recovered.table
        counters = LogCounters()
        counters.streamCountChanged(by: recovered.streamCount)
        let provisioner = SegmentProvisioner(
            directory: recovered.directory, configuration: configuration, counters: counters,
            reusable: recovered.reusable, nextNumber: recovered.nextSegmentNumber)
        self.provisioner = provisioner
        let end = recovered.end
        queue = CommitQueue(
            segment: end.segment, offset: end.offset, spare: recovered.spare,
            nextSequenceNumber: end.lastSequenceNumber.advanced(by: 1), configuration: configuration,
            requestSegment: { provisioner.request(byteCount: $0) })
        end.segment.setRecent(true)
        if recovered.spare == nil { provisioner.request(byteCount: configuration.segmentByteCount) }
        maintenance = Self.maintenance(recovered, configuration, counters, provisioner, queue)
        let writer = JournalWriter(
            queue: queue, table: table, storeIdentifier: recovered.directory.storeIdentifier,
            configuration: configuration, counters: counters, end: end, maintenance: maintenance,
            commitDidEnd: commitDidEnd)
        switch configuration.threading {
        case .manual:
            manualWriter = ManualWriter(writer)
            running = Mutex(nil)
        case .threads:
            manualWriter = nil
            let owned = ManualWriter(writer)
            let (queue, maintenance) = (queue, maintenance)
            running = Mutex(
                Running(
                    writer: NamedThread("log-writer") { owned.writer.run() },
                    provisioner: NamedThread("log-segments") { provisioner.run(for: queue) },
                    maintenance: NamedThread("log-maintenance", isBackground: true) { maintenance.run() }))
        }
    }

    private static func maintenance(
        _ recovered: LogRecovery.Result, _ configuration: LogConfiguration, _ counters: LogCounters,
        _ provisioner: SegmentProvisioner, _ queue: CommitQueue
    ) -> SegmentMaintenance {
        let closing = ClosingFlag()
        let maintainer = SegmentMaintainer(
            directory: recovered.directory, table: recovered.table, configuration: configuration,
            counters: counters, ledger: recovered.ledger, mayRetire: { provisioner.mayRetire }, reclaim: { provisioner.reclaim($0) },
            discardRecycledFile: { provisioner.discardRecycledFile() },
            stopLog: { queue.demandStop($0) }, logHasStopped: { queue.hasStopped }, isClosing: { closing.isSet })
        return SegmentMaintenance(
            maintainer, closing, current: recovered.end.segment, full: recovered.full, changes: recovered.changes,
            backlogDidChange: { provisioner.setPaused($0) })
    }

    private static func validate(_ configuration: LogConfiguration) throws(LogOpenError) {
        let segmentRange = SegmentSize.smallestByteCount...SegmentSize.byteCountLimit
        guard segmentRange.contains(configuration.segmentByteCount) else {
            throw .invalidConfiguration(
                reason: "a segment has \(segmentRange.lowerBound) to \(segmentRange.upperBound) bytes, "
                    + "not \(configuration.segmentByteCount)")
        }
        guard configuration.pendingByteCountLimit > 0 else {
            throw .invalidConfiguration(reason: "the limit of pending bytes must be above 0")
        }
        guard configuration.mergedSegmentCount >= 2 else {
            throw .invalidConfiguration(reason: "at least 2 segments are merged into one")
        }
        guard configuration.unsealedSegmentCountLimit >= 1, configuration.blockCacheByteCountLimit >= 0,
            configuration.maintenanceBytesPerSecond ?? 1 >= 1
        else { throw .invalidConfiguration(reason: "a limit of the background work is too small") }
    }

    // MARK: Appending

    /// Begins a stream, with its first payload if there is one: all of it durable at once, or nothing.
    ///
    /// - Parameters:
    ///   - row: What the owner wants to know of the stream when the log is opened again. Copied.
    ///   - payload: The stream's first bytes.
    ///   - tag: Given back in ``CommittedEntry/tag`` of the last entry.
    ///   - completion: Told when the stream is durable, or will never be.
    ///   - makeOwner: Called once, under the log's lock, with the new stream. Must not call the log.
    public func createStream<Owner: LogStreamOwner>(
        row: UnsafeRawBufferPointer, payload: LogPayload = .none, tag: UInt64 = 0,
        completion: (any CommitCompletion)? = nil, makeOwner: (LogStream) -> Owner
    ) throws(LogRefusal) -> Owner {
        let partCount = payload.byteCount == 0 ? 0 : payload.entryCount
        let byteCount = Entry.headerByteCount * (1 + partCount) + row.count + payload.byteCount
        return try queue.add(byteCount: byteCount) { commit in
            let number = StreamNumber(rawValue: commit.nextSequenceNumber.rawValue)
            let owner = makeOwner(LogStream(number: number, segments: table))
            commit.add(
                kind: .create, continues: partCount > 0, streamNumber: number, position: .start, annotation: row,
                payloadByteCount: 0)
            commit.expect(
                PendingEntry(
                    owner: owner, kind: .create, payloadOffset: 0, payloadByteCount: 0, position: .start,
                    tag: partCount > 0 ? 0 : tag, completion: partCount > 0 ? nil : completion))
            if partCount > 0 {
                let none = UnsafeRawBufferPointer(start: nil, count: 0)
                put(payload, at: .start, annotation: none, of: owner, tag: tag, completion: completion, into: commit)
            }
            return owner
        }
    }

    /// Adds bytes, or only an annotation, to a stream.
    ///
    /// - Parameters:
    ///   - owner: The stream's owner, who calls in the order of the positions.
    ///   - position: Where the payload begins: the end of everything that was appended so far, durable or not.
    ///   - annotation: Given back at the next opening, with the append's last entry, or as far as ``LogRowFolder`` keeps it. Copied.
    ///   - payload: The bytes.
    ///   - tag: Given back in ``CommittedEntry/tag`` of the last entry.
    ///   - completion: Told when the entry is durable, or will never be.
    public func append(
        to owner: some LogStreamOwner, at position: StreamPosition, annotation: UnsafeRawBufferPointer,
        payload: LogPayload, tag: UInt64 = 0, completion: (any CommitCompletion)? = nil
    ) throws(LogRefusal) {
        let byteCount = Entry.headerByteCount * payload.entryCount + annotation.count + payload.byteCount
        try queue.add(byteCount: byteCount) { commit in
            put(payload, at: position, annotation: annotation, of: owner, tag: tag, completion: completion, into: commit)
        }
    }

    /// Ends a stream. Its number is never used again; its space comes back by itself.
    ///
    /// - Parameters:
    ///   - owner: The stream's owner.
    ///   - position: The end of everything that was appended so far, durable or not.
    ///   - tag: Given back in ``CommittedEntry/tag``.
    ///   - completion: Told when the end is durable, or will never be.
    public func deleteStream(
        _ owner: some LogStreamOwner, at position: StreamPosition, tag: UInt64 = 0,
        completion: (any CommitCompletion)? = nil
    ) throws(LogRefusal) {
        try add(.delete, of: owner, at: position, tag: tag, completion: completion)
    }

    /// Makes everything before `position` unreadable; its space comes back by itself.
    ///
    /// - Parameters:
    ///   - owner: The stream's owner.
    ///   - position: Durable, at most the end of what was appended, and not before an earlier trim's. It may lie inside an
    ///     entry: the rest of that stays.
    ///   - tag: Given back in ``CommittedEntry/tag``.
    ///   - completion: Told when the trim is durable, or will never be.
    public func trim(
        _ owner: some LogStreamOwner, to position: StreamPosition, tag: UInt64 = 0,
        completion: (any CommitCompletion)? = nil
    ) throws(LogRefusal) {
        try add(.trim, of: owner, at: position, tag: tag, completion: completion)
    }

    private func add(
        _ kind: EntryKind, of owner: some LogStreamOwner, at position: StreamPosition, tag: UInt64,
        completion: (any CommitCompletion)?
    ) throws(LogRefusal) {
        try queue.add(byteCount: Entry.headerByteCount) { commit in
            commit.add(
                kind: kind, continues: false, streamNumber: owner.logStream.number, position: position,
                annotation: UnsafeRawBufferPointer(start: nil, count: 0), payloadByteCount: 0)
            commit.expect(
                PendingEntry(
                    owner: owner, kind: kind, payloadOffset: 0, payloadByteCount: 0, position: position, tag: tag,
                    completion: completion))
        }
    }

    /// Lets a completion run after everything that is pending now is durable.
    /// - Returns: False if nothing is pending. The completion was not kept then: what it waits for is durable already.
    /// - Throws: ``LogRefusal/stopped(reason:)`` if what it waits for may never become durable.
    public func afterPending(_ completion: any CommitCompletion) throws(LogRefusal) -> Bool {
        try queue.afterPending(completion)
    }

    /// Calls back once, on any thread, when it is worth asking again after ``LogRefusal/mustWait(_:)``.
    public func whenRoom(_ ticket: RoomTicket, _ body: @escaping @Sendable () -> Void) {
        queue.whenRoom(ticket, body)
    }

    private func put(
        _ payload: LogPayload, at position: StreamPosition, annotation: UnsafeRawBufferPointer,
        of owner: some LogStreamOwner, tag: UInt64, completion: (any CommitCompletion)?, into commit: Commit
    ) {
        let number = owner.logStream.number
        let payloadStart = commit.payloadByteCount
        commit.addPayload(payload)
        var start = 0
        func add(upTo end: Int, isLast: Bool) {
            let partPosition = position.advanced(by: start)
            commit.add(
                kind: .append, continues: !isLast, streamNumber: number, position: partPosition,
                annotation: isLast ? annotation : UnsafeRawBufferPointer(start: nil, count: 0),
                payloadByteCount: end - start)
            commit.expect(
                PendingEntry(
                    owner: owner, kind: .append, payloadOffset: payloadStart + start, payloadByteCount: end - start,
                    position: partPosition, tag: isLast ? tag : 0, completion: isLast ? completion : nil))
            start = end
        }
        if case .owned(_, let partEnds) = payload {
            for (index, end) in partEnds.enumerated() { add(upTo: end, isLast: index == partEnds.count - 1) }
            precondition(start == payload.byteCount, "the parts must cover the payload")
        } else {
            add(upTo: payload.byteCount, isLast: true)
        }
    }

    // MARK: State

    public var statistics: LogStatistics {
        var statistics = counters.snapshot
        statistics.pendingByteCount = queue.pendingByteCount
        let counts = table.counts
        statistics.segmentCount = counts.journal
        statistics.unsealedSegmentCount = maintenance.unsealedSegmentCount
        statistics.isMaintaining = maintenance.isBusy
        statistics.sealedSegmentCount = counts.sealed
        statistics.sealedByteCount = counts.sealedByteCount
        let cache = table.cache.statistics
        statistics.blockCacheHitCount = cache.hitCount
        statistics.blockCacheMissCount = cache.missCount
        statistics.blockCacheByteCount = cache.byteCount
        return statistics
    }

    /// Why the log has stopped, or nil if it has not.
    public var stoppedReason: String? { queue.stoppedReason }

    // MARK: Running by hand, and ending

    /// In manual mode: does everything that there is to do now, in a fixed order.
    public func runPendingWork() {
        maintenance.retryLater()
        repeat { writePendingCommits() } while maintainSegments()
    }

    /// In manual mode: as ``runPendingWork()``, but seals, merges and removes no segments.
    package func writePendingCommits() {
        guard let manualWriter else { return }
        var isBusy = true
        while isBusy {
            provisionSegments()
            isBusy = false
            while manualWriter.writer.runOnce() { isBusy = true }
        }
    }

    private func maintainSegments() -> Bool {
        guard manualWriter != nil else { return false }
        var wasBusy = false
        while maintenance.runOnce() { wasBusy = true }
        return wasBusy
    }

    /// In manual mode: does only what is to be done about the files of segments, and writes no commit.
    public func provisionSegments() {
        guard manualWriter != nil else { return }
        provisioner.retryLater(queue)
        while provisioner.runOnce(for: queue) {}
    }

    /// Writes what is pending, makes all of it durable in every mode, and gives the directory back. Blocks. Appends are
    /// refused from now on; reads go on working until the directory is opened again, which may write to its files. Later
    /// calls do nothing.
    public func close() {
        if let manualWriter {
            queue.close()
            while manualWriter.writer.runOnce() {}
            manualWriter.writer.synchronizeAtEnd()
            maintenance.close()
        } else {
            let threads = running.withLock { running in
                defer { running = nil }
                return running
            }
            guard let threads else { return }
            // First, so that the writer's last sync is after all of theirs: a failure is told to only one of them.
            maintenance.close()
            threads.maintenance.join()
            queue.close()
            threads.writer.join()
            provisioner.close()
            threads.provisioner.join()
        }
        letGoOfStreams()
        lock.release()
    }

    /// A log that is driven by hand may be dropped as it is, as the end of a process does it.
    deinit {
        if manualWriter != nil { letGoOfStreams() }
    }

    /// Segments and streams hold each other as long as the maintenance needs to know of both.
    private func letGoOfStreams() {
        for segment in table.journalSegments { segment.touchedStreams = [] }
    }
}
