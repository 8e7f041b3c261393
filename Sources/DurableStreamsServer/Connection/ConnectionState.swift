/// What one HTTP/1.1 connection may do next, as a value: events go in, decisions come out, the handler acts on them.
///
/// Requests are answered strictly one at a time. Two halves move separately, because an answer can be complete before
/// its request is (a refusal) and a request long before its answer (a long-poll): `inbound` is where the client is in
/// its request, `outbound` is where we are in our answer. The next request begins when both are done.
struct ConnectionState: Equatable, Sendable {
    enum Inbound: UInt8, Sendable {
        /// No request has begun.
        case betweenRequests
        /// A body is being collected for a request that wasn't handed to the service yet.
        case receivingBody
        /// The rest of a body that nobody wants is being read over, so that the connection stays usable.
        case discardingBody
        /// A request without body was handed over; its end follows in the same breath.
        case awaitingEnd
        /// The request has been received whole.
        case received
        /// Nothing that still arrives counts.
        case ignoring
    }

    enum Outbound: UInt8, Sendable {
        /// Nothing to say.
        case idle
        /// An answer is due.
        case answering
        /// A live answer is going on.
        case streaming
        /// The answer is written; the socket hasn't taken it yet.
        case flushing
        /// The last answer is written, and our half closes once it has left.
        case closing
        /// Our half is closed; what the client still sends is dropped until it closes too.
        case lingering
        case closed
    }

    private(set) var inbound = Inbound.betweenRequests
    private(set) var outbound = Outbound.idle
    /// Whether the connection outlives the answer that is due or being written.
    private(set) var keepsAlive = true
    /// The client has closed its half: it may still want its answers, but there is no next request.
    private(set) var isInputClosed = false
    private(set) var isDraining = false
    /// HTTP/1.0, as of the last head.
    private(set) var isVersion10 = false
    private var expectsContinue = false
    /// The client may still be sending when we close: closing at once would reset the connection under our answer.
    private(set) var needsToLinger = false
    /// `Content-Length` of the request whose body is coming.
    private var announcedByteCount: Int?
    /// Whether the service was asked if it wants the body.
    private var isAdmitted = false
    /// Bytes of the body so far.
    private var receivedByteCount = 0
    /// More than this many need another decision.
    private var byteCountLimit = 0

    /// The rest of an unwanted body is read over if it is no longer than this; else the connection closes.
    static let discardByteCountLimit = 64 << 10
}

extension ConnectionState {
    /// Whether what the client sends next can be looked at now; else it has to wait in the queue.
    var takesParts: Bool {
        switch inbound {
        case .receivingBody, .discardingBody, .awaitingEnd, .ignoring: true
        case .betweenRequests: outbound == .idle
        case .received: false
        }
    }

    /// Nothing is going on.
    var isIdle: Bool { inbound == .betweenRequests && outbound == .idle }

    /// Whether an answer can still be written.
    var isAnswering: Bool { outbound == .answering }

    /// Whether bytes may be on their way to a client that doesn't take them.
    var isWriting: Bool { outbound == .streaming || outbound == .flushing || outbound == .closing }

    enum HeadDecision: Equatable {
        /// There is no body: hand the request to the service.
        case answer
        /// A short body: collect it; the service decides on the whole.
        case collect
        /// Ask the service whether it wants the body, then call ``admitBody(byteCountLimit:)`` or ``refuse()``.
        case askAdmission
        /// The connection is closing: this request gets no answer.
        case ignore
    }

    /// Whether requests that still arrive are dropped.
    var ignoresInput: Bool { inbound == .ignoring }

    /// - Parameter casualByteCount: bodies up to this size are taken in before anybody asks whether they are wanted.
    ///   That spares the common request a second look at its path.
    mutating func receiveHead(_ facts: RequestFacts, casualByteCount: Int) -> HeadDecision {
        if ignoresInput { return .ignore }
        precondition(isIdle, "a request began before the previous one was done")
        keepsAlive = facts.keepsAlive && !facts.endsDecoding && !isDraining
        isVersion10 = facts.isVersion10
        expectsContinue = facts.expectsContinue && facts.hasBody
        guard facts.hasBody else {
            inbound = .awaitingEnd
            outbound = .answering
            return .answer
        }
        inbound = .receivingBody
        announcedByteCount = facts.announcedByteCount
        receivedByteCount = 0
        isAdmitted = false
        byteCountLimit = casualByteCount
        return expectsContinue || (facts.announcedByteCount ?? 0) > casualByteCount ? .askAdmission : .collect
    }

    /// A request has come with all of its body. False if the connection is closing: then it gets no answer.
    mutating func receiveWhole(_ facts: RequestFacts) -> Bool {
        if ignoresInput { return false }
        precondition(isIdle, "a request began before the previous one was done")
        keepsAlive = facts.keepsAlive && !isDraining
        isVersion10 = false
        expectsContinue = false
        inbound = .received
        outbound = .answering
        return true
    }

    /// The body may come. Returns whether the client waits to be told so.
    mutating func admitBody(byteCountLimit: Int) -> Bool {
        precondition(inbound == .receivingBody && outbound == .idle)
        isAdmitted = true
        self.byteCountLimit = byteCountLimit
        defer { expectsContinue = false }
        return expectsContinue
    }

    /// The request is answered without (all of) its body. What is short and on its way is read over. A client that
    /// waits for leave may send its body or not, so nothing after it could be understood.
    mutating func refuse() {
        precondition(inbound == .receivingBody && outbound == .idle)
        outbound = .answering
        let remaining = announcedByteCount.map { $0 - receivedByteCount } ?? 0
        guard !expectsContinue, remaining <= Self.discardByteCountLimit else { return abandonInput() }
        inbound = .discardingBody
        receivedByteCount = 0
        byteCountLimit = Self.discardByteCountLimit
    }

    enum BodyDecision: Equatable {
        case collect
        case skip
        /// A body of unknown length got long: as after a head; then look at the same part again.
        case askAdmission
        /// The body outgrew the limit: answer 413.
        case answerTooLarge
        /// More unwanted bytes than we are ready to read over.
        case close
    }

    mutating func receiveBody(byteCount: Int) -> BodyDecision {
        switch inbound {
        case .receivingBody:
            // A client that didn't wait for leave needs none any more.
            expectsContinue = false
            if receivedByteCount + byteCount <= byteCountLimit {
                receivedByteCount += byteCount
                return .collect
            }
            guard isAdmitted else { return .askAdmission }
            outbound = .answering
            abandonInput()
            return .answerTooLarge
        case .discardingBody:
            receivedByteCount += byteCount
            guard receivedByteCount > byteCountLimit else { return .skip }
            abandonInput()
            guard outbound == .idle else { return .skip }
            outbound = .closing
            return .close
        case .betweenRequests, .awaitingEnd, .received, .ignoring:
            return .skip
        }
    }

    enum EndDecision: Equatable {
        /// Hand the request and its body to the service.
        case answer
        /// The answer is still under way.
        case wait
        /// The answer was given before: on to the next request.
        case next
        /// The answer was given before, and it was the last.
        case close
    }

    mutating func receiveEnd() -> EndDecision {
        switch inbound {
        case .receivingBody:
            inbound = .received
            outbound = .answering
            return .answer
        case .discardingBody, .awaitingEnd:
            guard outbound == .idle else {
                inbound = .received
                return .wait
            }
            guard keepsAlive else {
                outbound = .closing
                inbound = .ignoring
                return .close
            }
            inbound = .betweenRequests
            return .next
        case .betweenRequests, .received, .ignoring:
            return .wait
        }
    }

    enum FailureDecision: Equatable {
        /// Say so, as the last answer.
        case answer
        /// An answer was given before: only closing is left.
        case close
        /// The connection closes after the answer that is under way.
        case wait
    }

    /// What the client sends can't be understood, or it took too long, or there is no room for it. Call it only while
    /// ``takesParts`` is true: answers keep their order.
    mutating func failInput() -> FailureDecision {
        let wasAnswered = inbound == .discardingBody
        abandonInput()
        switch outbound {
        case .idle where wasAnswered:
            outbound = .closing
            return .close
        case .idle:
            outbound = .answering
            return .answer
        case .answering, .streaming, .flushing, .closing, .lingering, .closed:
            return .wait
        }
    }

    private mutating func abandonInput() {
        inbound = .ignoring
        keepsAlive = false
        needsToLinger = true
    }
}

extension ConnectionState {
    enum ResponseDecision: Equatable {
        /// Look at what the client has sent meanwhile.
        case next
        /// The rest of the request is still to come.
        case awaitRequest
        /// Hold back until the socket has taken the answer.
        case awaitFlush
        /// That was the last answer.
        case close
        /// The connection was lost meanwhile.
        case nothing
    }

    mutating func beginStreaming() {
        precondition(outbound == .answering)
        outbound = .streaming
        // The end of the connection is the end of the answer.
        if isVersion10 { keepsAlive = false }
    }

    /// The answer has been written to its end.
    mutating func finishResponse(isSocketWritable: Bool) -> ResponseDecision {
        guard outbound == .answering || outbound == .streaming else { return .nothing }
        guard keepsAlive else {
            outbound = .closing
            if inbound != .received && inbound != .awaitingEnd { needsToLinger = true }
            inbound = .ignoring
            return .close
        }
        guard isSocketWritable else {
            outbound = .flushing
            return .awaitFlush
        }
        return settle()
    }

    /// The socket takes bytes again. Returns what follows if that was waited for.
    mutating func becomeWritable() -> ResponseDecision? {
        guard outbound == .flushing else { return nil }
        guard keepsAlive else {
            outbound = .closing
            inbound = .ignoring
            return .close
        }
        return settle()
    }

    private mutating func settle() -> ResponseDecision {
        outbound = .idle
        guard inbound == .received else { return .awaitRequest }
        inbound = .betweenRequests
        return .next
    }

    /// The client has closed its half. Returns whether the connection can be closed too, given that nothing that it sent
    /// before is still queued.
    mutating func closeInput() -> Bool {
        isInputClosed = true
        return isIdle || outbound == .lingering
    }

    /// The server shuts down. Returns whether the connection can be closed now; else it closes after its answer.
    mutating func drain() -> Bool {
        isDraining = true
        if isIdle { return true }
        keepsAlive = false
        return false
    }

    /// Our half has closed, after everything was written. Returns whether the rest can be closed too.
    mutating func closeOutput() -> Bool {
        guard outbound != .closed else { return true }
        outbound = .lingering
        return isInputClosed || !needsToLinger
    }

    /// Nothing more is to be said: our half closes once what was said has left, which a slow client may keep waiting
    /// although nothing is going on.
    mutating func beginClosing() {
        guard outbound == .idle else { return }
        outbound = .closing
        inbound = .ignoring
        keepsAlive = false
    }

    /// The last word, before the socket goes or when it has gone.
    mutating func closeNow() {
        inbound = .ignoring
        outbound = .closed
        keepsAlive = false
    }

    /// What the connection may be closed for if it takes too long.
    enum Patience: Equatable, Sendable {
        case none, idle, body, linger
    }

    var patience: Patience {
        switch outbound {
        case .lingering: return .linger
        case .answering, .streaming, .flushing, .closing, .closed: return .none
        case .idle: break
        }
        switch inbound {
        case .betweenRequests: return .idle
        case .receivingBody, .discardingBody: return .body
        case .awaitingEnd, .received, .ignoring: return .none
        }
    }
}
