internal import Glibc

/// The bytes of a file that may be on a failing disk.
///
/// Touching a mapped page that the disk does not give kills the process. So a file is read once before it is mapped;
/// where that fails, a copy in memory takes the place of the mapping, with zeros for what could not be read.
struct RescuedFile {
    let file: any LogFile
    let mapping: any FileMapping
    /// Stretches that the disk does not give.
    private(set) var unreadable: [(range: Range<Int>, error: FileSystemError)] = []

    private static let chunkByteCount = 1 << 20
    /// What is lost with a place that cannot be read.
    private static let pageByteCount = 4096

    /// - Parameters:
    ///   - byteCountLimit: What of the file is looked at.
    ///   - readsAhead: Whether all of it is read before it is mapped.
    ///   - progress: Called with the number of bytes that were read since the last call.
    /// - Returns: Nil for an empty file.
    static func open(
        _ path: String, byteCountLimit: Int = .max, readsAhead: Bool, fileSystem: any FileSystem,
        progress: (Int) -> Void
    ) throws(FileSystemError) -> RescuedFile? {
        let file = try fileSystem.openFileForReading(path)
        let byteCount = min(try file.byteCount(), byteCountLimit)
        guard byteCount > 0 else { return nil }
        if readsAhead {
            let chunk = UnsafeMutableRawBufferPointer.allocate(byteCount: min(byteCount, chunkByteCount), alignment: 16)
            defer { chunk.deallocate() }
            var offset = 0
            while offset < byteCount {
                guard let count = try? file.read(into: chunk, at: offset) else {
                    return try RescuedFile(copying: file, byteCount: byteCount)
                }
                // Shorter than it was a moment ago: the mapping must not be longer.
                guard count > 0 else { throw FileSystemError(call: "read", path: path, errno: EIO) }
                offset += count
                progress(count)
            }
        }
        return RescuedFile(file: file, mapping: try file.map(byteCount: byteCount))
    }

    private init(file: any LogFile, mapping: any FileMapping) {
        self.file = file
        self.mapping = mapping
    }

    private init(copying file: any LogFile, byteCount: Int) throws(FileSystemError) {
        let copy = CopiedFile(byteCount: byteCount)
        self.init(file: file, mapping: copy)
        var offset = 0
        while offset < byteCount {
            let page = UnsafeMutableRawBufferPointer(
                rebasing: copy.memory[offset..<min(byteCount, offset + Self.pageByteCount)])
            do throws(FileSystemError) {
                _ = try file.read(into: page, at: offset)
            } catch {
                page.initializeMemory(as: UInt8.self, repeating: 0)
                add(offset..<(offset + page.count), error)
            }
            offset += page.count
        }
    }

    private mutating func add(_ range: Range<Int>, _ error: FileSystemError) {
        if let last = unreadable.last, last.range.upperBound == range.lowerBound {
            unreadable[unreadable.count - 1].range = last.range.lowerBound..<range.upperBound
        } else {
            unreadable.append((range, error))
        }
    }
}

/// A file's bytes in memory of their own.
private final class CopiedFile: FileMapping, @unchecked Sendable {
    /// Written only before the object is given out.
    let memory: UnsafeMutableRawBufferPointer

    init(byteCount: Int) {
        memory = .allocate(byteCount: byteCount, alignment: 16)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit { memory.deallocate() }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(memory) }

    func isResident(_ range: Range<Int>) -> Bool { true }
}
