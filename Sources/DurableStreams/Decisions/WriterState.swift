internal import SegmentedLog

/// What decides about the next append to a stream: everything that was accepted so far, durable or not.
///
/// A pure fold over appends: ``apply(_:byteCount:)`` does the same for an append that was just accepted as for one that
/// is read back from the log.
struct WriterState: Sendable {
    var tail = StreamPosition.start
    /// Nil until there is something in it: most streams never have it.
    private var details: Details?
    var isClosed = false

    /// In memory of its own, so that a stream without these is small. Copied before it is changed if it is shared.
    private final class Details: @unchecked Sendable {
        var lastSequence: String?
        var producers: [ProducerIdentifier: ProducerState] = [:]
        /// The append that closed the stream, if a producer made it.
        var closedBy: ProducerStamp?

        init() {}

        init(copying other: Details) {
            lastSequence = other.lastSequence
            producers = other.producers
            closedBy = other.closedBy
        }
    }

    init(isClosed: Bool = false) { self.isClosed = isClosed }

    /// What a row says: all but the tail.
    init(
        isClosed: Bool, lastSequence: String?, producers: [ProducerIdentifier: ProducerState], closedBy: ProducerStamp?
    ) {
        self.isClosed = isClosed
        guard lastSequence != nil || !producers.isEmpty || closedBy != nil else { return }
        let details = ownDetails()
        details.lastSequence = lastSequence
        details.producers = producers
        details.closedBy = closedBy
    }

    /// The last accepted `Stream-Seq`.
    var lastSequence: String? { details?.lastSequence }

    var producers: [ProducerIdentifier: ProducerState] { details?.producers ?? [:] }

    /// The append that closed the stream, if a producer made it.
    var closedBy: ProducerStamp? { details?.closedBy }

    func producerState(_ identifier: String) -> ProducerState? {
        details?.producers[ProducerIdentifier(identifier)]
    }

    /// Whether the stream was closed by exactly this append.
    func wasClosed(by stamp: ProducerStamp) -> Bool { details?.closedBy == stamp }

    mutating func apply(_ record: AppendRecord, byteCount: Int) {
        tail = tail.advanced(by: byteCount)
        if record.closes { isClosed = true }
        if let sequence = record.sequence { ownDetails().lastSequence = sequence }
        if let stamp = record.producer {
            let details = ownDetails()
            details.producers[ProducerIdentifier(stamp.identifier)] = ProducerState(
                epoch: stamp.epoch, sequence: stamp.sequence)
            if record.closes { details.closedBy = stamp }
        }
    }

    private mutating func ownDetails() -> Details {
        if isKnownUniquelyReferenced(&details), let details { return details }
        let own = details.map(Details.init(copying:)) ?? Details()
        details = own
        return own
    }
}
