/// The seam between the engine and the disk.
///
/// Everything that the engine does to files goes through these two protocols, so that a test can put a simulated disk
/// there that crashes at every write and fails every call. The Linux implementation is ``LinuxFileSystem``.
///
/// Paths are absolute or relative to the working directory, without a trailing slash. All calls block; none is made
/// from an event loop. Implementations are safe to use from any thread.
public protocol FileSystem: Sendable {
    /// Makes the directory and its missing parents durable. It is no error if it exists.
    func createDirectory(_ path: String) throws(FileSystemError)

    /// The names of the regular files in a directory, in no order.
    func listFiles(inDirectory path: String) throws(FileSystemError) -> [String]

    /// Creates an empty file for reading and writing. Fails with EEXIST if the name is taken.
    func createFile(_ path: String) throws(FileSystemError) -> any LogFile

    /// Opens an existing file for reading and writing.
    func openFile(_ path: String) throws(FileSystemError) -> any LogFile

    /// Opens an existing file that is only read, so that no right to write is needed.
    func openFileForReading(_ path: String) throws(FileSystemError) -> any LogFile

    /// Gives a file a new name in one step, in the same directory or in another one of the same disk. Fails with EEXIST
    /// if the new name is taken. Durable only after ``synchronizeDirectory(_:)`` of both directories.
    func rename(_ path: String, to newPath: String) throws(FileSystemError)

    /// Removes a name. Durable only after ``synchronizeDirectory(_:)``.
    func unlink(_ path: String) throws(FileSystemError)

    /// Makes creations, renames and unlinks in this directory durable.
    func synchronizeDirectory(_ path: String) throws(FileSystemError)

    /// Takes the exclusive lock file `path` for this process, creating it if needed, and leaves `holder` in it for
    /// others to read. Returns an object that holds the lock until it is released by ``DirectoryLock/release()`` or
    /// goes away. Fails with EWOULDBLOCK if it is held; ``FileSystemError/detail`` is then what the holder left.
    func lock(_ path: String, holder: String) throws(FileSystemError) -> any DirectoryLock

    /// Keeps others from taking the lock as long as the returned object lives; several may do so at once. Needs no
    /// right to write and changes nothing: nil where there is no such file. Fails like ``lock(_:holder:)`` if it is
    /// held.
    func lockForReading(_ path: String) throws(FileSystemError) -> (any DirectoryLock)?
}

/// An open file of the log. Safe to use from any thread; the engine writes a file from one thread at a time.
public protocol LogFile: AnyObject, Sendable {
    /// The path under which it was opened, for messages.
    var path: String { get }

    /// The size in bytes.
    func byteCount() throws(FileSystemError) -> Int

    /// Writes all of the buffers, one after the other, starting at `offset`. After an error any part may be written.
    func write(_ buffers: [UnsafeRawBufferPointer], at offset: Int) throws(FileSystemError)

    /// Fills as much of the buffer as the file has from `offset` on, and returns the number of bytes read.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileSystemError) -> Int

    /// Makes everything that was written to this file durable (fdatasync).
    func synchronize() throws(FileSystemError)

    /// Asks the system to begin to write a range to the disk, so that ``synchronize()`` has less to do at once later on.
    /// Promises nothing.
    func startWritingBack(_ range: Range<Int>)

    /// Maps the first `byteCount` bytes for reading. The mapping shows later writes to the file.
    /// `byteCount` is at most the size of the file, which is never made smaller while a mapping exists.
    func map(byteCount: Int) throws(FileSystemError) -> any FileMapping
}

extension LogFile {
    public func startWritingBack(_ range: Range<Int>) {}
}

/// A file's bytes in memory, mapped until the object goes away.
public protocol FileMapping: AnyObject, Sendable {
    /// Valid as long as this object lives. Reading it may block on the disk.
    var bytes: UnsafeRawBufferPointer { get }

    /// Whether reading this range now would not wait for the disk, as far as can be told. May be wrong a moment later.
    func isResident(_ range: Range<Int>) -> Bool
}

/// An exclusive lock on a store's directory.
public protocol DirectoryLock: AnyObject, Sendable {
    /// Gives the lock back. Later calls do nothing.
    func release()
}

/// A system call that failed.
public struct FileSystemError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was called: `fdatasync`, `openat`, …
    public var call: String
    /// On which path.
    public var path: String
    /// The system's error number.
    public var errno: Int32
    /// More that the call has to say, or empty.
    public var detail: String

    public init(call: String, path: String, errno: Int32, detail: String = "") {
        self.call = call
        self.path = path
        self.errno = errno
        self.detail = detail
    }

    public var description: String {
        "\(call) \(path): \(Self.message(errno))" + (detail.isEmpty ? "" : " (\(detail))")
    }
}
