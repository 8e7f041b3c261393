/// Writes a file front to back through one buffer. Not thread-safe.
struct SealedOutput: ~Copyable {
    private let file: any LogFile
    private let willWrite: (_ byteCount: Int) -> Void
    private var buffer: CommitBuffer
    /// Where in the file the buffer's first byte goes.
    private var bufferOffset = 0

    static let bufferByteCount = 1 << 20

    /// - Parameters:
    ///   - header: The first bytes, fewer than the buffer has.
    ///   - willWrite: Called before each write with the number of its bytes; may take its time.
    init(file: any LogFile, startingWith header: [UInt8], willWrite: @escaping (_ byteCount: Int) -> Void) {
        precondition(header.count < Self.bufferByteCount)
        self.file = file
        self.willWrite = willWrite
        buffer = CommitBuffer(capacity: Self.bufferByteCount)
        header.withUnsafeBytes {
            buffer.extend(by: header.count).copyMemory(from: $0.baseAddress!, byteCount: header.count)
        }
    }

    /// The number of bytes that were added.
    var byteCount: Int { bufferOffset + buffer.byteCount }

    mutating func add(_ bytes: UnsafeRawBufferPointer) throws(FileSystemError) {
        var rest = bytes
        while !rest.isEmpty {
            let count = min(rest.count, Self.bufferByteCount - buffer.byteCount)
            let part = UnsafeRawBufferPointer(rebasing: rest[..<count])
            buffer.extend(by: count).copyMemory(from: part.baseAddress!, byteCount: count)
            rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            if buffer.byteCount == Self.bufferByteCount { try flush() }
        }
    }

    mutating func add(_ bytes: [UInt8]) throws(FileSystemError) {
        // `Array.withUnsafeBytes` does not pass typed errors on.
        try bytes.withUnsafeBufferPointer { (bytes) throws(FileSystemError) in try add(UnsafeRawBufferPointer(bytes)) }
    }

    mutating func addZeros(upToMultipleOf alignment: Int) throws(FileSystemError) {
        try add([UInt8](repeating: 0, count: byteCount.roundedUp(to: alignment) - byteCount))
    }

    /// Writes what is in the buffer, and makes the file durable.
    mutating func finish() throws(FileSystemError) {
        try flush()
        try file.synchronize()
    }

    private mutating func flush() throws(FileSystemError) {
        guard buffer.byteCount > 0 else { return }
        willWrite(buffer.byteCount)
        try file.write([buffer.bytes], at: bufferOffset)
        // At the pace of these writes: to sync a large file all at once would keep commits waiting meanwhile.
        file.startWritingBack(bufferOffset..<(bufferOffset + buffer.byteCount))
        bufferOffset += buffer.byteCount
        buffer.clear(keepingAtMost: Self.bufferByteCount)
    }
}
