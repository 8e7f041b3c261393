import Testing

@testable import DurableStreamsServer

/// The rules of a connection without a socket.
@Suite struct ConnectionStateTests {
    private let casual = 64 << 10

    /// A connection that has received a head.
    private func state(
        _ facts: RequestFacts = RequestFacts(), expecting decision: ConnectionState.HeadDecision = .answer
    ) -> ConnectionState {
        var state = ConnectionState()
        #expect(state.receiveHead(facts, casualByteCount: casual) == decision)
        return state
    }

    private func facts(
        announced: Int? = nil, isChunked: Bool = false, keepsAlive: Bool = true, expectsContinue: Bool = false,
        isVersion10: Bool = false
    ) -> RequestFacts {
        var facts = RequestFacts()
        facts.announcedByteCount = announced
        facts.isChunked = isChunked
        facts.keepsAlive = keepsAlive
        facts.expectsContinue = expectsContinue
        facts.isVersion10 = isVersion10
        return facts
    }

    // MARK: Order

    @Test func `A request without a body is answered before its end and the next one follows`() {
        var state = state()
        #expect(state.isAnswering)
        #expect(state.finishResponse(isSocketWritable: true) == .awaitRequest)
        #expect(state.receiveEnd() == .next)
        #expect(state.isIdle)
    }

    @Test func `What is sent ahead has to wait for the answer that is due`() {
        var state = state()
        #expect(state.receiveEnd() == .wait)
        #expect(!state.takesParts)
        #expect(state.finishResponse(isSocketWritable: true) == .next)
        #expect(state.takesParts)
    }

    @Test func `The next request waits until the socket has taken the answer`() {
        var state = state()
        _ = state.receiveEnd()
        #expect(state.finishResponse(isSocketWritable: false) == .awaitFlush)
        #expect(!state.takesParts)
        #expect(state.becomeWritable() == .next)
        #expect(state.takesParts)
    }

    @Test func `A socket that becomes writable between answers means nothing`() {
        var state = ConnectionState()
        #expect(state.becomeWritable() == nil)
        #expect(state.isIdle)
    }

    // MARK: Keeping alive

    @Test func `A client that says close gets one answer`() {
        var state = state(facts(keepsAlive: false))
        #expect(!state.keepsAlive)
        _ = state.receiveEnd()
        #expect(state.finishResponse(isSocketWritable: true) == .close)
        #expect(!state.needsToLinger)
        let mayClose = state.closeOutput()
        #expect(mayClose)
    }

    @Test func `An upgrade is ignored and the connection closes, since nothing after it is decoded`() {
        var upgrade = RequestFacts()
        upgrade.endsDecoding = true
        #expect(!state(upgrade).keepsAlive)
    }

    @Test func `A live answer in HTTP/1.0 ends with the connection`() {
        var state = state(facts(isVersion10: true))
        _ = state.receiveEnd()
        state.beginStreaming()
        #expect(!state.keepsAlive)
        #expect(state.finishResponse(isSocketWritable: true) == .close)
    }

    @Test func `A live answer in HTTP/1.1 leaves the connection usable`() {
        var state = state()
        _ = state.receiveEnd()
        state.beginStreaming()
        #expect(state.finishResponse(isSocketWritable: true) == .next)
    }

    // MARK: Bodies

    @Test func `A short body is collected unasked`() {
        var state = state(facts(announced: 10), expecting: .collect)
        #expect(state.receiveBody(byteCount: 4) == .collect)
        #expect(state.receiveBody(byteCount: 6) == .collect)
        #expect(state.receiveEnd() == .answer)
        #expect(state.isAnswering)
        #expect(!state.takesParts)
    }

    @Test func `A long body needs admission`() {
        var state = state(facts(announced: casual + 1), expecting: .askAdmission)
        let mustSayContinue = state.admitBody(byteCountLimit: 1 << 20)
        #expect(!mustSayContinue)
        #expect(state.receiveBody(byteCount: casual + 1) == .collect)
        #expect(state.receiveEnd() == .answer)
    }

    @Test func `A body of unknown length needs admission once it gets long`() {
        var state = state(facts(isChunked: true), expecting: .collect)
        #expect(state.receiveBody(byteCount: casual) == .collect)
        #expect(state.receiveBody(byteCount: 1) == .askAdmission)
        _ = state.admitBody(byteCountLimit: casual + 1)
        #expect(state.receiveBody(byteCount: 1) == .collect)
        #expect(state.receiveBody(byteCount: 1) == .answerTooLarge)
        #expect(state.finishResponse(isSocketWritable: true) == .close)
        #expect(state.needsToLinger)
    }

    @Test func `A short refused body is read over and the connection stays`() {
        var state = state(facts(isChunked: true), expecting: .collect)
        #expect(state.receiveBody(byteCount: casual) == .collect)
        #expect(state.receiveBody(byteCount: 1) == .askAdmission)
        state.refuse()
        #expect(state.keepsAlive)
        #expect(state.finishResponse(isSocketWritable: true) == .awaitRequest)
        #expect(state.receiveBody(byteCount: 1_000) == .skip)
        #expect(state.receiveEnd() == .next)
    }

    @Test func `A long refused body closes the connection at once`() {
        var state = state(facts(announced: 10 << 20), expecting: .askAdmission)
        state.refuse()
        #expect(!state.keepsAlive)
        #expect(state.finishResponse(isSocketWritable: true) == .close)
        #expect(state.receiveBody(byteCount: 1_000) == .skip)
        let mayClose = state.closeOutput()
        #expect(!mayClose, "the client is still sending")
        #expect(state.patience == .linger)
    }

    @Test func `A refused body that turns out long closes the connection`() {
        var state = state(facts(isChunked: true), expecting: .collect)
        _ = state.receiveBody(byteCount: casual)
        #expect(state.receiveBody(byteCount: 1) == .askAdmission)
        state.refuse()
        _ = state.finishResponse(isSocketWritable: true)
        #expect(state.receiveBody(byteCount: ConnectionState.discardByteCountLimit) == .skip)
        #expect(state.receiveBody(byteCount: 1) == .close)
        #expect(state.receiveBody(byteCount: 1) == .skip)
    }

    // MARK: Expect: 100-continue

    @Test func `A client that asks for leave gets it after admission`() {
        var state = state(facts(announced: 5, expectsContinue: true), expecting: .askAdmission)
        let mustSayContinue = state.admitBody(byteCountLimit: 100)
        #expect(mustSayContinue)
        #expect(state.receiveBody(byteCount: 5) == .collect)
        #expect(state.receiveEnd() == .answer)
        #expect(state.keepsAlive)
    }

    @Test func `A client that asks for leave in vain is closed, since its body may come or not`() {
        var state = state(facts(announced: 5, expectsContinue: true), expecting: .askAdmission)
        state.refuse()
        #expect(!state.keepsAlive)
        #expect(state.finishResponse(isSocketWritable: true) == .close)
    }

    @Test func `Asking for leave without a body means nothing`() {
        _ = state(facts(expectsContinue: true), expecting: .answer)
    }

    // MARK: Failures

    @Test func `Garbage between requests is answered and closes`() {
        var state = ConnectionState()
        #expect(state.failInput() == .answer)
        #expect(state.finishResponse(isSocketWritable: true) == .close)
    }

    @Test func `Garbage inside a body is answered instead of the request`() {
        var state = state(facts(announced: 5), expecting: .collect)
        #expect(state.failInput() == .answer)
        #expect(!state.keepsAlive)
    }

    @Test func `Garbage after a refusal only closes`() {
        var state = state(facts(isChunked: true), expecting: .collect)
        _ = state.receiveBody(byteCount: casual)
        #expect(state.receiveBody(byteCount: 1) == .askAdmission)
        state.refuse()
        _ = state.finishResponse(isSocketWritable: true)
        #expect(state.failInput() == .close)
    }

    @Test func `What still arrives after a failure is ignored`() {
        var state = state(facts(announced: 5), expecting: .collect)
        _ = state.failInput()
        _ = state.finishResponse(isSocketWritable: true)
        #expect(state.receiveBody(byteCount: 5) == .skip)
        #expect(state.receiveEnd() == .wait)
        #expect(state.receiveHead(facts(), casualByteCount: casual) == .ignore)
        #expect(state.receiveEnd() == .wait)
        #expect(state.failInput() == .wait)
        #expect(!state.isAnswering)
    }

    @Test func `Whatever happens in whatever order no rule is broken`() {
        for seed in UInt64(0)..<2_000 {
            var random = SplitMix(state: seed)
            var state = ConnectionState()
            for _ in 0..<200 {
                step(&state, &random)
                let isStuck = state.outbound == .idle && state.inbound == .received
                let staysAfterItsLastAnswer = state.outbound == .closing && state.keepsAlive
                #expect(!isStuck && !staysAfterItsLastAnswer, "seed \(seed): \(state)")
            }
        }
    }

    /// One event that may come now, as the handler would perform it.
    private func step(_ state: inout ConnectionState, _ random: inout SplitMix) {
        switch random.next() % 12 {
        case 0...3 where state.takesParts:
            switch state.inbound {
            case .betweenRequests, .ignoring:
                let facts = facts(
                    announced: [nil, 0, 5, 1 << 20].randomElement(using: &random) ?? nil,
                    isChunked: Bool.random(using: &random), keepsAlive: random.next() % 8 > 0,
                    expectsContinue: random.next() % 8 == 0, isVersion10: random.next() % 8 == 0)
                if state.receiveHead(facts, casualByteCount: casual) == .askAdmission { admit(&state, &random) }
            case .receivingBody, .discardingBody:
                let byteCount = Int(random.next() % UInt64(2 * casual))
                if state.receiveBody(byteCount: byteCount) == .askAdmission { admit(&state, &random) }
            case .awaitingEnd, .received:
                break
            }
        case 4...6 where state.takesParts && state.inbound != .betweenRequests:
            _ = state.receiveEnd()
        case 7 where state.isAnswering:
            if Bool.random(using: &random) { state.beginStreaming() }
        case 8, 9:
            if state.isAnswering || state.outbound == .streaming {
                _ = state.finishResponse(isSocketWritable: Bool.random(using: &random))
            }
        case 10:
            _ = state.becomeWritable()
        case 11 where random.next() % 10 == 0:
            switch random.next() % 5 {
            case 0 where state.takesParts: _ = state.failInput()
            case 1: _ = state.closeInput()
            case 2: _ = state.drain()
            case 3 where state.outbound == .closing: _ = state.closeOutput()
            case 4 where random.next() % 4 == 0: state.closeNow()
            default: break
            }
        default: break
        }
    }

    private func admit(_ state: inout ConnectionState, _ random: inout SplitMix) {
        if Bool.random(using: &random) { _ = state.admitBody(byteCountLimit: 1 << 20) } else { state.refuse() }
    }

    @Test func `An answer for a connection that is lost goes nowhere`() {
        var state = state()
        state.closeNow()
        #expect(state.finishResponse(isSocketWritable: true) == .nothing)
        #expect(!state.isAnswering)
    }

    // MARK: Half-closed clients

    @Test func `An idle connection closes with its client's half`() {
        var state = ConnectionState()
        let mayClose = state.closeInput()
        #expect(mayClose)
    }

    @Test func `A client that closes its half after its request gets the answer`() {
        var state = state(facts(announced: 1), expecting: .collect)
        _ = state.receiveBody(byteCount: 1)
        _ = state.receiveEnd()
        let mayClose = state.closeInput()
        #expect(!mayClose)
        #expect(state.isAnswering)
        #expect(state.finishResponse(isSocketWritable: true) == .next)
        #expect(state.isInputClosed && state.isIdle)
    }

    @Test func `Nothing lingers for a client that has closed its half`() {
        var state = ConnectionState()
        _ = state.failInput()
        _ = state.finishResponse(isSocketWritable: true)
        _ = state.closeInput()
        let mayClose = state.closeOutput()
        #expect(mayClose)
    }

    // MARK: Shutting down

    @Test func `A server that shuts down closes idle connections and lets others finish`() {
        var idle = ConnectionState()
        let mayCloseIdle = idle.drain()
        #expect(mayCloseIdle)

        var busy = state()
        _ = busy.receiveEnd()
        let mayClose = busy.drain()
        #expect(!mayClose)
        #expect(!busy.keepsAlive)
        #expect(busy.finishResponse(isSocketWritable: true) == .close)
    }

    @Test func `A connection that drains while its answer is in the socket closes after it`() {
        var state = state()
        _ = state.receiveEnd()
        _ = state.finishResponse(isSocketWritable: false)
        _ = state.drain()
        #expect(state.becomeWritable() == .close)
    }

    @Test func `A connection that drains while it reads over a body closes at its end`() {
        var state = state(facts(isChunked: true), expecting: .collect)
        _ = state.receiveBody(byteCount: casual)
        _ = state.receiveBody(byteCount: 1)
        state.refuse()
        _ = state.finishResponse(isSocketWritable: true)
        _ = state.drain()
        #expect(state.receiveEnd() == .close)
    }

    // MARK: Patience

    @Test func `Patience follows what is being waited for`() {
        var state = ConnectionState()
        #expect(state.patience == .idle)
        _ = state.receiveHead(facts(announced: 2), casualByteCount: casual)
        #expect(state.patience == .body)
        _ = state.receiveBody(byteCount: 2)
        _ = state.receiveEnd()
        #expect(state.patience == .none)
        _ = state.finishResponse(isSocketWritable: true)
        #expect(state.patience == .idle)
    }
}
