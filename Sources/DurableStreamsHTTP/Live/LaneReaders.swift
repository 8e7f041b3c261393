import DurableStreams

/// A reader that waits for a stream to change. Confined to its lane's executor.
protocol LiveReader: AnyObject {
    /// The server shuts down: answer with what there is.
    func endForShutdown()
}

/// What the waiting readers of one lane share. Confined to the lane's executor, except for ``lane``.
final class LaneReaders: @unchecked Sendable {
    let lane: DeliveryLane
    var eventCache = EventCache()
    private var readers: [ObjectIdentifier: any LiveReader] = [:]

    init(lane: DeliveryLane) {
        self.lane = lane
    }

    var isEmpty: Bool { readers.isEmpty }

    /// Keeps the reader alive until it is removed.
    func insert(_ reader: some LiveReader) {
        readers[ObjectIdentifier(reader)] = reader
    }

    func remove(_ reader: some LiveReader) {
        readers[ObjectIdentifier(reader)] = nil
    }

    func endAll() {
        // They remove themselves.
        for reader in Array(readers.values) { reader.endForShutdown() }
    }
}
