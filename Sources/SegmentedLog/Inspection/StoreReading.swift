/// Everything that can be read of a stopped store, and what is wrong with the rest. Nothing is changed.
///
/// Opening a log stops at the first fault. This goes on behind each: what verifies is taken for what was written,
/// wherever it is, and every fault is a finding.
struct StoreReading {
    let path: String
    let listing: StoreListing
    private(set) var storeIdentifier: StoreIdentifier?
    /// Those that nothing usable has taken the place of, by rising range.
    private(set) var sealed: [SealedFile] = []
    /// Likewise, by rising number.
    private(set) var journalFiles: [JournalFile] = []
    private(set) var journal = JournalWalk(files: [], storeIdentifier: nil, sealedEnd: nil)
    private(set) var findings = FindingList()

    /// - Parameters:
    ///   - verifiesBlocks: Whether the blocks of sealed segments are decoded, which takes by far the longest.
    ///   - progress: Called every now and then.
    init(
        _ path: String, fileSystem: any FileSystem, verifiesBlocks: Bool, progress: (LogProgress) -> Void
    ) throws(LogInspectionError) {
        self.path = path
        listing = try StoreListing.ofStore(path, fileSystem)
        try open(fileSystem, verifiesBlocks: verifiesBlocks, progress)
        for file in sealed { findings.add(file.findings) }
        for file in journalFiles { findings.add(file.findings) }
        findings.reportOverlaps(of: sealed)
        let end = sealed.last { $0.isUsable && $0.footerIsSound }?.segment?.journalEnd
        journal = JournalWalk(files: journalFiles, storeIdentifier: storeIdentifier, sealedEnd: end)
        journal.run()
        findings.add(journal.findings)
        findings.reportGaps(in: sealed, journal)
        reportUnneeded()
    }

    mutating func addDamage(_ path: String, _ byteOffset: Int, _ reason: String) {
        findings.addDamage(path, byteOffset, reason)
    }

    // MARK: Files

    private mutating func open(
        _ fileSystem: any FileSystem, verifiesBlocks: Bool, _ progress: (LogProgress) -> Void
    ) throws(LogInspectionError) {
        var sealed = listing.sealed.map { SealedFile($0, inDirectory: path) }
        var journal = listing.journal.filter { $0.kind == .journal }.map { JournalFile($0.number, inDirectory: path) }
        var reading = ProgressReporter(.reading)
        for index in sealed.indices {
            try sealed[index].open(fileSystem, readsAhead: verifiesBlocks) { reading.add($0, progress) }
        }
        for index in journal.indices { try journal[index].open(fileSystem) { reading.add($0, progress) } }
        storeIdentifier = Self.identifier(of: sealed, journal)
        if let storeIdentifier {
            for index in sealed.indices { try sealed[index].verify(storeIdentifier) }
            for index in journal.indices { journal[index].verify(storeIdentifier) }
        } else {
            findings.addDamage(path, 0, "no file says which store this is")
        }
        // A damaged file does not take the place of those that it was made of, if they are still there.
        let usable = sealed.filter(\.isUsable).map(\.identity)
        self.sealed = sealed.filter { file in !usable.contains { file.identity.isSuperseded(by: $0) } }
        journalFiles = journal.filter { file in !usable.contains { $0.covers(file.number) } }
        guard verifiesBlocks else { return }
        var verifying = ProgressReporter(.verifying, totalByteCount: self.sealed.reduce(0) { $0 + $1.byteCount })
        for index in self.sealed.indices { self.sealed[index].verifyBlocks { verifying.add($0, progress) } }
    }

    /// The identifier that most files have. Where no header verifies, one of those that may be left of them, if
    /// anything verifies with it.
    private static func identifier(of sealed: [SealedFile], _ journal: [JournalFile]) -> StoreIdentifier? {
        let found = sealed.compactMap(\.storeIdentifier) + journal.compactMap(\.storeIdentifier)
        if let first = found.first {
            let counts = Dictionary(found.map { ($0, 1) }, uniquingKeysWith: +)
            let most = counts.values.max()
            return found.first { counts[$0] == most } ?? first
        }
        let possible = sealed.compactMap(\.possibleIdentifier) + journal.compactMap(\.possibleIdentifier)
        return possible.first { identifier in
            sealed.contains { $0.agrees(with: identifier) } || journal.contains { $0.agrees(with: identifier) }
        }
    }

    // MARK: What is there beside

    private mutating func reportUnneeded() {
        for identity in listing.unfinishedRepairs {
            findings.addDamage(
                "\(path)/\(identity.name(suffix: StoreListing.repairedSuffix))", 0,
                "a repair was broken off: it has to be run again, to be finished")
        }
        for identity in listing.sealed where !sealed.contains(where: { $0.identity == identity }) {
            findings.addNote(
                "\(path)/\(identity.name())", 0, "superseded: a larger or newer segment has taken its place")
        }
        for name in listing.unfinished {
            findings.addNote("\(path)/\(name)", 0, "temporary: it was being made when the process ended")
        }
        for (number, kind) in listing.journal {
            let file = "\(path)/\(SegmentDirectory.name(number, kind))"
            switch kind {
            case .journal:
                guard !journalFiles.contains(where: { $0.number == number }) else { continue }
                findings.addNote(file, 0, "superseded: a sealed segment has taken its place")
            case .partial: findings.addNote(file, 0, "temporary: it was being made when the process ended")
            case .recycled: findings.addNote(file, 0, "unused: it is kept to be written anew")
            }
        }
    }
}

extension FindingList {
    fileprivate mutating func reportOverlaps(of sealed: [SealedFile]) {
        for (previous, next) in zip(sealed, sealed.dropFirst()) where previous.identity.overlaps(next.identity) {
            guard previous.isUsable, next.isUsable else { continue }
            addDamage(next.path, 16, "it overlaps with the sealed segment \(previous.path)")
        }
    }

    /// Segments that nobody needs any more are removed, so a gap in the numbers proves nothing. But where the sequence
    /// numbers do not go on across it, a file may be missing.
    fileprivate mutating func reportGaps(in sealed: [SealedFile], _ journal: JournalWalk) {
        var number: UInt64 = 0
        var sequenceNumber: LogSequenceNumber? = LogSequenceNumber(rawValue: 1)
        func report(_ path: String, from first: UInt64, _ start: LogSequenceNumber?, _ list: inout FindingList) {
            guard first > number + 1, start == nil || start != sequenceNumber else { return }
            list.addNote(
                path, 0,
                "journal segments \(number + 1) to \(first - 1) are in no file: nobody needed anything of them any "
                    + "more, or a file is missing")
        }
        for file in sealed {
            let segment = file.footerIsSound ? file.segment : nil
            report(file.path, from: file.identity.first, segment?.firstSequenceNumber, &self)
            number = max(number, file.identity.last)
            sequenceNumber = segment?.endSequenceNumber
        }
        for figures in journal.figures {
            report(figures.path, from: figures.number, figures.firstSequenceNumber, &self)
            number = max(number, figures.number)
            sequenceNumber = figures.endSequenceNumber
        }
    }
}

/// Tells of progress, but not of every step.
struct ProgressReporter {
    private var progress: LogProgress
    private var reportedByteCount = 0

    private static let stepByteCount = 4 << 20

    /// - Parameter totalByteCount: 0 if it is not known.
    init(_ phase: LogProgress.Phase, totalByteCount: Int = 0) {
        progress = LogProgress(phase: phase, doneByteCount: 0, totalByteCount: totalByteCount)
    }

    mutating func add(_ byteCount: Int, _ report: (LogProgress) -> Void) {
        progress.doneByteCount += byteCount
        guard progress.doneByteCount - reportedByteCount >= Self.stepByteCount else { return }
        reportedByteCount = progress.doneByteCount
        report(progress)
    }
}

extension StoreListing {
    /// Throws where there is no segment in the directory.
    static func ofStore(_ path: String, _ fileSystem: any FileSystem) throws(LogInspectionError) -> StoreListing {
        do throws(FileSystemError) {
            let listing = StoreListing(try fileSystem.listFiles(inDirectory: path))
            if !listing.journal.isEmpty || !listing.sealed.isEmpty || !listing.unfinishedRepairs.isEmpty {
                return listing
            }
        } catch {
            throw .system(error)
        }
        throw .noStore(path: path)
    }
}
