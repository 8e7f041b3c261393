/// Sends one append when it is told to, and tells when it has been acknowledged.
final class SingleAppender: ConnectionHandler {
    private let request: AppendRequest
    private let measurement: Measurement
    private var connection: Connection!
    private var fault: String?
    private var dueTime: UInt64 = 0
    /// Called with whether it was acknowledged, and when the answer came.
    var answered: (Bool, UInt64) -> Void = { _, _ in }
    private(set) var isWaiting = false

    /// Connects.
    init(_ request: AppendRequest, to address: ServerAddress, on thread: LoadThread) throws(LoadError) {
        self.request = request
        measurement = thread.measurement
        connection = Connection(to: address, on: thread.loop, handler: self)
        try connection.open()
    }

    var acknowledgedCount: Int { request.acknowledgedCount }

    /// The payload carries the time at which it was due.
    func append(dueAt time: UInt64) {
        isWaiting = true
        dueTime = time
        do throws(LoadError) {
            if !connection.isOpen {
                measurement.reconnectionCount += 1
                try connection.open()
            }
            connection.send(request.next(dueAt: time))
        } catch {
            end("\(error)")
        }
    }

    private func end(_ reason: String?) {
        let now = MonotonicClock.now
        isWaiting = false
        if let reason {
            measurement.failures.add(reason)
        } else {
            request.acknowledged(connection.head)
            measurement.appended(dueAt: dueTime, at: now)
        }
        answered(reason == nil, now)
    }

    func receivedHead(_ connection: Connection) { fault = request.fault(in: connection.head) }

    func receivedBody(_ bytes: UnsafeRawBufferPointer, _ connection: Connection) {
        if fault == nil { fault = "a body in the answer to an append" }
    }

    func receivedEnd(_ connection: Connection) { end(fault) }

    func closed(_ connection: Connection, because reason: String?) {
        if isWaiting { end(reason ?? "the connection ended instead of an answer") }
    }
}
