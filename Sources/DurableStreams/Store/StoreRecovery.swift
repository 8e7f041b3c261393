internal import SegmentedLog

/// Builds the streams of a store from what its log gives back: the rows of those in sealed segments, then the entries
/// of the journal. Used by the thread that opens the store.
final class StoreRecovery {
    private let context: StoreContext
    private var streams: [StreamNumber: Found] = [:]

    private struct Found {
        var stream: Stream
        /// On the wall clock, in milliseconds since 1970.
        var newestCommitAt: Int64
    }

    init(_ context: StoreContext) { self.context = context }

    /// A stream as of the end of the sealed part.
    func apply(_ recovered: RecoveredStream) throws(RecoveryRefusal) {
        guard let row = StreamStateRow.decode(recovered.row) else {
            throw RecoveryRefusal(reason: "a stream's row is malformed")
        }
        guard let creation = row.creation.withUnsafeBytes({ StreamRow.decode($0) }) else {
            throw RecoveryRefusal(reason: "the record of a new stream is malformed")
        }
        let stream = try makeStream(recovered.stream, creation)
        stream.recover(row, tail: recovered.tail)
        streams[recovered.stream.number] = Found(stream: stream, newestCommitAt: recovered.newestCommitAt)
    }

    /// An entry of the journal.
    func apply(_ entry: RecoveredEntry) throws(RecoveryRefusal) {
        let number = entry.stream.number
        switch entry.kind {
        case .create:
            guard let creation = StreamRow.decode(entry.annotation) else {
                throw RecoveryRefusal(reason: "the record of a new stream is malformed")
            }
            let stream = try makeStream(entry.stream, creation)
            stream.recover(AppendRecord(closes: creation.isClosedAtCreation), byteCount: 0)
            streams[number] = Found(stream: stream, newestCommitAt: entry.committedAt)
        case .append:
            // The annotation is with the last part of an append; all parts are there or none.
            let record = entry.continues ? AppendRecord() : AppendRecord.decode(entry.annotation)
            guard let record else { throw RecoveryRefusal(reason: "the record of an append is malformed") }
            streams[number]?.stream.recover(record, byteCount: entry.payloadByteCount)
            streams[number]?.newestCommitAt = entry.committedAt
        case .trim:
            // The engine knows where its streams begin.
            break
        case .delete:
            streams[number] = nil
        }
    }

    private func makeStream(_ logStream: LogStream, _ creation: StreamRow) throws(RecoveryRefusal) -> Stream {
        if let fork = creation.fork, fork.source.rawValue >= logStream.number.rawValue {
            throw RecoveryRefusal(reason: "a fork is older than what it comes from")
        }
        // What a fork comes from is looked up when all streams are known.
        let origin = creation.fork.map { ForkOrigin($0, source: nil) }
        return Stream(
            logStream, path: creation.path, configuration: context.configuration(for: creation, origin),
            createdAt: creation.createdAt)
    }

    /// Makes what was found visible.
    func finish() {
        for found in streams.values { attachSource(of: found.stream) }
        // On the steady clock, which agrees with the wall clock now.
        let now = context.clock.steady
        for found in streams.values {
            // Reads may have renewed it after that, and clocks may have been set: rather too late than too early.
            let (latest, overflows) = found.newestCommitAt.addingReportingOverflow(Stream.renewalGraceMilliseconds)
            found.stream.didRecover(lastUse: overflows ? now : min(latest, now))
            if let outdated = context.catalog.insert(found.stream) { deleteOutdated(outdated) }
        }
        // In the same order every time.
        let concerned = streams.values.filter { StreamSweeper.isConcerned(with: $0.stream) }
        for found in concerned.sorted(by: { $0.stream.number.rawValue < $1.stream.number.rawValue }) {
            // What a crash has left undone.
            found.stream.deleteIfAbandoned()
            context.sweeper.add(found.stream, savedUse: min(found.newestCommitAt, now))
        }
        streams = [:]
    }

    /// A stream whose path belongs to a newer one: whoever created that found this one deleted, so its deletion was lost
    /// with a damaged segment that was repaired.
    private func deleteOutdated(_ stream: Stream) {
        context.eventHandler(
            StoreEvent(
                level: .warning, message: "a stream that another one has taken the path of is deleted: its deletion was lost",
                metadata: ["stream": "\(stream.number.rawValue)"]))
        // What is not possible now is found again by the next opening.
        _ = stream.attemptDelete(on: context.direct) { _ in }
    }

    private func attachSource(of stream: Stream) {
        guard let origin = stream.configuration.fork else { return }
        guard let source = streams[origin.row.source]?.stream else {
            // A source is deleted after its forks, so its segment is lost. The fork's own bytes are not.
            return context.eventHandler(
                StoreEvent(
                    level: .error, message: "what a fork comes from is missing",
                    metadata: ["stream": "\(stream.number.rawValue)", "source": "\(origin.row.source.rawValue)"]))
        }
        source.withState { $0.addFork() }
        origin.attach(source)
    }
}
