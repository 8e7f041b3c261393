internal import Glibc

/// The directory of a store: which files it may hold, and how a segment's file comes and goes.
///
///     LOCK                        held by the process that has the store open; its content names the holder
///     0000000000000007.journal    journal segment 7
///     0000000000000008.partial    a file that is being filled with zeros; worthless after a crash
///     0000000000000003.recycled   the file of a journal segment that is not needed any more, to be written anew
///     0000000000000001-0000000000000004-00000001.sealed    what journal segments 1 to 4 held, by stream
///     0000000000000005-0000000000000005-00000000.sealing   a sealed segment that is being made; worthless after a crash
///
/// The listing is the truth: there is no file that names the others. Each step below can be repeated after a crash.
/// Blocks; safe to use from any thread, though only the provisioner and recovery do.
struct SegmentDirectory: Sendable {
    let path: String
    let fileSystem: any FileSystem
    let storeIdentifier: StoreIdentifier

    enum FileKind: String, CaseIterable { case journal, partial, recycled }

    /// Splits a name into its segment number and kind; nil for any other file.
    static func parse(_ name: String) -> (number: UInt64, kind: FileKind)? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[0].count == 16, parts[0].utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let number = UInt64(parts[0]), number > 0, number <= UInt64(UInt32.max),
            let kind = FileKind(rawValue: String(parts[1]))
        else { return nil }
        return (number, kind)
    }

    static func name(_ number: UInt64, _ kind: FileKind) -> String {
        let digits = String(number)
        return String(repeating: "0", count: 16 - digits.count) + digits + "." + kind.rawValue
    }

    func path(_ number: UInt64, _ kind: FileKind) -> String { "\(path)/\(Self.name(number, kind))" }

    func path(_ identity: SealedIdentity) -> String { "\(path)/\(identity.name())" }

    /// Where a sealed segment is while it is made.
    func temporaryPath(_ identity: SealedIdentity) -> String { "\(path)/\(identity.name(suffix: "sealing"))" }

    /// Creates a segment from nothing: filled with zeros, so that later syncs into it need no new extents, then named.
    func createSegment(_ number: UInt64, byteCount: Int) throws(FileSystemError) -> JournalSegment {
        try checkNumber(number)
        let partial = path(number, .partial)
        let file = try fileSystem.createFile(partial)
        do throws(FileSystemError) {
            try fill(file, byteCount: byteCount)
            try writeHeader(number, of: file, byteCount: byteCount)
            return try publish(partial, as: number, byteCount: byteCount)
        } catch {
            // If it has its name by now, whoever asked for the segment abandons it.
            try? fileSystem.unlink(partial)
            throw error
        }
    }

    /// Makes a new segment of a dead one's file. What the file holds stays: its frames name another segment.
    func reuseSegment(_ oldNumber: UInt64, as number: UInt64, byteCount: Int) throws(FileSystemError) -> JournalSegment {
        try checkNumber(number)
        let old = path(oldNumber, .recycled)
        try writeHeader(number, of: try fileSystem.openFile(old), byteCount: byteCount)
        return try publish(old, as: number, byteCount: byteCount)
    }

    /// Takes a segment out of the log. Durable when this returns. May be repeated.
    func retire(_ number: UInt64) throws(FileSystemError) {
        do throws(FileSystemError) {
            try fileSystem.rename(path(number, .journal), to: path(number, .recycled))
        } catch where error.errno == ENOENT {
            // An attempt before this one got so far.
        }
        try fileSystem.synchronizeDirectory(path)
    }

    /// Makes sure that a segment that could not be made does not turn up among the others. Durable when this returns.
    func abandon(_ number: UInt64) throws(FileSystemError) {
        for kind in [FileKind.partial, .journal] {
            do throws(FileSystemError) {
                try fileSystem.unlink(path(number, kind))
            } catch where error.errno == ENOENT {
                // It is gone, or never got its name.
            }
        }
        try fileSystem.synchronizeDirectory(path)
    }

    func remove(_ number: UInt64, _ kind: FileKind) throws(FileSystemError) {
        try fileSystem.unlink(path(number, kind))
    }

    /// Numbers have 32 bits: more than any disk lasts for, but one that was read may be the last of them.
    private func checkNumber(_ number: UInt64) throws(FileSystemError) {
        guard number > UInt64(UInt32.max) else { return }
        throw FileSystemError(
            call: "open", path: path(number, .partial), errno: EOVERFLOW, detail: "no segment number is left")
    }

    private func publish(_ source: String, as number: UInt64, byteCount: Int) throws(FileSystemError) -> JournalSegment {
        let target = path(number, .journal)
        try fileSystem.rename(source, to: target)
        try fileSystem.synchronizeDirectory(path)
        return try JournalSegment(number: number, file: try fileSystem.openFile(target), byteCount: byteCount)
    }

    private func fill(_ file: any LogFile, byteCount: Int) throws(FileSystemError) {
        let zeros = OwnedBytes(byteCount: min(byteCount, 1 << 20)) { memset($0.baseAddress!, 0, $0.count) }
        var offset = 0
        while offset < byteCount {
            let count = min(zeros.bytes.count, byteCount - offset)
            try file.write([UnsafeRawBufferPointer(rebasing: zeros.bytes[..<count])], at: offset)
            offset += count
        }
    }

    private func writeHeader(_ number: UInt64, of file: any LogFile, byteCount: Int) throws(FileSystemError) {
        let header = SegmentHeader(segmentNumber: number, fileByteCount: byteCount, storeIdentifier: storeIdentifier)
        let page = OwnedBytes(byteCount: SegmentHeader.byteCount) { $0.copyBytes(from: header.encode()) }
        try file.write([page.bytes], at: 0)
        try file.synchronize()
    }
}
