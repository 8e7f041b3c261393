internal import Glibc

/// A disk in memory without any faults: what fuzz targets open stores on, some thousand times a second.
final class MemoryFileSystem: FileSystem, @unchecked Sendable {
    /// By path. Used by one thread.
    private var files: [String: MemoryFile] = [:]

    var paths: [String] { files.keys.sorted() }

    func content(_ path: String) -> [UInt8] { files[path].map { Array($0.bytes) } ?? [] }

    func put(_ path: String, _ content: [UInt8], byteCount: Int? = nil) {
        let file = MemoryFile(path: path)
        file.grow(to: max(content.count, byteCount ?? 0))
        file.memory.copyBytes(from: content)
        files[path] = file
    }

    func createDirectory(_: String) throws(FileSystemError) {}

    func listFiles(inDirectory path: String) throws(FileSystemError) -> [String] {
        files.keys.filter { $0.hasPrefix(path + "/") }.map { String($0.dropFirst(path.count + 1)) }
    }

    func createFile(_ path: String) throws(FileSystemError) -> any LogFile {
        guard files[path] == nil else { throw FileSystemError(call: "open", path: path, errno: EEXIST) }
        let file = MemoryFile(path: path)
        files[path] = file
        return file
    }

    func openFile(_ path: String) throws(FileSystemError) -> any LogFile { try existing(path, "open") }

    func openFileForReading(_ path: String) throws(FileSystemError) -> any LogFile { try existing(path, "open") }

    func rename(_ path: String, to newPath: String) throws(FileSystemError) {
        let file = try existing(path, "rename")
        guard files[newPath] == nil else { throw FileSystemError(call: "rename", path: newPath, errno: EEXIST) }
        files[path] = nil
        files[newPath] = file
    }

    func unlink(_ path: String) throws(FileSystemError) {
        _ = try existing(path, "unlink")
        files[path] = nil
    }

    func synchronizeDirectory(_: String) throws(FileSystemError) {}

    func lock(_: String, holder _: String) throws(FileSystemError) -> any DirectoryLock { MemoryLock() }

    func lockForReading(_: String) throws(FileSystemError) -> (any DirectoryLock)? { MemoryLock() }

    private func existing(_ path: String, _ call: String) throws(FileSystemError) -> MemoryFile {
        guard let file = files[path] else { throw FileSystemError(call: call, path: path, errno: ENOENT) }
        return file
    }

    private final class MemoryLock: DirectoryLock {
        func release() {}
    }
}

/// A file that is its own mapping. Its memory never moves once it is mapped.
final class MemoryFile: LogFile, FileMapping, @unchecked Sendable {
    let path: String
    fileprivate var memory = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    private var count = 0
    private var isMapped = false

    init(path: String) { self.path = path }

    deinit { free(memory.baseAddress) }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<count]) }

    func isResident(_: Range<Int>) -> Bool { true }

    fileprivate func grow(to newCount: Int) {
        guard newCount > count else { return }
        if newCount > memory.count {
            precondition(!isMapped, "a mapped file grows")
            // Exactly as large as the file, so that an address sanitizer sees reads beyond it.
            let new = UnsafeMutableRawBufferPointer(start: calloc(newCount, 1), count: newCount)
            new.copyMemory(from: bytes)
            free(memory.baseAddress)
            memory = new
        }
        count = newCount
    }

    func byteCount() throws(FileSystemError) -> Int { count }

    func write(_ buffers: [UnsafeRawBufferPointer], at offset: Int) throws(FileSystemError) {
        grow(to: offset + buffers.reduce(0) { $0 + $1.count })
        var place = offset
        for buffer in buffers where !buffer.isEmpty {
            // What is written may be a part of the file itself.
            memmove(memory.baseAddress! + place, buffer.baseAddress!, buffer.count)
            place += buffer.count
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileSystemError) -> Int {
        let readable = max(0, min(buffer.count, count - offset))
        if readable > 0 { buffer.baseAddress!.copyMemory(from: memory.baseAddress! + offset, byteCount: readable) }
        return readable
    }

    func synchronize() throws(FileSystemError) {}

    func map(byteCount: Int) throws(FileSystemError) -> any FileMapping {
        guard byteCount == count else { throw FileSystemError(call: "mmap", path: path, errno: EINVAL) }
        isMapped = true
        return self
    }
}
