internal import DurableStreamsHTTP
internal import Logging
internal import NIOCore

/// A request whose body is arriving.
struct IncomingRequest {
    let request: ProtocolRequest
    let announcedByteCount: Int?
    var body: BodyCollector
    /// Bytes so far, and how many there must be before the client gets more time.
    var receivedByteCount = 0
    var progressGoal = 0
    /// A part that there is no memory for yet.
    var waitingPart: WaitingPart?

    /// Whether the client has earned more time. One that holds memory which others may wait for has to send a 64th of its
    /// body for it, and at least 64 KiB, so that nobody can hold it for ever.
    mutating func getsOn(by byteCount: Int, holdsMemory: Bool) -> Bool {
        receivedByteCount += byteCount
        guard !holdsMemory || receivedByteCount >= progressGoal else { return false }
        progressGoal = receivedByteCount + max(64 << 10, (announcedByteCount ?? 0) / 64)
        return true
    }

    struct WaitingPart {
        let bytes: ByteBuffer
        /// The number under which ``BodyMemory`` knows it.
        let number: UInt64
    }
}

extension ConnectionHandler {
    func receiveHead(_ request: ProtocolRequest, _ facts: RequestFacts) {
        methodIndex = LoopTally.index(of: request.method)
        isHeadMethod = request.method == .head
        if facts.lacksHost { return fail(.missingHost) }
        if facts.hasUnknownCoding { return fail(.unknownTransferCoding) }
        let casualByteCount = loop.shared.casualBodyByteCount
        switch state.receiveHead(facts, casualByteCount: casualByteCount) {
        case .answer:
            deadline = ConnectionTimeouts.never
            handle(request, body: nil)
        case .collect:
            expectBody(of: request, facts, byteCountLimit: casualByteCount)
        case .askAdmission:
            expectBody(of: request, facts, byteCountLimit: casualByteCount)
            _ = askAdmission()
        case .ignore:
            break
        }
    }

    /// As the head, the body and the end of a request with a short body, one after the other.
    func receiveWhole(_ plain: PlainRequest, body: ByteBuffer?) {
        guard state.receiveWhole(plain.facts) else { return }
        methodIndex = LoopTally.index(of: plain.request.method)
        isHeadMethod = plain.request.method == .head
        deadline = ConnectionTimeouts.never
        if let body { loop.tally.receivedBodyByteCount += body.readableBytes }
        handle(plain.request, body: body)
    }

    private func expectBody(of request: ProtocolRequest, _ facts: RequestFacts, byteCountLimit: Int) {
        incoming = IncomingRequest(
            request: request,
            announcedByteCount: facts.announcedByteCount,
            body: BodyCollector(byteCountLimit: facts.announcedByteCount ?? byteCountLimit)
        )
        deadline = loop.deadline(in: loop.timeouts.body)
    }

    /// Returns whether the body may come; else the request is answered.
    private func askAdmission() -> Bool {
        guard let waiting = incoming else { return false }
        let announced = waiting.announcedByteCount
        // The service lets short bodies of known length in unexamined. A client that asks wants to know.
        let isShort = (announced ?? .max) <= loop.shared.casualBodyByteCount
        switch loop.service.admit(waiting.request, announcedByteCount: isShort ? nil : announced) {
        case .accept(let byteCountLimit):
            incoming?.body.byteCountLimit = min(announced ?? .max, byteCountLimit)
            if state.admitBody(byteCountLimit: byteCountLimit) {
                flushOutput()
                write(ServingLoop.continueBytes)
            }
            return true
        case .reject(let response):
            dropIncoming()
            state.refuse()
            send(response)
            return false
        }
    }

    func receiveBody(_ bytes: ByteBuffer) {
        switch state.receiveBody(byteCount: bytes.readableBytes) {
        case .collect:
            collect(bytes)
        case .skip:
            break
        case .askAdmission:
            // Either way the same part gets another decision now.
            _ = askAdmission()
            receiveBody(bytes)
        case .answerTooLarge:
            dropIncoming()
            send(.bodyTooLarge(byteCountLimit: loop.service.configuration.bodyByteCountLimit))
        case .close:
            closeAfterFlush()
        }
    }

    func receiveEnd() {
        switch state.receiveEnd() {
        case .answer:
            guard let received = incoming.take() else { return }
            deadline = ConnectionTimeouts.never
            handle(received.request, body: received.body.bytes)
        case .wait:
            break
        case .next:
            act(on: .next)
        case .close:
            closeAfterFlush()
        }
    }

    private func handle(_ request: ProtocolRequest, body: ByteBuffer?) {
        if HealthEndpoint.matches(request) { return send(HealthEndpoint.response(of: loop)) }
        let exchange = loop.service.handle(request, body: body, on: loop.lane, reply: replies)
        // As a rule it was answered before the call returned.
        guard state.isAnswering else { return }
        self.exchange = exchange
        if exchange != nil && request.method == .get { beginLiveReading() }
    }

    func fail(_ failure: InputFailure) {
        loop.shared.logger.debug(
            "request refused by the connection",
            metadata: ["reason": "\(failure)", "client": "\(context?.remoteAddress.map { "\($0)" } ?? "unknown")"])
        dropIncoming()
        switch state.failInput() {
        case .answer: send(failure.response)
        case .close: closeAfterFlush()
        case .wait: break
        }
    }
}

// MARK: Memory of bodies

extension ConnectionHandler {
    private func collect(_ bytes: ByteBuffer) {
        if incoming?.getsOn(by: bytes.readableBytes, holdsMemory: reservedByteCount > 0) ?? false {
            deadline = loop.deadline(in: loop.timeouts.body)
        }
        loop.tally.receivedBodyByteCount += bytes.readableBytes
        let capacity = incoming?.body.capacityNeeded(forPartOf: bytes.readableBytes) ?? 0
        if capacity > max(BodyCollector.freeByteCount, reservedByteCount) {
            // A body of known length gets all of its memory at once or waits for it, so that long bodies go one after
            // the other instead of standing in each other's way half received.
            let whole = BodyCollector.capacity(forByteCount: incoming?.announcedByteCount ?? 0)
            let missing = max(capacity, whole) - reservedByteCount
            let reservation = loop.shared.bodyMemory.reserve(
                missing, heldByteCount: reservedByteCount, on: loop.eventLoop
            ) { number, isGranted in
                self.receiveVerdict(number: number, isGranted: isGranted, byteCount: missing)
            }
            switch reservation {
            case .granted:
                reservedByteCount += missing
            case .waiting(let number):
                incoming?.waitingPart = .init(bytes: bytes, number: number)
                isAwaitingMemory = true
                deadline = loop.deadline(in: loop.timeouts.bodyMemory)
                return
            }
        }
        incoming?.body.append(bytes, growingTo: capacity, allocator: ByteBufferAllocator())
    }

    private func receiveVerdict(number: UInt64, isGranted: Bool, byteCount: Int) {
        guard let waiting = incoming?.waitingPart, waiting.number == number else {
            // The connection has lost interest meanwhile.
            if isGranted { loop.shared.bodyMemory.release(byteCount) }
            return
        }
        incoming?.waitingPart = nil
        isAwaitingMemory = false
        guard isGranted else { return fail(.noMemoryForBody) }
        reservedByteCount += byteCount
        let capacity = incoming?.body.capacityNeeded(forPartOf: waiting.bytes.readableBytes) ?? 0
        incoming?.body.append(waiting.bytes, growingTo: capacity, allocator: ByteBufferAllocator())
        deadline = loop.deadline(in: loop.timeouts.body)
        processQueue()
    }

    /// Forgets the body that was arriving.
    func dropIncoming() {
        let waiting = incoming.take()?.waitingPart
        isAwaitingMemory = false
        if let waiting { _ = loop.shared.bodyMemory.withdraw(waiting.number) }
        releaseBodyMemory()
    }

    func releaseBodyMemory() {
        guard reservedByteCount > 0 else { return }
        loop.shared.bodyMemory.release(reservedByteCount)
        reservedByteCount = 0
    }
}
