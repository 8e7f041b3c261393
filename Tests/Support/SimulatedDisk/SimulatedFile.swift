internal import Glibc
internal import SegmentedLog
internal import Synchronization

/// An open file. The space of its bytes is in use as long as this object lives.
final class SimulatedFile: LogFile {
    let path: String
    private let disk: SimulatedDisk
    private let inode: Inode

    /// Takes over one reference that was counted under the disk's mutex; `deinit` gives it back, so that it must not
    /// happen under that mutex.
    init(disk: SimulatedDisk, path: String, inode: Inode) {
        self.disk = disk
        self.path = path
        self.inode = inode
    }

    deinit { disk.release(inode) }

    func byteCount() throws(FileSystemError) -> Int {
        try disk.perform(.byteCount) { state throws(FileSystemError) in
            try state.attempt(.byteCount, path) { _ throws(FileSystemError) in inode.byteCount }
        }
    }

    func write(_ buffers: [UnsafeRawBufferPointer], at offset: Int) throws(FileSystemError) {
        let bytes = [UInt8](copying: buffers)
        try disk.perform(.write) { state throws(FileSystemError) in
            try state.write(bytes, to: inode, path, at: offset)
        }
    }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileSystemError) -> Int {
        try disk.perform(.read) { state throws(FileSystemError) in
            try state.attempt(.read, path) { _ throws(FileSystemError) in
                let count = max(0, min(buffer.count, inode.byteCount - offset))
                if count > 0 { memcpy(buffer.baseAddress!, inode.cache.bytes.baseAddress! + offset, count) }
                return count
            }
        }
    }

    func synchronize() throws(FileSystemError) {
        try disk.perform(.synchronize) { state throws(FileSystemError) in
            try state.synchronize(inode, path)
        }
    }

    func map(byteCount: Int) throws(FileSystemError) -> any FileMapping {
        try disk.perform(.map) { state throws(FileSystemError) in
            try state.attempt(.map, path) { _ throws(FileSystemError) in
                guard byteCount > 0 else { throw FileSystemError(call: "map", path: path, errno: EINVAL) }
                // A real disk would kill the process where the mapping is read: this is a mistake of the caller.
                precondition(byteCount <= inode.byteCount, "\(path) has \(inode.byteCount) bytes, not \(byteCount)")
                inode.referenceCount += 1
            }
        }
        return SimulatedMapping(disk: disk, inode: inode, byteCount: byteCount)
    }
}

/// The first bytes of a file's page cache, which stays where it is even when the disk is dead.
private final class SimulatedMapping: FileMapping {
    private let disk: SimulatedDisk
    private let inode: Inode
    private let byteCount: Int

    /// Takes over one reference, as an open file does.
    init(disk: SimulatedDisk, inode: Inode, byteCount: Int) {
        self.disk = disk
        self.inode = inode
        self.byteCount = byteCount
    }

    deinit { disk.release(inode) }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: inode.cache.bytes[..<byteCount]) }

    func isResident(_ range: Range<Int>) -> Bool {
        precondition(range.lowerBound >= 0 && range.upperBound <= byteCount)
        return disk.mappingsAreResident
    }
}

extension SimulatedDisk {
    /// An open file or a mapping is gone.
    fileprivate func release(_ inode: Inode) {
        state.withLock { state in
            inode.referenceCount -= 1
            state.collect()
        }
    }
}
