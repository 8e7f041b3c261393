internal import SegmentedLog

/// What decides about the next append to a stream: everything that was accepted so far, durable or not.
///
/// A pure fold over appends: ``apply(_:byteCount:)`` does the same for an append that was just accepted as for one that is
/// read back from the log.
struct WriterState: Sendable {
    var tail = StreamPosition.start
    var isClosed = false
    /// The last accepted `Stream-Seq`.
    var lastSequence: String?
    /// Nil until there is a producer: most streams never have one.
    private var producers: ProducerTable?

    /// In memory of its own, so that a stream without producers is small. Copied before it is changed if it is shared.
    private final class ProducerTable: @unchecked Sendable {
        var states: [String: ProducerState]
        /// The append that closed the stream, if a producer made it.
        var closedBy: ProducerStamp?

        init(states: [String: ProducerState] = [:], closedBy: ProducerStamp? = nil) {
            self.states = states
            self.closedBy = closedBy
        }
    }

    init(isClosed: Bool = false) { self.isClosed = isClosed }

    func producerState(_ identifier: String) -> ProducerState? { producers?.states[identifier] }

    /// Whether the stream was closed by exactly this append.
    func wasClosed(by stamp: ProducerStamp) -> Bool { producers?.closedBy == stamp }

    mutating func apply(_ record: AppendRecord, byteCount: Int) {
        tail = tail.advanced(by: byteCount)
        if record.closes { isClosed = true }
        if let sequence = record.sequence { lastSequence = sequence }
        if let stamp = record.producer {
            let table = ownProducerTable()
            table.states[stamp.identifier] = ProducerState(epoch: stamp.epoch, sequence: stamp.sequence)
            if record.closes { table.closedBy = stamp }
        }
    }

    private mutating func ownProducerTable() -> ProducerTable {
        if isKnownUniquelyReferenced(&producers), let producers { return producers }
        let table = ProducerTable(states: producers?.states ?? [:], closedBy: producers?.closedBy)
        producers = table
        return table
    }
}
