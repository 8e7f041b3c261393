internal import SegmentedLog

/// Builds the streams of a store from the entries of its log. Used by the thread that opens the store.
final class StoreRecovery {
    private let context: StoreContext
    private let now: Int64
    private var streams: [StreamNumber: Stream] = [:]

    init(_ context: StoreContext, now: Int64) {
        self.context = context
        self.now = now
    }

    func apply(_ entry: RecoveredEntry) throws(RecoveryRefusal) {
        let number = entry.stream.number
        switch entry.kind {
        case .create:
            guard let row = StreamRow.decode(entry.annotation) else {
                throw RecoveryRefusal(reason: "the record of a new stream is malformed")
            }
            let request = CreateRequest(
                path: row.path, contentType: row.contentType, lifetime: row.lifetime, closed: row.isClosedAtCreation)
            let stream = Stream(
                entry.stream, path: row.path, configuration: context.configuration(for: request),
                createdAt: row.createdAt)
            stream.recover(AppendRecord(closes: row.isClosedAtCreation), byteCount: 0)
            streams[number] = stream
        case .append:
            // The annotation is with the last part of an append; all parts are there or none.
            let record = entry.continues ? AppendRecord() : AppendRecord.decode(entry.annotation)
            guard let record else { throw RecoveryRefusal(reason: "the record of an append is malformed") }
            streams[number]?.recover(record, byteCount: entry.payloadByteCount)
        case .delete:
            streams[number] = nil
        }
    }

    /// Makes what was found visible.
    func finish() {
        for stream in streams.values {
            stream.didRecover(now: now)
            context.catalog.insert(stream)
        }
    }
}
