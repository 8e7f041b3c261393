/// The file of a journal segment, read as far as it verifies.
struct JournalFile {
    let number: UInt64
    let path: String
    /// Nil if the file cannot be read, or has a version that is not known.
    private(set) var segment: JournalSegment?
    /// As a header that verifies has it.
    private(set) var storeIdentifier: StoreIdentifier?
    /// Where the header does not verify: what may be left of it.
    private(set) var possibleIdentifier: StoreIdentifier?
    /// The size of the file.
    private(set) var byteCount = 0
    private(set) var findings = FindingList()
    /// Bytes that should be there, behind the end of the file; where nothing tells, as many as may have been.
    private(set) var missingByteCount = 0

    init(_ number: UInt64, inDirectory directory: String) {
        self.number = number
        path = "\(directory)/\(SegmentDirectory.name(number, .journal))"
    }

    mutating func open(_ fileSystem: any FileSystem, progress: (Int) -> Void) throws(LogInspectionError) {
        let rescued: RescuedFile?
        do throws(FileSystemError) {
            rescued = try RescuedFile.open(
                path, byteCountLimit: Int(UInt32.max), readsAhead: true, fileSystem: fileSystem, progress: progress)
        } catch {
            throw .system(error)
        }
        missingByteCount = SegmentSize.byteCountLimit
        guard let rescued else { return findings.addDamage(path, 0, "the file is empty") }
        for (range, error) in rescued.unreadable {
            findings.addDamage(path, range.lowerBound, "\(range.count) bytes cannot be read: \(error)")
        }
        byteCount = rescued.mapping.bytes.count
        try readHeader(rescued.mapping.bytes)
        segment = JournalSegment(number: number, file: rescued.file, mapping: rescued.mapping)
    }

    private mutating func readHeader(_ bytes: UnsafeRawBufferPointer) throws(LogInspectionError) {
        do throws(SegmentHeader.DecodingFailure) {
            let header = try SegmentHeader.decode(bytes)
            guard header.segmentNumber == number else {
                // It has another one's name: its frames are of that one.
                return findings.addDamage(path, 16, "the file holds segment \(header.segmentNumber)")
            }
            storeIdentifier = header.storeIdentifier
            missingByteCount = max(0, header.fileByteCount - byteCount)
            guard header.fileByteCount != byteCount else { return }
            findings.addDamage(
                path, min(byteCount, header.fileByteCount),
                "the file has \(byteCount) bytes where its header says \(header.fileByteCount)")
        } catch {
            // A flipped bit in the version is damage; a whole header of another version is not.
            if case .wrongVersion(let version) = error, SegmentHeader.isIntact(bytes) {
                throw .unsupportedVersion(path: path, version: version)
            }
            let (byteOffset, reason) = error.place(fileByteCount: byteCount)
            findings.addDamage(path, byteOffset, reason)
            var reader = ByteReader(bytes, at: min(32, bytes.count))
            if let low = reader.next(UInt64.self), let high = reader.next(UInt64.self) {
                possibleIdentifier = StoreIdentifier(low: low, high: high)
            }
        }
    }

    /// - Parameter identifier: That of the store.
    mutating func verify(_ identifier: StoreIdentifier) {
        guard let storeIdentifier, storeIdentifier != identifier else { return }
        findings.addDamage(path, 32, "the segment belongs to another store")
        segment = nil
    }

    /// Whether the first frame verifies with this identifier.
    func agrees(with identifier: StoreIdentifier) -> Bool {
        guard let segment, segment.byteCount > SegmentHeader.byteCount else { return false }
        let frames = UnsafeRawBufferPointer(rebasing: segment.bytes[SegmentHeader.byteCount...])
        return FrameHeader.decodeVerified(frames, segmentNumber: number, storeIdentifier: identifier) != nil
    }
}
