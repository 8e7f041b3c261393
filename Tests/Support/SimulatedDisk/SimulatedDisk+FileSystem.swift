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

    public func openFileForReading(_ path: String) throws(FileSystemError) -> any LogFile {
        try openFile(path)
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
                let directories = Set([Self.parent(of: path), Self.parent(of: newPath)])
                func failed(_ code: Int32) -> FileSystemError {
                    FileSystemError(call: "rename", path: path, errno: code, detail: "to \(newPath)")
                }
                guard let inode = state.names[path] else { throw failed(ENOENT) }
                guard state.names[newPath] == nil else { throw failed(EEXIST) }
                guard directories.isSubset(of: state.directories) else { throw failed(ENOENT) }
                state.names[path] = nil
                state.names[newPath] = inode
                state.operations.append(DirectoryOperation(directories, .rename(path, to: newPath)))
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
                state.operations.append(DirectoryOperation([Self.parent(of: path)], .unlink(path)))
                state.collect()
            }
        }
    }

    public func synchronizeDirectory(_ path: String) throws(FileSystemError) {
        try perform(.synchronizeDirectory) { state throws(FileSystemError) in
            try state.attempt(.synchronizeDirectory, path) { state throws(FileSystemError) in
                try state.requireDirectory(path, "synchronizeDirectory")
                for index in state.operations.indices {
                    state.operations[index].directories.remove(path)
                    let operation = state.operations[index]
                    if operation.isDurable { operation.apply(to: &state.durableNames) }
                }
                state.operations.removeAll(where: \.isDurable)
            }
        }
    }

    public func lock(_ path: String, holder: String) throws(FileSystemError) -> any DirectoryLock {
        try perform(.lock) { state throws(FileSystemError) in
            try state.attempt(.lock, path) { state throws(FileSystemError) in
                try state.requireFree(path)
                if state.readLockCounts[path] != nil {
                    throw FileSystemError(call: "lock", path: path, errno: EWOULDBLOCK, detail: "a reader")
                }
                // A lock lives in the kernel: the file that it needs is as durable as any other.
                if state.names[path] == nil { _ = try state.createFile(path) }
                state.locks[path] = holder
                return SimulatedLock(disk: self, path: path, isShared: false)
            }
        }
    }

    public func lockForReading(_ path: String) throws(FileSystemError) -> (any DirectoryLock)? {
        let exists = try perform(.lock) { state throws(FileSystemError) in
            try state.attempt(.lock, path) { state throws(FileSystemError) in
                guard state.names[path] != nil else { return false }
                try state.requireFree(path)
                state.readLockCounts[path, default: 0] += 1
                return true
            }
        }
        return exists ? SimulatedLock(disk: self, path: path, isShared: true) : nil
    }
}

extension DiskState {
    func requireDirectory(_ path: String, _ call: String) throws(FileSystemError) {
        guard directories.contains(path) else { throw FileSystemError(call: call, path: path, errno: ENOENT) }
    }

    func requireFree(_ path: String) throws(FileSystemError) {
        if let holder = locks[path] {
            throw FileSystemError(call: "lock", path: path, errno: EWOULDBLOCK, detail: holder)
        }
    }

    mutating func createFile(_ path: String) throws(FileSystemError) -> Inode {
        let directory = SimulatedDisk.parent(of: path)
        try requireDirectory(directory, "createFile")
        let inode = Inode(byteCountLimit: fileByteCountLimit)
        add(inode, path)
        operations.append(DirectoryOperation([directory], .create(path, inode)))
        return inode
    }
}

/// Holds a lock until it is released or goes away.
private final class SimulatedLock: DirectoryLock {
    private let disk: SimulatedDisk
    private let path: String
    private let isShared: Bool
    private let isHeld = Mutex(true)

    init(disk: SimulatedDisk, path: String, isShared: Bool) {
        self.disk = disk
        self.path = path
        self.isShared = isShared
    }

    deinit { release() }

    func release() {
        let wasHeld = isHeld.withLock { isHeld in
            defer { isHeld = false }
            return isHeld
        }
        guard wasHeld else { return }
        disk.state.withLock { state in
            if !isShared {
                state.locks[path] = nil
            } else if let count = state.readLockCounts[path] {
                state.readLockCounts[path] = count > 1 ? count - 1 : nil
            }
        }
    }
}
