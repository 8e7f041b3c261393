internal import CSystemShims
internal import Glibc
internal import Synchronization

/// The real disk, by way of Linux system calls. Calls that a signal interrupted are made again; nothing else is retried.
public struct LinuxFileSystem: FileSystem {
    public init() {}

    public func createDirectory(_ path: String) throws(FileSystemError) {
        if mkdir(path, 0o755) == 0 {
            return try synchronizeDirectory(Self.parent(of: path))
        }
        switch errno {
        case EEXIST:
            var status = stat()
            guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR else {
                throw FileSystemError(call: "mkdir", path: path, errno: ENOTDIR)
            }
            // Whoever made it may have been killed before it was durable. Where the parent cannot be read it was not us.
            do throws(FileSystemError) {
                try synchronizeDirectory(Self.parent(of: path))
            } catch where error.errno == EACCES {}
        case ENOENT where Self.parent(of: path) != path:
            try createDirectory(Self.parent(of: path))
            try createDirectory(path)
        case let code:
            throw FileSystemError(call: "mkdir", path: path, errno: code)
        }
    }

    public func listFiles(inDirectory path: String) throws(FileSystemError) -> [String] {
        guard let directory = opendir(path) else {
            throw FileSystemError(call: "opendir", path: path, errno: errno)
        }
        defer { closedir(directory) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = readdir(directory) else {
                guard errno == 0 else { throw FileSystemError(call: "readdir", path: path, errno: errno) }
                return names
            }
            let name = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            var status = stat()
            guard stat("\(path)/\(name)", &status) == 0 else {
                // Gone since. Any other failure must not pass for a file that is not there.
                if errno == ENOENT { continue }
                throw FileSystemError(call: "stat", path: "\(path)/\(name)", errno: errno)
            }
            if status.st_mode & S_IFMT == S_IFREG { names.append(name) }
        }
    }

    public func createFile(_ path: String) throws(FileSystemError) -> any LogFile {
        LinuxFile(path: path, descriptor: try Self.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC))
    }

    public func openFile(_ path: String) throws(FileSystemError) -> any LogFile {
        LinuxFile(path: path, descriptor: try Self.open(path, O_RDWR | O_CLOEXEC))
    }

    public func openFileForReading(_ path: String) throws(FileSystemError) -> any LogFile {
        LinuxFile(path: path, descriptor: try Self.open(path, O_RDONLY | O_CLOEXEC))
    }

    public func rename(_ path: String, to newPath: String) throws(FileSystemError) {
        guard shim_rename_without_replacing(path, newPath) == 0 else {
            throw FileSystemError(call: "renameat2", path: path, errno: errno, detail: "to \(newPath)")
        }
    }

    public func unlink(_ path: String) throws(FileSystemError) {
        guard Glibc.unlink(path) == 0 else { throw FileSystemError(call: "unlink", path: path, errno: errno) }
    }

    public func synchronizeDirectory(_ path: String) throws(FileSystemError) {
        let descriptor = try Self.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        defer { Glibc.close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileSystemError(call: "fsync", path: path, errno: errno) }
    }

    public func lock(_ path: String, holder: String) throws(FileSystemError) -> any DirectoryLock {
        let descriptor = try Self.open(path, O_RDWR | O_CREAT | O_CLOEXEC)
        let lock = LinuxDirectoryLock(descriptor: descriptor)
        try Self.lock(descriptor, LOCK_EX, path)
        // Who holds the lock is a courtesy to whoever is refused: the lock itself is the kernel's. A full disk is no reason
        // not to open the store.
        let line = Array("\(holder)\n".utf8)
        if ftruncate(descriptor, 0) == 0 { _ = pwrite(descriptor, line, line.count, 0) }
        return lock
    }

    public func lockForReading(_ path: String) throws(FileSystemError) -> (any DirectoryLock)? {
        let descriptor: CInt
        do throws(FileSystemError) {
            descriptor = try Self.open(path, O_RDONLY | O_CLOEXEC)
        } catch {
            guard error.errno == ENOENT else { throw error }
            return nil
        }
        let lock = LinuxDirectoryLock(descriptor: descriptor)
        try Self.lock(descriptor, LOCK_SH, path)
        return lock
    }

    /// The descriptor is not closed here.
    private static func lock(_ descriptor: CInt, _ kind: CInt, _ path: String) throws(FileSystemError) {
        guard flock(descriptor, kind | LOCK_NB) == 0 else {
            let code = errno
            var text = [UInt8](repeating: 0, count: 512)
            let count = max(0, pread(descriptor, &text, text.count, 0))
            let detail = String(decoding: text.prefix(count).prefix { $0 != 0x0A }, as: UTF8.self)
            throw FileSystemError(call: "flock", path: path, errno: code, detail: detail)
        }
    }

    static func open(_ path: String, _ flags: Int32) throws(FileSystemError) -> CInt {
        while true {
            let descriptor = Glibc.open(path, flags, 0o644)
            if descriptor >= 0 { return descriptor }
            guard errno == EINTR else { throw FileSystemError(call: "open", path: path, errno: errno) }
        }
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }
}

extension FileSystemError {
    static func message(_ code: Int32) -> String { String(cString: strerror(code)) }

    /// Whether the disk (or the user's quota on it) is full.
    public var isDiskFull: Bool { errno == ENOSPC || errno == EDQUOT }

    /// Whether a lock was asked for that somebody else holds.
    var isHeldLock: Bool { errno == EWOULDBLOCK }
}

/// A file descriptor, closed when the object goes away.
private final class LinuxFile: LogFile {
    let path: String
    private let descriptor: CInt

    init(path: String, descriptor: CInt) {
        self.path = path
        self.descriptor = descriptor
    }

    deinit { Glibc.close(descriptor) }

    func byteCount() throws(FileSystemError) -> Int {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failed("fstat") }
        return Int(status.st_size)
    }

    func write(_ buffers: [UnsafeRawBufferPointer], at offset: Int) throws(FileSystemError) {
        var vectors = buffers.filter { !$0.isEmpty }.map {
            iovec(iov_base: UnsafeMutableRawPointer(mutating: $0.baseAddress), iov_len: $0.count)
        }
        var first = 0
        var offset = offset
        while first < vectors.count {
            let count = min(vectors.count - first, 1024)
            let written = vectors.withUnsafeBufferPointer { pwritev(descriptor, $0.baseAddress! + first, CInt(count), off_t(offset)) }
            guard written >= 0 else {
                if errno == EINTR { continue }
                throw failed("pwritev")
            }
            guard written > 0 else { throw FileSystemError(call: "pwritev", path: path, errno: EIO, detail: "nothing written") }
            offset += written
            var rest = written
            while rest > 0 {
                if rest >= vectors[first].iov_len {
                    rest -= vectors[first].iov_len
                    first += 1
                } else {
                    vectors[first].iov_base += rest
                    vectors[first].iov_len -= rest
                    rest = 0
                }
            }
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileSystemError) -> Int {
        var filled = 0
        while filled < buffer.count {
            let count = pread(descriptor, buffer.baseAddress! + filled, buffer.count - filled, off_t(offset + filled))
            guard count >= 0 else {
                if errno == EINTR { continue }
                throw failed("pread")
            }
            if count == 0 { break }
            filled += count
        }
        return filled
    }

    func synchronize() throws(FileSystemError) {
        // Not retried, not even after EINTR: after a failed sync nobody knows what is on the disk.
        guard fdatasync(descriptor) == 0 else { throw failed("fdatasync") }
    }

    func startWritingBack(_ range: Range<Int>) {
        // If writing fails, the sync says so.
        _ = shim_start_writing_back(descriptor, Int64(range.lowerBound), Int64(range.count))
    }

    func map(byteCount: Int) throws(FileSystemError) -> any FileMapping {
        guard let base = mmap(nil, byteCount, PROT_READ, MAP_SHARED, descriptor, 0), base != MAP_FAILED else {
            throw failed("mmap")
        }
        return LinuxFileMapping(bytes: UnsafeRawBufferPointer(start: base, count: byteCount))
    }

    private func failed(_ call: String) -> FileSystemError { FileSystemError(call: call, path: path, errno: errno) }
}

private final class LinuxFileMapping: FileMapping, @unchecked Sendable {
    /// Written by nobody through this mapping; the kernel keeps it valid until `munmap` in `deinit`.
    let bytes: UnsafeRawBufferPointer

    init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    deinit { munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count) }

    func isResident(_ range: Range<Int>) -> Bool {
        let pageByteCount = 4096
        let first = range.lowerBound / pageByteCount * pageByteCount
        let pageCount = (range.upperBound - first + pageByteCount - 1) / pageByteCount
        let base = UnsafeMutableRawPointer(mutating: bytes.baseAddress! + first)
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: max(pageCount, 1)) { pages in
            guard mincore(base, range.upperBound - first, pages.baseAddress!) == 0 else { return false }
            return pages.prefix(pageCount).allSatisfy { $0 & 1 == 1 }
        }
    }
}

private final class LinuxDirectoryLock: DirectoryLock {
    /// The kernel gives the lock back when the descriptor is closed. Nil once that has been done.
    private let descriptor: Mutex<CInt?>

    init(descriptor: CInt) { self.descriptor = Mutex(descriptor) }

    deinit { release() }

    func release() {
        descriptor.withLock { descriptor in
            if let descriptor { Glibc.close(descriptor) }
            descriptor = nil
        }
    }
}
