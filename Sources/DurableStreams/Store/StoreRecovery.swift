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
        let stream = makeStream(recovered.stream, creation)
        var writer = row.writer
        writer.tail = recovered.tail
        stream.recover(writer)
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
            let stream = makeStream(entry.stream, creation)
            stream.recover(WriterState(isClosed: creation.isClosedAtCreation))
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

    private func makeStream(_ logStream: LogStream, _ creation: StreamRow) -> Stream {
        let request = CreateRequest(
            path: creation.path, contentType: creation.contentType, lifetime: creation.lifetime,
            closed: creation.isClosedAtCreation, retention: creation.retention)
        return Stream(
            logStream, path: creation.path, configuration: context.configuration(for: request),
            createdAt: creation.createdAt)
    }

    /// Makes what was found visible.
    func finish() {
        // On the steady clock, which agrees with the wall clock now.
        let now = context.clock.steady
        for found in streams.values {
            // Reads may have renewed it after that, and clocks may have been set: rather too late than too early.
            let (latest, overflows) = found.newestCommitAt.addingReportingOverflow(Stream.renewalGraceMilliseconds)
            found.stream.didRecover(lastUse: overflows ? now : min(latest, now))
            context.catalog.insert(found.stream)
            context.sweeper.add(found.stream)
        }
        streams = [:]
    }
}
