import SegmentedLog
import Synchronization

/// Another file system, of which it is counted what is asked.
final class CountingFileSystem: FileSystem {
    struct Counts: Equatable {
        var callCount = 0
        /// Read, or mapped: at most so many bytes come from the disk.
        var readByteCount = 0
        /// Of the writes into files whose names end with `.sealing`, in order.
        var sealingWriteByteCounts: [Int] = []
    }

    private let base: any FileSystem
    private let state = Mutex(Counts())

    init(_ base: any FileSystem) { self.base = base }

    var counts: Counts { state.withLock { $0 } }

    fileprivate func count(_ change: (inout Counts) -> Void = { _ in }) {
        state.withLock {
            $0.callCount += 1
            change(&$0)
        }
    }

    func createDirectory(_ path: String) throws(FileSystemError) {
        count()
        try base.createDirectory(path)
    }

    func listFiles(inDirectory path: String) throws(FileSystemError) -> [String] {
        count()
        return try base.listFiles(inDirectory: path)
    }

    func createFile(_ path: String) throws(FileSystemError) -> any LogFile {
        count()
        return CountedFile(try base.createFile(path), self)
    }

    func openFile(_ path: String) throws(FileSystemError) -> any LogFile {
        count()
        return CountedFile(try base.openFile(path), self)
    }

    func openFileForReading(_ path: String) throws(FileSystemError) -> any LogFile {
        count()
        return CountedFile(try base.openFileForReading(path), self)
    }

    func rename(_ path: String, to newPath: String) throws(FileSystemError) {
        count()
        try base.rename(path, to: newPath)
    }

    func unlink(_ path: String) throws(FileSystemError) {
        count()
        try base.unlink(path)
    }

    func synchronizeDirectory(_ path: String) throws(FileSystemError) {
        count()
        try base.synchronizeDirectory(path)
    }

    func lock(_ path: String, holder: String) throws(FileSystemError) -> any DirectoryLock {
        count()
        return try base.lock(path, holder: holder)
    }

    func lockForReading(_ path: String) throws(FileSystemError) -> (any DirectoryLock)? {
        count()
        return try base.lockForReading(path)
    }
}

private final class CountedFile: LogFile {
    private let base: any LogFile
    private let system: CountingFileSystem

    init(_ base: any LogFile, _ system: CountingFileSystem) {
        self.base = base
        self.system = system
    }

    var path: String { base.path }

    func byteCount() throws(FileSystemError) -> Int {
        system.count()
        return try base.byteCount()
    }

    func write(_ buffers: [UnsafeRawBufferPointer], at offset: Int) throws(FileSystemError) {
        let byteCount = buffers.reduce(0) { $0 + $1.count }
        let isSealing = path.hasSuffix(".sealing")
        system.count { counts in
            if isSealing { counts.sealingWriteByteCounts.append(byteCount) }
        }
        try base.write(buffers, at: offset)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileSystemError) -> Int {
        let byteCount = try base.read(into: buffer, at: offset)
        system.count { $0.readByteCount += byteCount }
        return byteCount
    }

    func synchronize() throws(FileSystemError) {
        system.count()
        try base.synchronize()
    }

    func map(byteCount: Int) throws(FileSystemError) -> any FileMapping {
        system.count { $0.readByteCount += byteCount }
        return try base.map(byteCount: byteCount)
    }
}
