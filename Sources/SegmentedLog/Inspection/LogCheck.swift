/// Verifies every checksum and every invariant of every file of a stopped store. Only reads, and needs no right to
/// write.
package struct LogCheck: Sendable {
    /// Makes the rows of streams, as the store's owner does.
    package var rows: any LogRowFolder
    /// Throws where a row means nothing to the store's owner.
    package var validateRow: @Sendable (UnsafeRawBufferPointer) throws(RecoveryRefusal) -> Void
    package var fileSystem: any FileSystem = LinuxFileSystem()
    /// Goes on although a process has the store open; its files may change meanwhile.
    package var ignoresLock = false
    package var progress: @Sendable (LogProgress) -> Void = { _ in }

    package struct Report: Sendable {
        /// All of them, not only the first.
        package var findings: [LogFinding] = []
        package var sealedSegmentCount = 0
        package var journalSegmentCount = 0
        /// Those that are not deleted.
        package var streamCount = 0
        /// The bytes of those streams, as far as they are not trimmed.
        package var payloadByteCount: UInt64 = 0

        package var damage: [LogFinding] { findings.filter { $0.severity == .damage } }
        package var notes: [LogFinding] { findings.filter { $0.severity == .note } }
    }

    package init(
        rows: any LogRowFolder,
        validateRow: @escaping @Sendable (UnsafeRawBufferPointer) throws(RecoveryRefusal) -> Void
    ) {
        self.rows = rows
        self.validateRow = validateRow
    }

    package func run(_ path: String) throws(LogInspectionError) -> Report {
        let lock = try StoreLock.forReading(path, fileSystem, ignoresLock: ignoresLock)
        defer { lock?.release() }
        return try verify(path).report
    }

    /// For those that hold the lock.
    func verify(_ path: String) throws(LogInspectionError) -> (report: Report, reading: StoreReading) {
        var reading = try StoreReading(path, fileSystem: fileSystem, verifiesBlocks: true, progress: progress)
        var findings = FindingList()
        var report = Report()
        report.sealedSegmentCount = reading.sealed.count
        report.journalSegmentCount = reading.journalFiles.count
        checkRows(reading, &findings)
        let survey = StreamSurvey(reading: reading, validateRow: validateRow)
        survey.forEachStream { (account) throws(Never) in
            guard !account.isDeleted else { return }
            check(account, survey, &findings)
            report.streamCount += 1
            report.payloadByteCount += account.tail.rawValue - account.start.rawValue
        }
        for finding in findings.all { reading.addDamage(finding.path, finding.byteOffset, finding.reason) }
        report.findings = reading.findings.all
        return (report, reading)
    }

    /// The rows of all segments, not only the newest of each stream.
    private func checkRows(_ reading: StoreReading, _ findings: inout FindingList) {
        for file in reading.sealed where file.isUsable && file.rowsAreSound {
            guard let segment = file.segment else { continue }
            for index in 0..<segment.streamCount {
                let stream = segment.stream(at: index)
                guard !stream.isTombstone else { continue }
                do throws(RecoveryRefusal) {
                    try validateRow(segment.row(of: stream))
                } catch {
                    findings.addDamage(
                        file.path, segment.footer.rowsOffset + stream.rowOffset,
                        "the metadata of stream \(stream.number.rawValue) make no sense: \(error.reason)")
                }
            }
        }
    }

    private func check(_ account: StreamAccount, _ survey: StreamSurvey, _ findings: inout FindingList) {
        let number = account.number.rawValue
        for hole in account.holes where !hole.isReported {
            let (start, end) = (hole.range.lowerBound.rawValue, hole.range.upperBound.rawValue)
            findings.addDamage(
                hole.path, hole.byteOffset, "bytes \(start) to \(end) of stream \(number) are missing")
        }
        for (path, byteOffset) in account.duplicates {
            findings.addDamage(path, byteOffset, "these bytes of stream \(number) are there twice")
        }
        let items = survey.reading.journal.items
        guard let first = account.entries.first else { return }
        let (path, byteOffset) = (items.path(of: items.items[first]), Int(items.items[first].payloadOffset))
        guard !account.isRowLost else {
            // Where its rows are damaged, that was said of their files. Entries of a deleted stream whose other entries
            // are gone are followed by that of its deletion.
            if account.rows.isEmpty {
                findings.addDamage(path, byteOffset, "the beginning of stream \(number) is missing")
            }
            return
        }
        do throws(RecoveryRefusal) {
            _ = try survey.foldedRow(of: account, rows)
        } catch {
            findings.addDamage(path, byteOffset, "the metadata of stream \(number) make no sense: \(error.reason)")
        }
    }
}

extension StreamSurvey {
    /// The metadata of a stream after all that the journal says of it.
    func foldedRow(of account: StreamAccount, _ rows: any LogRowFolder) throws(RecoveryRefusal) -> [UInt8] {
        let before = account.soundRow.flatMap(metadata)
        if let before, account.entries.isEmpty { return Array(before) }
        let row = try rows.row(after: account.fold.changes, to: before)
        try row.withUnsafeBufferPointer { (row) throws(RecoveryRefusal) in
            try validateRow(UnsafeRawBufferPointer(row))
        }
        return row
    }
}

/// Who may look at a store.
enum StoreLock {
    /// Keeps servers from opening the store while it is looked at. Nil where there is no lock file, as in a copy.
    static func forReading(
        _ path: String, _ fileSystem: any FileSystem, ignoresLock: Bool
    ) throws(LogInspectionError) -> (any DirectoryLock)? {
        do throws(FileSystemError) {
            return try fileSystem.lockForReading("\(path)/LOCK")
        } catch {
            guard error.isHeldLock else { throw .system(error) }
            if ignoresLock { return nil }
            throw .locked(path: "\(path)/LOCK", holder: error.detail)
        }
    }

    static func exclusive(
        _ path: String, _ fileSystem: any FileSystem, holder: String
    ) throws(LogInspectionError) -> any DirectoryLock {
        do throws(FileSystemError) {
            return try fileSystem.lock("\(path)/LOCK", holder: holder)
        } catch {
            guard error.isHeldLock else { throw .system(error) }
            throw .locked(path: "\(path)/LOCK", holder: error.detail)
        }
    }
}
