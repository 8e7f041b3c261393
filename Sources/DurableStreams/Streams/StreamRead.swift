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
    /// - Parameter destination: Exactly ``byteCount`` bytes. What is in it after an error means nothing.
    /// - Throws: ``StreamError/damaged(reason:)``.
    public func copyBytes(into destination: UnsafeMutableRawBufferPointer) throws(StreamError) {
        do throws(LogReadError) { try read.copyBytes(into: destination) } catch { throw StreamError(error) }
    }

    /// The bytes, copied. See ``copyBytes(into:)``.
    public func bytes() throws(StreamError) -> [UInt8] {
        var failure: StreamError?
        let bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
            do throws(StreamError) {
                try copyBytes(into: UnsafeMutableRawBufferPointer(buffer))
                count = byteCount
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }
}

extension Stream {
    /// Plans a read of at most `byteLimit` bytes. A JSON stream gives whole messages, at least one even if that is
    /// longer. A position beyond the tail reads as the tail. Counts as a use of the stream.
    ///
    /// May wait for the disk where ``readIsResident(from:byteLimit:)`` is false.
    ///
    /// - Throws: ``StreamError/notFound`` if the stream is deleted; ``StreamError/trimmed(earliest:)`` if the position
    ///   is before ``earliest``; ``StreamError/positionInsideMessage``; ``StreamError/damaged(reason:)``.
    public func read(from position: StreamPosition, byteLimit: Int) throws(StreamError) -> StreamRead {
        try read(from: position, byteLimit: byteLimit, isBoundary: !contentType.isJSON)
    }

    /// Whether ``read(from:byteLimit:)`` and then ``StreamRead/copyBytes(into:)`` would not wait for the disk, nor
    /// take long, as far as can be told. Never waits itself. Where it is false, do both on a thread that may wait
    /// (``StreamStore/offload(_:)``).
    public func readIsResident(from position: StreamPosition, byteLimit: Int) -> Bool {
        planIsResident(from: position, byteLimit: byteLimit) && contentIsResident(from: position, byteLimit: byteLimit)
    }

    /// Whether ``read(from:byteLimit:)`` would not wait for the disk, as far as can be told; copying still may
    /// (``StreamRead/isResident``). Never waits itself.
    public func planIsResident(from position: StreamPosition, byteLimit: Int) -> Bool {
        guard indexIsResident(from: position, byteLimit: byteLimit) else { return false }
        // Whether a message begins there has to be looked up in what is there.
        return !contentType.isJSON || position <= earliest || contentIsResident(from: position, byteLimit: 1)
    }

    /// Whether planning a read from a boundary would not wait for the disk.
    func indexIsResident(from position: StreamPosition, byteLimit: Int) -> Bool {
        logStream.planIsResident(from: position, byteCountLimit: byteLimit)
    }

    private func contentIsResident(from position: StreamPosition, byteLimit: Int) -> Bool {
        let tail = snapshot.tail
        guard position < tail else { return true }
        return logStream.read(from: position, upTo: tail, byteCountLimit: byteLimit, splitsEntries: true).isResident
    }

    /// - Parameter isBoundary: Whether the position is known to be none inside a JSON message, as the end of a read is.
    ///   Finding out may take a look at up to 64 KiB, and block where they are not in memory.
    func read(
        from position: StreamPosition, byteLimit: Int, isBoundary: Bool
    ) throws(StreamError) -> StreamRead {
        let now = snapshot
        guard !now.isDeleted else { throw .notFound }
        let start = min(position, now.tail)
        guard start >= now.earliest else { throw .trimmed(earliest: now.earliest) }
        if !isBoundary, start < now.tail, try !isMessageBoundary(start) { throw .positionInsideMessage }
        let read = logStream.read(
            from: start, upTo: now.tail, byteCountLimit: byteLimit, splitsEntries: !contentType.isJSON)
        // Trimmed meanwhile.
        guard read.start == start else { throw .trimmed(earliest: read.start) }
        renew()
        return StreamRead(read, isClosed: now.isClosed)
    }

    /// Entries of a JSON stream are whole messages, and one that is longer than this is a single message.
    private static let scannedByteCountLimit = JSONBatch.partByteCount

    /// Whether a message of this JSON stream begins or ends at a position, which is not beyond the tail. May block.
    func isMessageBoundary(_ position: StreamPosition) throws(StreamError) -> Bool {
        let start: StreamPosition
        do throws(LogReadError) {
            // Before the earliest position nothing can be read, and it is a boundary itself.
            start = max(try logStream.entryStart(atOrBefore: position), earliest)
        } catch {
            throw StreamError(error)
        }
        guard start < position else { return true }
        let byteCount = position.distance(from: start)
        guard byteCount <= Self.scannedByteCountLimit else { return false }
        let read = logStream.read(from: start, upTo: position, byteCountLimit: byteCount, splitsEntries: true)
        guard read.byteCount == byteCount else { return false }
        let result = withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: 16) { bytes in
            Result { () throws(LogReadError) in
                try read.copyBytes(into: bytes)
                return JSONMessageScanner.isBoundary(at: byteCount, in: UnsafeRawBufferPointer(bytes))
            }
        }
        do throws(LogReadError) { return try result.get() } catch { throw StreamError(error) }
    }
}
