/// What of each stream goes into the repaired store, and what does not.
struct RepairPlan {
    let survey: StreamSurvey
    let rows: any LogRowFolder

    /// - Parameters:
    ///   - report: Called with everything that is lost, as far as can be told.
    ///   - body: Called with each stream that is kept and its metadata, by rising number.
    func forEachStream<Failure: Error>(
        report: (LogRepair.Loss) -> Void, _ body: (StreamAccount, [UInt8]) throws(Failure) -> Void
    ) throws(Failure) {
        var suspects = SuspectTables(survey.reading)
        try survey.forEachStream { (account) throws(Failure) in
            guard !account.isDeleted else { return }
            let number = account.number.rawValue
            func lose(_ kind: LogRepair.Loss.Kind) { report(LogRepair.Loss(streamNumber: number, kind: kind)) }
            guard !account.isRowLost else {
                let reason = account.rows.isEmpty ? "its beginning is missing" : "its metadata are damaged"
                return lose(.stream(reason: reason))
            }
            let row: [UInt8]
            do throws(RecoveryRefusal) {
                row = try survey.foldedRow(of: account, rows)
            } catch {
                return lose(.stream(reason: "its metadata make no sense: \(error.reason)"))
            }
            if account.isRowOutdated { lose(.metadata) }
            if account.soundStart > account.start {
                lose(.bytes(from: account.start.rawValue, to: account.soundStart.rawValue))
            }
            for path in suspects.remove(account.number) { lose(.segment(path: path)) }
            try body(account, row)
        }
        for (number, paths) in suspects.rest {
            report(
                LogRepair.Loss(
                    streamNumber: number,
                    kind: .stream(reason: "it was in \(paths[0]), if the damaged table there can be believed")))
        }
    }
}

/// The streams that damaged stream tables name. Nothing of those is used, for nothing says which of their rows are
/// whole; but they tell what may be lost.
private struct SuspectTables {
    private var pathsOfNumber: [UInt64: [String]] = [:]

    init(_ reading: StoreReading) {
        for file in reading.sealed where !file.isUsable {
            guard let segment = file.segment else { continue }
            for row in 0..<segment.streamCount {
                let stream = segment.stream(at: row)
                guard stream != .unreadable, !stream.isTombstone else { continue }
                pathsOfNumber[stream.number.rawValue, default: []].append(file.path)
            }
        }
    }

    mutating func remove(_ number: StreamNumber) -> [String] {
        pathsOfNumber.removeValue(forKey: number.rawValue) ?? []
    }

    var rest: [(number: UInt64, paths: [String])] {
        pathsOfNumber.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }
}
