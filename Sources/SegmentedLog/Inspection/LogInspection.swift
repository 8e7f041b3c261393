/// What is in a stopped store: its segments and streams, and how large they are. Only reads, and verifies what it reads,
/// but not the content of blocks: that is what ``LogCheck`` is for.
package struct LogInspection: Sendable {
    package var fileSystem: any FileSystem = LinuxFileSystem()
    /// Goes on although a process has the store open; its files may change meanwhile.
    package var ignoresLock = false
    package var progress: @Sendable (LogProgress) -> Void = { _ in }

    package init() {}

    package struct Segment: Sendable, Equatable {
        package enum Kind: String, Sendable { case journal, sealed }

        package var name: String
        package var kind: Kind
        /// Of journal segments, the first and the last.
        package var numbers: ClosedRange<UInt64>
        /// Of the file.
        package var byteCount: Int
        /// What of the file is in use: of a journal segment, up to the end of the last frame.
        package var usedByteCount: Int
        /// Streams that it has a row of, or entries.
        package var streamCount: Int
        /// Commits of a journal segment, blocks of a sealed one.
        package var unitCount: Int
        /// The bytes of streams in it.
        package var payloadByteCount: Int
        /// What those take in the file.
        package var storedByteCount: Int

        /// How many times larger the streams' bytes are than what they take.
        package var compressionRatio: Double? {
            kind == .sealed && storedByteCount > 0 ? Double(payloadByteCount) / Double(storedByteCount) : nil
        }
    }

    package struct Stream: Sendable, Equatable {
        package var number: UInt64
        /// What the store's owner makes of its metadata.
        package var label: String?
        /// The earliest position that can be read.
        package var start: UInt64
        package var tail: UInt64
        /// What its bytes take in sealed segments.
        package var sealedByteCount: Int
        /// The bytes of it that are in the journal.
        package var journalByteCount: Int
        /// Wall-clock time of its newest commit, in milliseconds since 1970.
        package var newestCommitAt: Int64
    }

    package struct Report: Sendable {
        /// 32 hexadecimal digits, in the order of the bytes in the files.
        package var storeIdentifier: String?
        package var segments: [Segment] = []
        package var streamCount = 0
        package var findings: [LogFinding] = []
    }

    /// - Parameters:
    ///   - label: Makes something readable of a stream's metadata.
    ///   - body: Called with each stream that is not deleted, by rising number.
    package func run(
        _ path: String, rows: any LogRowFolder, label: (UnsafeRawBufferPointer) -> String? = { _ in nil },
        forEachStream body: (Stream) -> Void = { _ in }
    ) throws(LogInspectionError) -> Report {
        let lock = try StoreLock.forReading(path, fileSystem, ignoresLock: ignoresLock)
        defer { lock?.release() }
        let reading = try StoreReading(path, fileSystem: fileSystem, verifiesBlocks: false, progress: progress)
        var report = Report(storeIdentifier: reading.storeIdentifier.map(hexadecimal))
        report.segments = reading.sealed.map(segment) + journalSegments(reading)
        report.findings = reading.findings.all
        let survey = StreamSurvey(reading: reading, validateRow: { _ throws(RecoveryRefusal) in })
        survey.forEachStream { (account) throws(Never) in
            guard !account.isDeleted else { return }
            report.streamCount += 1
            let row = account.isRowLost ? nil : try? survey.foldedRow(of: account, rows)
            body(stream(account, reading, label: row.flatMap { $0.withUnsafeBytes { label($0) } }))
        }
        return report
    }

    private func segment(_ file: SealedFile) -> Segment {
        var segment = Segment(
            name: file.identity.name(), kind: .sealed, numbers: file.identity.first...file.identity.last,
            byteCount: file.byteCount, usedByteCount: file.byteCount, streamCount: 0, unitCount: 0,
            payloadByteCount: 0, storedByteCount: 0)
        guard let sealed = file.segment else { return segment }
        segment.streamCount = sealed.streamCount
        segment.unitCount = sealed.blockCount
        for index in 0..<(file.indexIsSound ? sealed.blockCount : 0) {
            let block = sealed.block(at: index)
            segment.payloadByteCount += block.payloadByteCount
            segment.storedByteCount += block.storedByteCount
        }
        return segment
    }

    private func journalSegments(_ reading: StoreReading) -> [Segment] {
        var streams = reading.journal.figures.map { _ in Set<UInt64>() }
        let indices = Dictionary(
            reading.journal.figures.enumerated().map { ($0.element.number, $0.offset) }, uniquingKeysWith: { $1 })
        for item in reading.journal.items.items {
            let number = reading.journal.items.segments[Int(item.segment)].number
            if let index = indices[number] { streams[index].insert(item.streamNumber) }
        }
        return zip(reading.journal.figures, streams).map { figures, streams in
            Segment(
                name: SegmentDirectory.name(figures.number, .journal), kind: .journal,
                numbers: figures.number...figures.number, byteCount: figures.byteCount,
                usedByteCount: min(figures.usedByteCount, figures.byteCount), streamCount: streams.count,
                unitCount: figures.frameCount, payloadByteCount: figures.payloadByteCount,
                storedByteCount: figures.payloadByteCount)
        }
    }

    private func stream(_ account: StreamAccount, _ reading: StoreReading, label: String?) -> Stream {
        var stream = Stream(
            number: account.number.rawValue, label: label, start: account.start.rawValue, tail: account.tail.rawValue,
            sealedByteCount: 0, journalByteCount: 0, newestCommitAt: account.fold.changes.newestCommitAt)
        for piece in account.pieces {
            switch piece {
            case .block(let block, _): stream.sealedByteCount += block.storedByteCount
            case .entry(let index):
                stream.journalByteCount += Int(reading.journal.items.items[index].payloadByteCount)
            }
        }
        return stream
    }

    private func hexadecimal(_ identifier: StoreIdentifier) -> String {
        withUnsafeBytes(of: (identifier.low.littleEndian, identifier.high.littleEndian)) { bytes in
            bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
        }
    }
}

extension LogInspection {
    /// Throws where there is no segment in a directory.
    package static func requireStore(
        _ path: String, fileSystem: any FileSystem = LinuxFileSystem()
    ) throws(LogInspectionError) {
        _ = try StoreListing.ofStore(path, fileSystem)
    }
}
