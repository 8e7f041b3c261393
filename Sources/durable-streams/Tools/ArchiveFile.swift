import Glibc
import SegmentedLog

/// Something that is wrong with an archive, or with the file that it is in.
struct ArchiveError: Error, CustomStringConvertible {
    var description: String
}

/// A file that is written front to back through a buffer, or standard output.
final class ArchiveOutput {
    private let descriptor: CInt
    private let path: String?
    private var buffer: [UInt8] = []

    private static let bufferByteCount = 1 << 20

    /// - Parameter path: `-` for standard output. A file must not exist.
    init(_ path: String) throws(ArchiveError) {
        guard path != "-" else {
            descriptor = STDOUT_FILENO
            self.path = nil
            return
        }
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        self.path = path
        guard descriptor >= 0 else { throw Self.failed("cannot create \(path)") }
    }

    func write(_ bytes: some Collection<UInt8>) throws(ArchiveError) {
        buffer += bytes
        if buffer.count >= Self.bufferByteCount { try flush() }
    }

    /// Makes a file durable.
    func finish() throws(ArchiveError) {
        try flush()
        guard path != nil else { return }
        guard fsync(descriptor) == 0 else { throw Self.failed("cannot write") }
        close(descriptor)
    }

    /// Takes a file that is not whole away.
    func abandon() {
        guard let path else { return }
        unlink(path)
        close(descriptor)
    }

    private func flush() throws(ArchiveError) {
        var written = 0
        while written < buffer.count {
            let count = buffer.withUnsafeBytes { bytes in
                Glibc.write(descriptor, bytes.baseAddress! + written, bytes.count - written)
            }
            guard count >= 0 || errno == EINTR else { throw Self.failed("cannot write") }
            written += max(0, count)
        }
        buffer.removeAll(keepingCapacity: true)
    }

    private static func failed(_ what: String) -> ArchiveError {
        ArchiveError(description: "\(what): \(String(cString: strerror(errno)))")
    }
}

/// A file that is read front to back through a buffer, or standard input.
final class ArchiveInput {
    private let descriptor: CInt
    private var buffer: [UInt8] = []
    private var start = 0
    /// Where in the file the next byte is.
    private(set) var byteOffset = 0

    private static let bufferByteCount = 1 << 20
    private static let lineByteCountLimit = 64 << 10

    /// - Parameter path: `-` for standard input.
    init(_ path: String) throws(ArchiveError) {
        guard path != "-" else {
            descriptor = STDIN_FILENO
            return
        }
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw ArchiveError(description: "cannot open \(path): \(String(cString: strerror(errno)))")
        }
    }

    deinit { if descriptor != STDIN_FILENO { close(descriptor) } }

    /// The next line, without its end; nil at the end of the file.
    func nextLine() throws(ArchiveError) -> [UInt8]? {
        var line: [UInt8] = []
        while true {
            if start == buffer.count, try !fill() {
                guard line.isEmpty else { throw damaged("the archive ends within a line") }
                return nil
            }
            let end = buffer[start...].firstIndex(of: 0x0A)
            let part = buffer[start..<(end ?? buffer.count)]
            guard line.count + part.count <= Self.lineByteCountLimit else {
                throw damaged("a line is longer than \(Self.lineByteCountLimit) bytes")
            }
            line += part
            take(part.count + (end == nil ? 0 : 1))
            if end != nil { return line }
        }
    }

    /// The next bytes: at least one, at most so many.
    func nextBytes(upTo count: Int) throws(ArchiveError) -> ArraySlice<UInt8> {
        if start == buffer.count, try !fill() { throw damaged("the archive ends within a stream") }
        // The count may be as large as a number can be.
        let part = buffer[start...].prefix(count)
        take(part.count)
        return part
    }

    func damaged(_ reason: String) -> ArchiveError {
        ArchiveError(description: "the archive is damaged before byte \(byteOffset): \(reason)")
    }

    private func take(_ count: Int) {
        start += count
        byteOffset += count
    }

    /// False at the end of the file.
    private func fill() throws(ArchiveError) -> Bool {
        start = 0
        buffer.removeAll(keepingCapacity: true)
        while true {
            var count = 0
            buffer = [UInt8](unsafeUninitializedCapacity: Self.bufferByteCount) { bytes, initializedCount in
                count = read(descriptor, bytes.baseAddress!, bytes.count)
                initializedCount = max(0, count)
            }
            if count >= 0 { return count > 0 }
            guard errno == EINTR else {
                throw ArchiveError(description: "cannot read: \(String(cString: strerror(errno)))")
            }
        }
    }
}
