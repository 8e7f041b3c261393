public import SegmentedLog

/// A planned read of a stream: what it will give, and the means to copy the bytes.
public struct StreamRead: Sendable {
    public let start: StreamPosition
    /// Where the next read goes on.
    public let end: StreamPosition
    /// The durable end of the stream when the read was planned.
    public let tail: StreamPosition
    /// Whether the stream was closed, durably, when the read was planned.
    public let isClosed: Bool
    private let last: LogRead
    /// What a fork inherits of it, in parts that lie before the last one. Nearly always empty.
    private let inherited: [LogRead]

    /// - Parameter reads: Side by side, in the order of the stream. At least one.
    init(
        _ reads: ArraySlice<LogRead>, _ last: LogRead, start: StreamPosition, tail: StreamPosition, isClosed: Bool
    ) {
        self.start = start
        self.tail = tail
        self.isClosed = isClosed
        self.last = last
        inherited = Array(reads)
        end = start.advanced(by: inherited.reduce(last.byteCount) { $0 + $1.byteCount })
    }

    public var reachesTail: Bool { end == tail }
    /// Whether there is nothing behind the read, now or ever.
    public var reachesEnd: Bool { isClosed && reachesTail }

    /// The number of bytes. In a JSON stream they are messages, each followed by one comma.
    public var byteCount: Int { end.distance(from: start) }

    /// Whether copying would not wait for the disk, as far as can be told. Where it may, copy on a thread that may
    /// wait.
    public var isResident: Bool { last.isResident && inherited.allSatisfy(\.isResident) }

    /// Copies the bytes. May block where ``isResident`` is false.
    /// - Parameter destination: Exactly ``byteCount`` bytes. What is in it after an error means nothing.
    /// - Throws: ``StreamError/damaged(reason:)``.
    public func copyBytes(into destination: UnsafeMutableRawBufferPointer) throws(StreamError) {
        do throws(LogReadError) {
            var rest = destination[...]
            for read in inherited {
                try read.copyBytes(into: UnsafeMutableRawBufferPointer(rebasing: rest.prefix(read.byteCount)))
                rest = rest.dropFirst(read.byteCount)
            }
            try last.copyBytes(into: UnsafeMutableRawBufferPointer(rebasing: rest))
        } catch {
            throw StreamError(error)
        }
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
    /// - Throws: ``StreamError/notFound`` if the stream is deleted, ``StreamError/gone`` if it is and has forks;
    ///   ``StreamError/trimmed(earliest:)`` if the position is before ``earliest``;
    ///   ``StreamError/positionInsideMessage``; ``StreamError/damaged(reason:)``.
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
        var position = position
        var room = byteLimit
        // What is missing is told without a look at the disk.
        while room > 0, let stretch = try? stretch(from: position, upTo: StreamPosition(rawValue: .max)) {
            let holder = stretch.stream
            guard holder.logStream.planIsResident(from: holder.logPosition(position), byteCountLimit: room)
            else { return false }
            if holder === self { return true }
            room -= stretch.end.distance(from: position)
            position = stretch.end
        }
        return true
    }

    private func contentIsResident(from position: StreamPosition, byteLimit: Int) -> Bool {
        let tail = snapshot.tail
        guard position < tail else { return true }
        return (try? plan(from: position, upTo: tail, byteLimit: byteLimit))?.isResident ?? true
    }

    /// - Parameter isBoundary: Whether the position is known to be none inside a JSON message, as the end of a read is.
    ///   Finding out may take a look at up to 64 KiB, and block where they are not in memory.
    func read(
        from position: StreamPosition, byteLimit: Int, isBoundary: Bool
    ) throws(StreamError) -> StreamRead {
        let now = snapshot
        guard !now.isDeleted else { throw isSoftDeleted ? .gone : .notFound }
        let start = min(position, now.tail)
        guard start >= now.earliest else { throw .trimmed(earliest: now.earliest) }
        if !isBoundary, start < now.tail, try !isMessageBoundary(start) {
            throw logStream.isDeleted ? .notFound : .positionInsideMessage
        }
        let read = try plan(from: start, upTo: now.tail, byteLimit: byteLimit, isClosed: now.isClosed)
        renew()
        return read
    }

    /// Plans a read of bytes that are durable, as long as the stream itself is there.
    func plan(
        from start: StreamPosition, upTo tail: StreamPosition, byteLimit: Int, isClosed: Bool = false
    ) throws(StreamError) -> StreamRead {
        let splitsEntries = !contentType.isJSON
        guard start < base else {
            let read = logStream.read(
                from: logPosition(start), upTo: logPosition(tail), byteCountLimit: byteLimit,
                splitsEntries: splitsEntries)
            // Trimmed meanwhile.
            guard read.start == logPosition(start) else { throw .trimmed(earliest: position(ofLog: read.start)) }
            // Deleted meanwhile.
            guard read.byteCount > 0 || start == tail else { throw missing(at: start) }
            return StreamRead([], read, start: start, tail: tail, isClosed: isClosed)
        }
        var reads: [LogRead] = []
        var position = start
        while position < tail, position == start || position.distance(from: start) < byteLimit {
            let room = max(1, byteLimit - position.distance(from: start))
            let stretch = try stretch(from: position, upTo: tail)
            let holder = stretch.stream
            let read = holder.logStream.read(
                from: holder.logPosition(position), upTo: holder.logPosition(stretch.end), byteCountLimit: room,
                splitsEntries: splitsEntries)
            // One entry is given even if it is longer, and that is meant for the first.
            if !reads.isEmpty, read.byteCount > room { break }
            guard read.byteCount > 0, read.start == holder.logPosition(position) else { throw missing(at: position) }
            reads.append(read)
            position = position.advanced(by: read.byteCount)
            guard position == stretch.end else { break }
        }
        guard let last = reads.last else { throw missing(at: start) }
        return StreamRead(reads.dropLast(), last, start: start, tail: tail, isClosed: isClosed)
    }

    /// What is to be read is not there: because the stream is being deleted or trimmed, or because of a fault.
    private func missing(at position: StreamPosition) -> StreamError {
        if logStream.isDeleted { return .notFound }
        if position < earliest { return .trimmed(earliest: earliest) }
        return .damaged(reason: "stream \(number.rawValue) has no bytes at position \(position.rawValue)")
    }

    /// Entries of a JSON stream are whole messages, and one that is longer than this is a single message.
    private static let scannedByteCountLimit = JSONBatch.partByteCount

    /// Whether a message of this JSON stream begins or ends at a position, which is not beyond the tail. May block.
    func isMessageBoundary(_ position: StreamPosition) throws(StreamError) -> Bool {
        let holder = try stretch(from: position, upTo: position).stream
        let logStream = holder.logStream
        let logPosition = holder.logPosition(position)
        do throws(LogReadError) {
            // Before the start nothing can be read, and it is a boundary itself.
            let start = max(try logStream.entryStart(atOrBefore: logPosition), logStream.start)
            guard start < logPosition else { return true }
            let byteCount = logPosition.distance(from: start)
            guard byteCount <= Self.scannedByteCountLimit else { return false }
            let read = logStream.read(from: start, upTo: logPosition, byteCountLimit: byteCount, splitsEntries: true)
            guard read.byteCount == byteCount else { return false }
            return try Self.isMessageBoundary(behind: read)
        } catch {
            throw StreamError(error)
        }
    }

    /// Whether a read that begins where a message does ends where one does.
    private static func isMessageBoundary(behind read: LogRead) throws(LogReadError) -> Bool {
        let byteCount = read.byteCount
        var failure: LogReadError?
        let isBoundary = withUnsafeTemporaryAllocation(byteCount: byteCount, alignment: 16) { bytes in
            do throws(LogReadError) { try read.copyBytes(into: bytes) } catch { failure = error }
            return failure == nil && JSONMessageScanner.isBoundary(at: byteCount, in: UnsafeRawBufferPointer(bytes))
        }
        if let failure { throw failure }
        return isBoundary
    }
}
