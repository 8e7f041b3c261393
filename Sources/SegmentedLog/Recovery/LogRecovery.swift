/// Opening: finds the files of a store, checks them, replays the journal, and brings the directory into the state in
/// which appends can go on. Every step can be repeated after a crash in the middle of it.
struct LogRecovery {
    let path: String
    let fileSystem: any FileSystem
    let configuration: LogConfiguration

    struct Result {
        var directory: SegmentDirectory
        var table: SegmentTable
        var end: RecoveredEnd
        var spare: JournalSegment?
        var reusable: [SegmentProvisioner.ReusableFile]
        var nextSegmentNumber: UInt64
        var streamCount: Int
    }

    func run(
        recover: @escaping (RecoveredEntry) throws(RecoveryRefusal) -> Void
    ) throws(LogOpenError) -> Result {
        let files = try listFiles()
        let segments = try files.filter { $0.kind == .journal }.map { file throws(LogOpenError) in try openSegment(file.number) }
        let storeIdentifier = try commonIdentifier(of: segments)
        let directory = SegmentDirectory(path: path, fileSystem: fileSystem, storeIdentifier: storeIdentifier)
        var next = (files.map(\.number).max() ?? 0) + 1
        let table = SegmentTable()
        var reusable = reusableFiles(files, in: directory)

        guard !segments.isEmpty else {
            let first = try system { () throws(FileSystemError) in
                try directory.createSegment(next, byteCount: configuration.segmentByteCount)
            }
            table.insert(first)
            return Result(
                directory: directory, table: table, end: RecoveredEnd(newSegment: first), spare: nil,
                reusable: reusable, nextSegmentNumber: next + 1, streamCount: 0)
        }

        for segment in segments { table.insert(segment.segment) }
        var replay = JournalReplay(
            segments: segments.map(\.segment), storeIdentifier: storeIdentifier, directoryPath: path, table: table,
            recover: recover)
        let end = try replay.run()
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
        report(end, replay, last)
        return Result(
            directory: directory, table: table,
            end: RecoveredEnd(
                segment: last, offset: end.offset, segmentIsEmpty: end.offset == SegmentHeader.byteCount,
                previousChecksum: replay.previousChecksum,
                lastSequenceNumber: LogSequenceNumber(rawValue: (replay.nextSequenceNumber?.rawValue ?? 1) - 1)),
            spare: spare, reusable: reusable, nextSegmentNumber: next, streamCount: replay.streams.count)
    }

    // MARK: Files

    private struct StoreFile {
        var number: UInt64
        var kind: SegmentDirectory.FileKind
    }

    private func listFiles() throws(LogOpenError) -> [StoreFile] {
        let names = try system { () throws(FileSystemError) in try fileSystem.listFiles(inDirectory: path) }
        return names.compactMap(SegmentDirectory.parse).map { StoreFile(number: $0.number, kind: $0.kind) }
            .sorted { ($0.number, $0.kind.rawValue) < ($1.number, $1.kind.rawValue) }
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
            switch error {
            case .wrongVersion(let version): throw .unsupportedVersion(path: filePath, version: version)
            case .tooShort:
                throw .corrupt(path: filePath, byteOffset: count, reason: "the file ends within its header")
            case .wrongMagic: throw .corrupt(path: filePath, byteOffset: 0, reason: "this is no journal segment")
            case .wrongChecksum:
                throw .corrupt(path: filePath, byteOffset: 4092, reason: "the header's checksum is wrong")
            case .wrongField(let field, let byteOffset):
                throw .corrupt(path: filePath, byteOffset: byteOffset, reason: "the header's \(field) is wrong")
            }
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
        of segments: [(segment: JournalSegment, header: SegmentHeader)]
    ) throws(LogOpenError) -> StoreIdentifier {
        guard let first = segments.first else {
            return StoreIdentifier(low: configuration.randomBits(), high: configuration.randomBits())
        }
        for other in segments where other.header.storeIdentifier != first.header.storeIdentifier {
            throw .corrupt(
                path: "\(path)/\(SegmentDirectory.name(other.segment.number, .journal))", byteOffset: 32,
                reason: "the segment belongs to another store")
        }
        return first.header.storeIdentifier
    }

    /// Files of dead segments that may be written anew; everything else that is of no use goes.
    private func reusableFiles(
        _ files: [StoreFile], in directory: SegmentDirectory
    ) -> [SegmentProvisioner.ReusableFile] {
        var reusable: [SegmentProvisioner.ReusableFile] = []
        for file in files where file.kind != .journal {
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

    private func report(_ end: JournalEnd, _ replay: JournalReplay, _ last: JournalSegment) {
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
                    "entries": "\(replay.entryCount)", "streams": "\(replay.streams.count)",
                    "segments": "\(end.segmentIndex + 1)",
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

    /// The start of a log.
    init(newSegment: JournalSegment) {
        self.init(
            segment: newSegment, offset: SegmentHeader.byteCount, segmentIsEmpty: true, previousChecksum: 0,
            lastSequenceNumber: .none)
    }
}
