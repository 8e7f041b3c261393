internal import Glibc
public import SegmentedLog
internal import Synchronization

extension SimulatedDisk {
    static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    public func createDirectory(_ path: String) throws(FileSystemError) {
        try perform(.createDirectory) { state throws(FileSystemError) in
            // No effect where nothing changes.
            if !state.isDead, state.directories.contains(path) { return }
            try state.attempt(.createDirectory, path) { state throws(FileSystemError) in
                var path = path
                while state.directories.insert(path).inserted { path = Self.parent(of: path) }
            }
        }
    }

    public func listFiles(inDirectory path: String) throws(FileSystemError) -> [String] {
        try perform(.listFiles) { state throws(FileSystemError) in
            try state.attempt(.listFiles, path) { state throws(FileSystemError) in
                try state.requireDirectory(path, "listFiles")
                let names = state.names.keys.filter { Self.parent(of: $0) == path }.sorted()
                // In no order, says the protocol; here in one that is always the same.
                return names.reversed().map { String($0.dropFirst(path == "/" ? 1 : path.utf8.count + 1)) }
            }
        }
    }

    public func createFile(_ path: String) throws(FileSystemError) -> any LogFile {
        let inode = try perform(.createFile) { state throws(FileSystemError) in
            let inode = try state.attempt(.createFile, path) { state throws(FileSystemError) in
                guard state.names[path] == nil else {
                    throw FileSystemError(call: "createFile", path: path, errno: EEXIST)
                }
                return try state.createFile(path)
            }
            inode.referenceCount += 1
            return inode
        }
        return SimulatedFile(disk: self, path: path, inode: inode)
    }

    public func openFile(_ path: String) throws(FileSystemError) -> any LogFile {
        let inode = try perform(.openFile) { state throws(FileSystemError) in
            try state.attempt(.openFile, path) { state throws(FileSystemError) in
                guard let inode = state.names[path] else {
                    throw FileSystemError(call: "openFile", path: path, errno: ENOENT)
                }
                inode.referenceCount += 1
                return inode
            }
        }
        return SimulatedFile(disk: self, path: path, inode: inode)
    }

    public func rename(_ path: String, to newPath: String) throws(FileSystemError) {
        try perform(.rename) { state throws(FileSystemError) in
            try state.attempt(.rename, path, note: "to \(newPath)") { state throws(FileSystemError) in
                let directory = Self.parent(of: path)
                func failed(_ code: Int32) -> FileSystemError {
                    FileSystemError(call: "rename", path: path, errno: code, detail: "to \(newPath)")
                }
                guard let inode = state.names[path] else { throw failed(ENOENT) }
                guard state.names[newPath] == nil else { throw failed(EEXIST) }
                guard directory == Self.parent(of: newPath) else { throw failed(EXDEV) }
                state.names[path] = nil
                state.names[newPath] = inode
                state.operations.append(DirectoryOperation(directory: directory, change: .rename(path, to: newPath)))
            }
        }
    }

    public func unlink(_ path: String) throws(FileSystemError) {
        try perform(.unlink) { state throws(FileSystemError) in
            try state.attempt(.unlink, path) { state throws(FileSystemError) in
                guard let inode = state.names.removeValue(forKey: path) else {
                    throw FileSystemError(call: "unlink", path: path, errno: ENOENT)
                }
                inode.isLinked = false
                state.operations.append(DirectoryOperation(directory: Self.parent(of: path), change: .unlink(path)))
                state.collect()
            }
        }
    }

    public func synchronizeDirectory(_ path: String) throws(FileSystemError) {
        try perform(.synchronizeDirectory) { state throws(FileSystemError) in
            try state.attempt(.synchronizeDirectory, path) { state throws(FileSystemError) in
                try state.requireDirectory(path, "synchronizeDirectory")
                for operation in state.operations where operation.directory == path {
                    operation.apply(to: &state.durableNames)
                }
                state.operations.removeAll { $0.directory == path }
            }
        }
    }

    public func lock(_ path: String, holder: String) throws(FileSystemError) -> any DirectoryLock {
        try perform(.lock) { state throws(FileSystemError) in
            try state.attempt(.lock, path) { state throws(FileSystemError) in
                if let other = state.locks[path] {
                    throw FileSystemError(call: "lock", path: path, errno: EWOULDBLOCK, detail: other)
                }
                // A lock lives in the kernel: the file that it needs is as durable as any other.
                if state.names[path] == nil { _ = try state.createFile(path) }
                state.locks[path] = holder
                return SimulatedLock(disk: self, path: path)
            }
        }
    }
}

extension DiskState {
    func requireDirectory(_ path: String, _ call: String) throws(FileSystemError) {
        guard directories.contains(path) else { throw FileSystemError(call: call, path: path, errno: ENOENT) }
    }

    mutating func createFile(_ path: String) throws(FileSystemError) -> Inode {
        let directory = SimulatedDisk.parent(of: path)
        try requireDirectory(directory, "createFile")
        let inode = Inode(byteCountLimit: fileByteCountLimit)
        add(inode, path)
        operations.append(DirectoryOperation(directory: directory, change: .create(path, inode)))
        return inode
    }
}

/// Holds a lock until it is released or goes away.
private final class SimulatedLock: DirectoryLock {
    private let disk: SimulatedDisk
    private let path: String
    private let isHeld = Mutex(true)

    init(disk: SimulatedDisk, path: String) {
        self.disk = disk
        self.path = path
    }

    deinit { release() }

    func release() {
        let wasHeld = isHeld.withLock { isHeld in
            defer { isHeld = false }
            return isHeld
        }
        if wasHeld { disk.state.withLock { $0.locks[path] = nil } }
    }
}
