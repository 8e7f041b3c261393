internal import SegmentedLog

/// A stream's complete row: what a sealed segment keeps of a stream besides its bytes. All that the annotations of its
/// entries came to.
///
///     width  field
///         1  version, 1
///         1  flags: 1 closed, 2 has a sequence, 4 has producers, 8 closed by a producer, 16 deleted softly,
///              32 has a start of its own; other bits zero
///     4 + n  the annotation of the stream's create entry (``StreamRow``), with its byte count before it
///            if flag 2:  4 byte count of the last accepted sequence, then the sequence
///            if flag 4:  4 number of producers, at least 1; then for each, by rising identifier (byte by byte):
///                        4 byte count of the identifier, then the identifier, 8 epoch, 8 last accepted sequence number
///            if flag 8:  the producer's append that closed the stream, as above
///            if flag 32: 8 position before which the stream cannot be read any more
///
/// All integers are little endian. Nothing follows. Where the stream's own bytes begin and end, and when it was last
/// used, the engine knows by itself.
struct StreamStateRow {
    static let version: UInt8 = 1

    private enum Flag {
        static let closed: UInt8 = 1
        static let sequence: UInt8 = 2
        static let producers: UInt8 = 4
        static let closedBy: UInt8 = 8
        static let deletedSoftly: UInt8 = 16
        static let start: UInt8 = 32
        static let all = closed | sequence | producers | closedBy | deletedSoftly | start
    }

    /// The create entry's annotation, as it is.
    var creation: [UInt8]
    /// Its tail says nothing.
    var writer: WriterState
    var isDeletedSoftly = false
    /// Nil where only the engine was told of trims.
    var start: StreamPosition?

    mutating func apply(_ record: AppendRecord) {
        writer.apply(record, byteCount: 0)
        if record.deletesSoftly { isDeletedSoftly = true }
        if let position = record.start { start = max(start ?? .start, position) }
    }

    func encode() -> [UInt8] {
        let producers = writer.producers
        var out = RecordWriter()
        out.add(Self.version)
        out.add(
            (writer.isClosed ? Flag.closed : 0) | (writer.lastSequence == nil ? 0 : Flag.sequence)
                | (producers.isEmpty ? 0 : Flag.producers) | (writer.closedBy == nil ? 0 : Flag.closedBy)
                | (isDeletedSoftly ? Flag.deletedSoftly : 0) | (start == nil ? 0 : Flag.start))
        out.add(creation)
        if let sequence = writer.lastSequence { out.add(sequence) }
        if !producers.isEmpty {
            out.add(UInt32(producers.count))
            for (identifier, state) in producers.sorted(by: { $0.key < $1.key }) {
                out.add(ProducerStamp(identifier: identifier.text, epoch: state.epoch, sequence: state.sequence))
            }
        }
        if let closedBy = writer.closedBy { out.add(closedBy) }
        if let start { out.add(start.rawValue) }
        return out.bytes
    }

    /// Nil if the bytes are not such a row.
    static func decode(_ bytes: UnsafeRawBufferPointer) -> StreamStateRow? {
        var reader = RecordReader(bytes)
        guard reader.next(UInt8.self) == version, let flags = reader.next(UInt8.self), flags & ~Flag.all == 0,
            let creation = reader.nextBlock()
        else { return nil }
        var lastSequence: String?
        if flags & Flag.sequence != 0 {
            guard let sequence = reader.nextText() else { return nil }
            lastSequence = sequence
        }
        var producers: [ProducerIdentifier: ProducerState] = [:]
        if flags & Flag.producers != 0 {
            guard let found = decodeProducers(&reader) else { return nil }
            producers = found
        }
        var closedBy: ProducerStamp?
        if flags & Flag.closedBy != 0 {
            guard flags & Flag.closed != 0, let stamp = reader.nextProducerStamp() else { return nil }
            closedBy = stamp
        }
        var start: StreamPosition?
        if flags & Flag.start != 0 {
            guard let position = reader.next(UInt64.self) else { return nil }
            start = StreamPosition(rawValue: position)
        }
        guard reader.isAtEnd else { return nil }
        return StreamStateRow(
            creation: Array(creation),
            writer: WriterState(
                isClosed: flags & Flag.closed != 0, lastSequence: lastSequence, producers: producers,
                closedBy: closedBy),
            isDeletedSoftly: flags & Flag.deletedSoftly != 0, start: start)
    }

    private static func decodeProducers(_ reader: inout RecordReader) -> [ProducerIdentifier: ProducerState]? {
        guard let count = reader.next(UInt32.self), count > 0 else { return nil }
        // The count is not trusted with memory: each producer takes bytes that have to be there.
        var producers: [ProducerIdentifier: ProducerState] = [:]
        var last: ProducerIdentifier?
        for _ in 0..<count {
            guard let stamp = reader.nextProducerStamp() else { return nil }
            let identifier = ProducerIdentifier(stamp.identifier)
            if let last, identifier <= last { return nil }
            last = identifier
            producers[identifier] = ProducerState(epoch: stamp.epoch, sequence: stamp.sequence)
        }
        return producers
    }
}

extension RecordWriter {
    mutating func add(_ stamp: ProducerStamp) {
        add(stamp.identifier)
        add(stamp.epoch)
        add(stamp.sequence)
    }
}

extension RecordReader {
    mutating func nextProducerStamp() -> ProducerStamp? {
        guard let identifier = nextText(), let epoch = next(UInt64.self), let sequence = next(UInt64.self)
        else { return nil }
        return ProducerStamp(identifier: identifier, epoch: epoch, sequence: sequence)
    }
}
