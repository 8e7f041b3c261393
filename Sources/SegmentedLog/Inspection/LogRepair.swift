internal import Glibc

/// Makes a store that opens out of one that is damaged, from everything that verifies.
///
/// All that is whole goes into one new sealed segment, which covers the numbers of all segments. A stream with bytes
/// missing in its middle keeps what is behind the last hole, as if it had been trimmed: positions are never given out
/// twice. A stream whose last entries are lost with the end of the journal ends where the damage begins. What was
/// deleted or trimmed by a lost entry is there again. The old files are moved into a directory beside, none is deleted;
/// see ``RepairPublication`` for the order.
package struct LogRepair: Sendable {
    package var check: LogCheck
    /// The wall clock, in seconds since 1970: names the directory of the old files.
    package var wallClock: @Sendable () -> Int = { time(nil) }

    package struct Report: Sendable {
        /// What the check has found.
        package var check: LogCheck.Report
        /// Streams that are (or would be) in the repaired store, with all or some of their bytes.
        package var keptStreamCount = 0
        /// Streams that lose something, by number.
        package var losses: [Loss] = []
        /// Where the old files are; nil if nothing was moved.
        package var oldFilesPath: String?
        package var repairedPath: String?
    }

    /// What becomes of one stream that is not whole.
    package struct Loss: Sendable, Equatable, CustomStringConvertible {
        package enum Kind: Sendable, Equatable {
            /// Nothing of the stream is kept.
            case stream(reason: String)
            /// These bytes.
            case bytes(from: UInt64, to: UInt64)
            /// What had been done to it is forgotten, back to an older segment.
            case metadata
            /// What a segment had of it, as far as the segment's damaged table can be believed.
            case segment(path: String)
        }

        package var streamNumber: UInt64
        package var kind: Kind

        package var description: String {
            switch kind {
            case .stream(let reason): "stream \(streamNumber) is lost: \(reason)"
            case .bytes(let start, let end):
                "stream \(streamNumber) loses bytes \(start) to \(end): it begins at \(end)"
            case .metadata: "stream \(streamNumber) loses the newest changes of its metadata"
            case .segment(let path):
                "stream \(streamNumber) loses what was in \(path), if the damaged table there can be believed"
            }
        }
    }

    package init(check: LogCheck) { self.check = check }

    /// What ``run(_:)`` would do. Changes nothing.
    package func plan(_ path: String) throws(LogInspectionError) -> Report {
        let lock = try StoreLock.forReading(path, check.fileSystem, ignoresLock: check.ignoresLock)
        defer { lock?.release() }
        let (checkReport, reading) = try check.verify(path)
        var report = Report(check: checkReport)
        guard !checkReport.damage.isEmpty, reading.listing.unfinishedRepairs.isEmpty else { return report }
        _ = try RepairWriter.identity(of: reading)
        let plan = RepairPlan(survey: survey(reading), rows: check.rows)
        plan.forEachStream(report: { report.losses.append($0) }) { (_, _) throws(Never) in report.keptStreamCount += 1 }
        return report
    }

    /// Repairs the store, if it is damaged. The store must not be open, and cannot be opened while this runs.
    package func run(_ path: String) throws(LogInspectionError) -> Report {
        let lock = try StoreLock.exclusive(path, check.fileSystem, holder: "repair, process \(getpid())")
        defer { lock.release() }
        let (checkReport, reading) = try check.verify(path)
        var report = Report(check: checkReport)
        guard !checkReport.damage.isEmpty else { return report }
        let publication = RepairPublication(
            path: path, fileSystem: check.fileSystem, oldFilesPath: "\(path)/damaged-\(timestamp(wallClock()))")
        let identity: SealedIdentity
        if let unfinished = reading.listing.unfinishedRepairs.last {
            identity = unfinished
            try RepairWriter.verify(publication.repairedPath(identity), identity, check.fileSystem)
        } else {
            identity = try RepairWriter.identity(of: reading)
            let writer = RepairWriter(
                plan: RepairPlan(survey: survey(reading), rows: check.rows), path: publication.temporaryPath(identity),
                fileSystem: check.fileSystem, progress: check.progress)
            try writer.write(identity, &report)
        }
        do throws(FileSystemError) { try publication.publish(identity) } catch { throw .system(error) }
        report.oldFilesPath = publication.oldFilesPath
        report.repairedPath = publication.path(identity)
        return report
    }

    private func survey(_ reading: StoreReading) -> StreamSurvey {
        StreamSurvey(reading: reading, validateRow: check.validateRow)
    }

    /// As in ISO 8601, without punctuation, in UTC.
    private func timestamp(_ seconds: Int) -> String {
        var (seconds, parts) = (seconds, tm())
        gmtime_r(&seconds, &parts)
        func digits(_ number: Int32, _ count: Int = 2) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, count - digits.count)) + digits
        }
        let date = digits(parts.tm_year + 1900, 4) + digits(parts.tm_mon + 1) + digits(parts.tm_mday)
        return "\(date)T\(digits(parts.tm_hour))\(digits(parts.tm_min))\(digits(parts.tm_sec))Z"
    }
}
