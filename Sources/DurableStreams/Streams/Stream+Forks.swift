internal import SegmentedLog

/// A fork reads what it inherits from its source, by reference: the positions before its divergence are those of the
/// source, which may be a fork itself. From the divergence on they are its own; the engine counts those from 0.
extension Stream {
    /// Where the stream's own bytes begin: its divergence if it is a fork.
    var base: StreamPosition { configuration.fork?.row.divergence ?? .start }

    /// - Parameter position: Not before ``base``.
    func logPosition(_ position: StreamPosition) -> StreamPosition {
        StreamPosition(rawValue: position.rawValue - base.rawValue)
    }

    func position(ofLog position: StreamPosition) -> StreamPosition {
        StreamPosition(rawValue: base.rawValue + position.rawValue)
    }

    /// Where the stream begins.
    func earliest(_ state: State) -> StreamPosition {
        let logStart = logStream.start
        // Once bytes of its own are trimmed, nothing is left of what it inherited.
        let start = logStart > .start ? position(ofLog: logStart) : configuration.fork?.row.start ?? .start
        return max(start, state.start)
    }

    /// Whose own bytes those from a position on are, and where that ends at the latest.
    struct Stretch {
        var stream: Stream
        var end: StreamPosition
    }

    /// - Parameter end: Behind the position.
    /// - Throws: ``StreamError/damaged(reason:)`` if the stream that holds them is missing.
    func stretch(from position: StreamPosition, upTo end: StreamPosition) throws(StreamError) -> Stretch {
        var stretch = Stretch(stream: self, end: end)
        while let fork = stretch.stream.configuration.fork, position < fork.row.divergence {
            guard let source = fork.source else {
                if withState({ $0.isDeleted }) { throw .notFound }
                throw .damaged(reason: "stream \(fork.row.source.rawValue), which this one inherits from, is missing")
            }
            stretch = Stretch(stream: source, end: min(stretch.end, fork.row.divergence))
        }
        return stretch
    }

    // MARK: Becoming a source

    /// What a fork inherits, once it counts as one.
    struct Inheritance {
        var start: StreamPosition
        var divergence: StreamPosition
    }

    /// Counts another fork, which must be taken back with ``didLoseFork()`` if it does not come about.
    /// - Parameter divergence: Nil for the tail.
    func addFork(at divergence: StreamPosition?) -> Result<Inheritance, StreamError> {
        let isExpired = isExpired
        return withState { state in
            if state.softDeletionIsPending { return .failure(.forkSourceGone) }
            if state.deletionIsPending { return .failure(.forkSourceNotFound) }
            if isExpired { return .failure(state.hasForks ? .forkSourceGone : .forkSourceNotFound) }
            let start = state.pendingStart ?? earliest(state)
            let divergence = divergence ?? state.tail
            guard divergence >= start else { return .failure(.trimmed(earliest: start)) }
            state.addFork()
            return .success(Inheritance(start: start, divergence: divergence))
        }
    }

    /// The position that lies so many bytes, or in a JSON stream messages, behind another one in the same append.
    /// May wait for the disk.
    ///
    /// - Parameter offset: A boundary of messages in a JSON stream.
    /// - Throws: ``StreamError/subOffsetBeyondAppend`` if the append is not so long.
    func position(_ count: UInt64, behind offset: StreamPosition) throws(StreamError) -> StreamPosition {
        let tail = snapshot.tail
        guard offset < tail else { throw .subOffsetBeyondAppend }
        let stretch = try stretch(from: offset, upTo: tail)
        let holder = stretch.stream
        let appendEnd: StreamPosition?
        do throws(LogReadError) {
            appendEnd = try holder.logStream.appendEnd(holding: holder.logPosition(offset))
        } catch {
            throw StreamError(error)
        }
        guard let appendEnd else { throw .subOffsetBeyondAppend }
        // An append that the source went on with behind a divergence ends there.
        let end = min(holder.position(ofLog: appendEnd), stretch.end)
        guard count <= UInt64(end.distance(from: offset)) else { throw .subOffsetBeyondAppend }
        guard contentType.isJSON else { return offset.advanced(by: Int(count)) }
        var rest = count
        var position = offset
        while rest > 0 {
            guard position < end else { throw .subOffsetBeyondAppend }
            let bytes = try plan(from: position, upTo: end, byteLimit: JSONBatch.partByteCount).bytes()
            guard !bytes.isEmpty else { throw .subOffsetBeyondAppend }
            let skipped = bytes.withUnsafeBytes { JSONMessageScanner.skip(&rest, in: $0) }
            position = position.advanced(by: skipped)
        }
        return position
    }
}
