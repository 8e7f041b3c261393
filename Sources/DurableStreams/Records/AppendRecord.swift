internal import SegmentedLog

/// The annotation of an append: what it does besides adding bytes. An append that only adds bytes has none.
///
///     width  field
///         1  version, 1
///         1  flags: 1 closes the stream, 2 has a sequence, 4 has a producer, 8 renews the stream, 16 deletes it softly,
///              32 moves its start; other bits zero
///            if flag 2:  4 byte count of the sequence, then the sequence
///            if flag 4:  4 byte count of the producer's identifier, then the identifier, 8 epoch, 8 sequence
///            if flag 32: 8 position before which the stream cannot be read any more
///
/// Flag 8 is for reads, which leave no other trace: the time of the entry's commit counts as a use of the stream, as
/// that of every entry does. Flag 16: nobody sees the stream any more, but forks read what they inherited. Flag 32 is
/// for a trim of what forks inherited, which the engine must keep, or of what this fork did, which it does not have.
///
/// All integers are little endian. Nothing follows. The record is in the same entry as the bytes, so a producer's state
/// and its data are durable together or not at all.
struct AppendRecord: Equatable {
    static let version: UInt8 = 1

    private enum Flag {
        static let closes: UInt8 = 1
        static let sequence: UInt8 = 2
        static let producer: UInt8 = 4
        static let renews: UInt8 = 8
        static let deletesSoftly: UInt8 = 16
        static let start: UInt8 = 32
        static let all = closes | sequence | producer | renews | deletesSoftly | start
    }

    var closes = false
    var sequence: String?
    var producer: ProducerStamp?
    var renews = false
    var deletesSoftly = false
    /// Where the stream is to begin.
    var start: StreamPosition?

    func encode() -> [UInt8] {
        guard flags != 0 else { return [] }
        var writer = RecordWriter()
        writer.add(Self.version)
        writer.add(flags)
        if let sequence { writer.add(sequence) }
        if let producer {
            writer.add(producer)
        }
        if let start { writer.add(start.rawValue) }
        return writer.bytes
    }

    private var flags: UInt8 {
        (closes ? Flag.closes : 0) | (sequence == nil ? 0 : Flag.sequence) | (producer == nil ? 0 : Flag.producer)
            | (renews ? Flag.renews : 0) | (deletesSoftly ? Flag.deletesSoftly : 0) | (start == nil ? 0 : Flag.start)
    }

    /// Nil if the bytes are not such a record.
    static func decode(_ bytes: UnsafeRawBufferPointer) -> AppendRecord? {
        if bytes.isEmpty { return AppendRecord() }
        var reader = RecordReader(bytes)
        guard reader.next(UInt8.self) == version, let flags = reader.next(UInt8.self), flags & ~Flag.all == 0,
            flags != 0
        else { return nil }
        var record = AppendRecord(
            closes: flags & Flag.closes != 0, renews: flags & Flag.renews != 0,
            deletesSoftly: flags & Flag.deletesSoftly != 0)
        if flags & Flag.sequence != 0 {
            guard let sequence = reader.nextText() else { return nil }
            record.sequence = sequence
        }
        if flags & Flag.producer != 0 {
            guard let producer = reader.nextProducerStamp() else { return nil }
            record.producer = producer
        }
        if flags & Flag.start != 0 {
            guard let start = reader.next(UInt64.self) else { return nil }
            record.start = StreamPosition(rawValue: start)
        }
        return reader.isAtEnd ? record : nil
    }
}
