/// One connection that makes one request after the other: each when the one before has been answered, or at a fixed
/// rate. With a rate, a request that has to wait for the one before it is still measured from the time at which it was
/// due, so that a server that stalls is not spared the requests of that time.
///
/// Subclasses say what is asked for and what the answer has to be.
class RequestClient: LoadClient, ConnectionHandler {
    /// After so many failures in a row it makes no sense to go on.
    private static let failureLimit = 100

    let measurement: Measurement
    private(set) var connection: Connection!
    private(set) var isFinished = false
    /// When the request was due.
    private(set) var requestTime: UInt64 = 0
    /// From one request to the next, in nanoseconds; 0: as fast as the answers come.
    var interval: UInt64 = 0
    private var isWaiting = false
    let loop: EventLoop
    /// What is wrong with the answer that is arriving.
    private(set) var fault: String?
    private var consecutiveFailureCount = 0

    /// Connects.
    init(to address: ServerAddress, on thread: LoadThread, answersHead: Bool = false) throws(LoadError) {
        measurement = thread.measurement
        loop = thread.loop
        connection = Connection(to: address, on: loop, handler: self, answersHead: answersHead)
        try connection.open()
    }

    // MARK: What subclasses decide

    /// The next request; nil: there is none.
    func nextRequest(at time: UInt64) -> RequestBytes? { nil }

    /// What is wrong with the head, if anything.
    func fault(in head: ResponseHead) -> String? { nil }

    /// What is wrong with this piece of the body, if anything.
    func fault(inBody piece: UnsafeRawBufferPointer) -> String? { "a body where there has to be none" }

    /// What is wrong with the whole answer, if anything.
    func faultAtEnd() -> String? { nil }

    /// An answer was as it has to be.
    func succeeded(at time: UInt64) { measurement.completed(from: requestTime, to: time) }

    func failed() {}

    func finished() {}

    // MARK: LoadClient

    func start() { sendNext(at: MonotonicClock.now) }

    /// Now, if the next request is due.
    private func proceed(at time: UInt64) {
        guard interval > 0 else { return sendNext(at: time) }
        let dueTime = requestTime + interval
        guard dueTime > time, dueTime < measurement.stopTime else { return sendNext(at: dueTime) }
        loop.schedule(at: dueTime) { [weak self] in self?.sendNext(at: dueTime) }
    }

    /// The request that is due at this time.
    func sendNext(at time: UInt64) {
        guard !isFinished else { return }
        guard time < measurement.stopTime, consecutiveFailureCount < Self.failureLimit, !Interruption.isRequested,
            reopen(), let request = nextRequest(at: time)
        else {
            isFinished = true
            finished()
            return
        }
        requestTime = time
        fault = nil
        isWaiting = true
        connection.send(request)
    }

    private func reopen() -> Bool {
        if connection.isOpen { return true }
        do throws(LoadError) {
            try connection.open()
            measurement.reconnectionCount += 1
            return true
        } catch {
            measurement.failures.add("\(error)")
            return false
        }
    }

    // MARK: ConnectionHandler

    func receivedHead(_ connection: Connection) { fault = fault(in: connection.head) }

    func receivedBody(_ bytes: UnsafeRawBufferPointer, _ connection: Connection) {
        if fault == nil {
            fault = fault(inBody: bytes)
        } else if connection.head.status >= 400, fault!.utf8.count < 100 {
            fault! += ": " + String(decoding: bytes.prefix(200), as: UTF8.self)
        }
    }

    func receivedEnd(_ connection: Connection) {
        let now = MonotonicClock.now
        isWaiting = false
        if fault == nil { fault = faultAtEnd() }
        if let fault {
            fail(fault)
        } else {
            consecutiveFailureCount = 0
            succeeded(at: now)
        }
        proceed(at: now)
    }

    func closed(_ connection: Connection, because reason: String?) {
        // Between two requests a server may close; the next one opens anew.
        guard isWaiting else { return }
        isWaiting = false
        fail(reason ?? "the connection ended instead of an answer")
        proceed(at: MonotonicClock.now)
    }

    private func fail(_ reason: String) {
        guard !isFinished else { return }
        measurement.failures.add(reason)
        consecutiveFailureCount += 1
        failed()
    }

    func statusFault(_ head: ResponseHead, _ expected: Int, _ what: String) -> String? {
        head.status == expected ? nil : "\(what) was answered \(head.status) instead of \(expected)"
    }
}
