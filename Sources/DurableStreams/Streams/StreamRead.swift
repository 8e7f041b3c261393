public import SegmentedLog

/// A planned read of a stream: what it will give, and the means to copy the bytes.
public struct StreamRead: Sendable {
    private let read: LogRead
    /// Whether the stream was closed, durably, when the read was planned.
    public let isClosed: Bool

    init(_ read: LogRead, isClosed: Bool) {
        self.read = read
        self.isClosed = isClosed
    }

    public var start: StreamPosition { read.start }
    /// Where the next read goes on.
    public var end: StreamPosition { read.end }
    /// The durable end of the stream when the read was planned.
    public var tail: StreamPosition { read.tail }
    public var reachesTail: Bool { end == tail }
    /// Whether there is nothing behind the read, now or ever.
    public var reachesEnd: Bool { isClosed && reachesTail }

    /// The number of bytes. In a JSON stream they are messages, each followed by one comma.
    public var byteCount: Int { read.byteCount }

    /// Whether copying would not wait for the disk, as far as can be told. Where it may, copy on a thread that may wait.
    public var isResident: Bool { read.isResident }

    /// Copies the bytes. May block where ``isResident`` is false.
    /// - Parameter destination: Exactly ``byteCount`` bytes.
    public func copyBytes(into destination: UnsafeMutableRawBufferPointer) throws(StreamError) {
        read.copyBytes(into: destination)
    }

    /// The bytes, copied.
    public func bytes() throws(StreamError) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            read.copyBytes(into: UnsafeMutableRawBufferPointer(buffer))
            count = byteCount
        }
    }
}

extension Stream {
    /// Plans a read of at most `byteLimit` bytes. A JSON stream gives whole messages, at least one even if that is longer.
    /// A position beyond the tail reads as the tail. Counts as a use of the stream.
    ///
    /// - Throws: ``StreamError/notFound`` if the stream is deleted, ``StreamError/positionInsideMessage``.
    public func read(from position: StreamPosition, byteLimit: Int) throws(StreamError) -> StreamRead {
        try read(from: position, byteLimit: byteLimit, isBoundary: !contentType.isJSON)
    }

    /// - Parameter isBoundary: Whether the position is known to be none inside a JSON message, as the end of a read is.
    ///   Finding out may take a look at up to 64 KiB, and block where they are not in memory.
    func read(
        from position: StreamPosition, byteLimit: Int, isBoundary: Bool
    ) throws(StreamError) -> StreamRead {
        let now = snapshot
        guard !now.isDeleted else { throw .notFound }
        renew()
        let start = min(position, now.tail)
        if !isBoundary, start < now.tail, !isMessageBoundary(start) { throw .positionInsideMessage }
        return StreamRead(
            logStream.read(
                from: start, upTo: now.tail, byteCountLimit: byteLimit, splitsEntries: !contentType.isJSON),
            isClosed: now.isClosed)
    }

    /// Entries of a JSON stream are whole messages, and one that is longer than this is a single message.
    private static let scannedByteCountLimit = JSONBatch.partByteCount

    private func isMessageBoundary(_ position: StreamPosition) -> Bool {
        let entryStart = logStream.entryStart(atOrBefore: position)
        guard entryStart < position else { return true }
        let byteCount = position.distance(from: entryStart)
        guard byteCount <= Self.scannedByteCountLimit else { return false }
        let read = logStream.read(
            from: entryStart, upTo: position, byteCountLimit: byteCount, splitsEntries: true)
        guard read.byteCount == byteCount else { return false }
        return withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: 16) { bytes in
            read.copyBytes(into: bytes)
            return JSONMessageScanner.isBoundary(at: byteCount, in: UnsafeRawBufferPointer(bytes))
        }
    }
}
