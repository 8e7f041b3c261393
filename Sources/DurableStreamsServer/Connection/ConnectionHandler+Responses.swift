internal import DurableStreamsHTTP
internal import Logging
internal import NIOCore

extension ConnectionHandler {
    /// Bodies up to this size are copied behind their head, to leave in one write.
    private static let copiedBodyByteCount = 16 << 10
    /// Answers to requests that came together are written together up to this size.
    private static let batchByteCount = 32 << 10
    /// Writes of one live reader before it is others' turn.
    private static let pumpRoundLimit = 16

    /// The service has answered. On the event loop.
    func receive(_ reply: ProtocolReply) {
        exchange = nil
        endLiveReading()
        releaseBodyMemory()
        switch reply {
        case .response(let response):
            if state.isAnswering { send(response) }
        case .events(let head, let session):
            if state.isAnswering { stream(head, from: session) } else { session.cancel() }
        }
    }

    func send(_ response: ProtocolResponse) {
        if isHeadMethod && !response.bodyIsOmitted {
            var response = response
            response.bodyIsOmitted = true
            compose(response, framing: .contentLength)
        } else {
            compose(response, framing: .contentLength)
        }
        finishResponse()
    }

    private func compose(_ response: ProtocolResponse, framing: ResponseFraming) {
        loop.tally.countRequest(methodIndex: methodIndex, status: response.status)
        var composed = output.take() ?? loop.takeScratch()
        response.writeHead(into: &composed, keepAlive: state.keepsAlive, framing: framing, constants: loop.constants)
        if state.isVersion10 && state.keepsAlive {
            // What is the rule in 1.1 has to be said in 1.0. It goes before the empty line.
            composed.moveWriterIndex(to: composed.writerIndex - 2)
            composed.writeStaticString("Connection: keep-alive\r\n\r\n")
        }
        guard let body = response.body, !response.bodyIsOmitted, body.readableBytes > 0 else {
            output = composed
            return
        }
        if body.readableBytes <= Self.copiedBodyByteCount {
            composed.writeImmutableBuffer(body)
            output = composed
        } else {
            output = composed
            writeOutput()
            write(body)
        }
    }

    private func finishResponse() {
        isHeadMethod = false
        guard context != nil else { return }
        if !isBatching || (output?.readableBytes ?? 0) > Self.batchByteCount { flushOutput() }
        act(on: state.finishResponse(isSocketWritable: isSocketWritable))
    }

    /// Gives what was composed to the channel.
    private func writeOutput() {
        guard let composed = output.take() else { return }
        add(composed)
        loop.giveBack(composed)
    }

    func flushOutput() {
        guard let composed = output.take() else { return }
        write(composed)
        loop.giveBack(composed)
    }

    /// Lets bytes leave now, behind what was added before.
    func write(_ bytes: ByteBuffer) {
        guard let rest = writer?.send(bytes) else { return }
        context?.writeAndFlush(wrapOutboundOut(rest), promise: nil)
    }

    /// Lets bytes leave with what follows: with the next ``write(_:)``, or when the context is flushed.
    private func add(_ bytes: ByteBuffer) {
        writer?.willUseChannel()
        context?.write(wrapOutboundOut(bytes), promise: nil)
    }

    private var isSocketWritable: Bool { writer?.isWritable ?? false }
}

// MARK: Live readers

extension ConnectionHandler {
    func beginLiveReading() {
        guard !isLiveReader else { return }
        isLiveReader = true
        loop.tally.liveReaderCount += 1
    }

    func endLiveReading() {
        guard isLiveReader else { return }
        isLiveReader = false
        loop.tally.liveReaderCount -= 1
    }

    private func stream(_ head: ProtocolResponse, from session: EventSession) {
        state.beginStreaming()
        compose(head, framing: state.isVersion10 ? .closeDelimited : .chunked)
        deadline = ConnectionTimeouts.never
        self.session = session
        beginLiveReading()
        session.start { self.pump() }
        pump()
        if !isBatching { flushOutput() }
    }

    /// Writes what the session has to say, as long as the socket takes it.
    func pump() {
        guard !isPumping, let session, let context else { return }
        isPumping = true
        defer { isPumping = false }
        for _ in 0..<Self.pumpRoundLimit {
            var hasWritten = false
            writing: while isSocketWritable {
                switch session.next() {
                case .send(let events):
                    writeOutput()
                    let bytes = state.isVersion10 ? events.plain : events.chunked
                    loop.tally.deliveredEventCount += 1
                    if !session.mayHaveMore {
                        write(bytes)
                        return
                    }
                    add(bytes)
                    hasWritten = true
                case .wait:
                    if hasWritten { context.flush() }
                    return
                case .end:
                    // The next request may be for events again, and is begun before this returns.
                    isPumping = false
                    return finishStreaming(context)
                }
            }
            guard hasWritten else { return }
            context.flush()
            // Where the socket took it all at once there is room for more.
            guard isSocketWritable else { return }
        }
        loop.eventLoop.execute { self.pump() }
    }

    private func finishStreaming(_ context: ChannelHandlerContext) {
        session = nil
        endLiveReading()
        writeOutput()
        if state.isVersion10 { context.flush() } else { write(ServingLoop.lastChunk) }
        finishResponse()
    }
}
