public import SegmentedLog

/// A part of a stream, in the order of the stream.
public struct StreamChunk: Sendable, Equatable {
    /// The stored form: in a JSON stream whole messages, each followed by one comma.
    public var bytes: [UInt8]
    /// Where the first byte is.
    public var start: StreamPosition
    /// Where the next chunk begins. Following from here goes on behind this chunk.
    public var end: StreamPosition
    /// Whether the chunk reached the tail when it was read.
    public var upToDate: Bool
    /// Whether the stream is closed and this is the last chunk.
    public var isClosed: Bool
}

/// Everything in a stream from a position on: what is there, then what is appended, as it becomes durable.
///
///     for try await chunk in stream.follow(from: position) {
///         handle(chunk.bytes)
///         position = chunk.end
///     }
///
/// - A chunk is read when it is asked for, so a slow consumer costs nothing: it gets larger chunks.
/// - Each loop is a following of its own. While it lasts, the stream does not expire.
/// - The last chunk of a closed stream has ``StreamChunk/isClosed``; it has no bytes if the stream was closed behind
///   what was delivered before. Then the sequence ends. No other chunk is empty.
/// - When the task is cancelled the sequence ends, without such a chunk.
/// - Fails with ``StreamError/notFound`` or ``StreamError/gone`` when the stream is deleted (or was before, or has
///   expired), with
///   ``StreamError/positionInsideMessage`` if the first position is no boundary of a JSON stream, with
///   ``StreamError/trimmed(earliest:)`` if what comes next is not kept any more, and if reading fails.
public struct StreamFollower: AsyncSequence, Sendable {
    public typealias Element = StreamChunk
    public typealias Failure = StreamError

    let stream: Stream
    let position: StreamPosition
    let byteLimit: Int

    public func makeAsyncIterator() -> Iterator { Iterator(self) }

    public struct Iterator: AsyncIteratorProtocol {
        private let stream: Stream
        private var position: StreamPosition
        private let byteLimit: Int
        private var subscription: TailSubscription?
        /// Keeps one wake-up that comes while nobody waits.
        private var changes: AsyncStream<Void>.Iterator?
        private var hasEnded = false
        /// Whether a chunk can begin at the position, as far as is known.
        private var isBoundary: Bool

        init(_ follower: StreamFollower) {
            stream = follower.stream
            position = follower.position
            byteLimit = follower.byteLimit
            isBoundary = position == .start || !stream.contentType.isJSON
        }

        public mutating func next(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws(StreamError) -> StreamChunk? {
            guard !hasEnded else { return nil }
            do throws(StreamError) {
                let chunk = try await nextChunk()
                if chunk?.isClosed ?? true { end() }
                return chunk
            } catch {
                end()
                throw error
            }
        }

        private mutating func nextChunk(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws(StreamError) -> StreamChunk? {
            // Whoever looks before it is registered may wait for what has just come.
            if subscription == nil { try subscribe() }
            while !Task.isCancelled {
                let read = try await plan()
                if read.byteCount > 0 || read.reachesEnd {
                    let bytes = try await stream.copy(read)
                    position = read.end
                    return StreamChunk(
                        bytes: bytes, start: read.start, end: read.end, upToDate: read.reachesTail,
                        isClosed: read.reachesEnd)
                }
                // A position beyond the tail counts as the tail, as it is now.
                position = read.end
                guard await changes?.next(isolation: actor) != nil else { return nil }
            }
            return nil
        }

        /// Where to find the bytes, and whether a position that somebody gave is a boundary, may have to be read from the
        /// disk; that the end of a chunk is one is known.
        private mutating func plan(
            isolation actor: isolated (any Actor)? = #isolation
        ) async throws(StreamError) -> StreamRead {
            let read: StreamRead
            if isBoundary, stream.indexIsResident(from: position, byteLimit: byteLimit) {
                read = try stream.read(from: position, byteLimit: byteLimit, isBoundary: true)
            } else {
                read = try await stream.offload { [stream, position, byteLimit, isBoundary] () throws(StreamError) in
                    try stream.read(from: position, byteLimit: byteLimit, isBoundary: isBoundary)
                }
            }
            isBoundary = true
            return read
        }

        private mutating func subscribe() throws(StreamError) {
            // A subscription keeps a stream from expiring, also one that has.
            try stream.checkLifetime()
            let signal = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
            subscription = stream.subscribe(on: stream.context.direct) { signal.continuation.yield() }
            changes = signal.stream.makeAsyncIterator()
        }

        private mutating func end() {
            hasEnded = true
            subscription?.cancel()
            subscription = nil
            changes = nil
        }
    }
}

extension Stream {
    /// Follows the stream: what there is from `position` on, and what is appended later.
    /// - Parameters:
    ///   - position: Beyond the tail counts as the tail. In a JSON stream it must be where a message begins or ends.
    ///   - byteLimit: The most bytes of one chunk, at least 1. A single message of a JSON stream may be longer.
    public func follow(from position: StreamPosition = .start, byteLimit: Int = 1 << 20) -> StreamFollower {
        StreamFollower(stream: self, position: position, byteLimit: max(1, byteLimit))
    }

    /// Copies what was planned: here if it is in memory, else on one of the store's threads, because the threads that
    /// run tasks must not wait for the disk.
    func copy(_ read: StreamRead) async throws(StreamError) -> [UInt8] {
        if read.isResident { return try read.bytes() }
        return try await offload { () throws(StreamError) in try read.bytes() }
    }

    /// Does what may block on one of the store's threads.
    func offload<Value: Sendable>(
        _ work: @escaping @Sendable () throws(StreamError) -> Value
    ) async throws(StreamError) -> Value {
        let result: Result<Value, StreamError> = await withCheckedContinuation { continuation in
            context.workers.run { continuation.resume(returning: Result { () throws(StreamError) in try work() }) }
        }
        return try result.get()
    }
}
