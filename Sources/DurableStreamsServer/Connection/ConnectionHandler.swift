internal import DurableStreams
internal import DurableStreamsHTTP
internal import Logging
internal import NIOCore
internal import NIOHTTP1

/// One HTTP/1.1 connection: performs what ``ConnectionState`` decides.
///
/// Confined to its event loop, hence `@unchecked Sendable`: the service's replies come back on that loop, because the
/// lane that it replies on belongs to it. No futures, tasks or timers: an idle connection is this object.
final class ConnectionHandler: ChannelDuplexHandler, @unchecked Sendable {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let loop: ServingLoop
    /// Place in ``ServingLoop/connections``; -1: none.
    var index = -1
    var context: ChannelHandlerContext?
    var writer: SocketWriter?
    var state = ConnectionState()
    var queue = PartQueue()

    /// The request whose body is arriving.
    var incoming: IncomingRequest?
    /// The request that the service is waiting over.
    var exchange: ProtocolExchange?
    var session: EventSession?
    /// Given to the service with each request; one closure for the life of the connection.
    private var replyReceiver: (@Sendable (ProtocolReply) -> Void)?
    /// Composed, not yet given to the channel.
    var output: ByteBuffer?

    /// The sweep in which the patience with this connection ends.
    var deadline = ConnectionTimeouts.never
    /// What a socket that doesn't take bytes had waiting at the last sweep, and how many sweeps ago that changed.
    var stalledByteCount = 0
    var stalledTickCount: UInt32 = 0
    var methodIndex: UInt8 = 6
    var isHeadMethod = false
    private let admission: ConnectionGate.Admission

    /// Between the first read event and the end of the batch: answers are composed now and written at its end.
    var isInsideRead = false
    private var isProcessingQueue = false
    /// The channel would have read, but we didn't let it.
    private var isReadWithheld = false
    /// A part of the body waits for memory.
    var isAwaitingMemory = false
    /// What of the memory for bodies this connection's request holds, until it is answered.
    var reservedByteCount = 0
    /// Bytes of a next request have come, but not yet all of its head.
    var isInsideHead = false
    private var hasReceivedPart = false
    /// Bytes after which nothing could be understood.
    private var undecodedByteCount = 0
    private static let undecodedByteCountLimit = 256 << 10
    var isPumping = false
    /// Whether the waiting request counts as a live reader.
    var isLiveReader = false
    var hasProbedHalfClosedClient = false

    init(loop: ServingLoop, admission: ConnectionGate.Admission) {
        self.loop = loop
        self.admission = admission
    }

    var replies: @Sendable (ProtocolReply) -> Void {
        if let replyReceiver { return replyReceiver }
        // Refers back to this connection until it closes; see `release()`.
        let receiver: @Sendable (ProtocolReply) -> Void = { reply in self.receive(reply) }
        replyReceiver = receiver
        return receiver
    }
}

// MARK: Channel events

extension ConnectionHandler {
    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        writer = SocketWriter(context.channel)
        loop.add(self)
        if context.channel.isActive { begin() }
    }

    func channelActive(context: ChannelHandlerContext) {
        begin()
        context.fireChannelActive()
    }

    private func begin() {
        switch admission {
        case .admitted where !loop.isDraining:
            deadline = loop.deadline(in: loop.timeouts.head)
        case .admitted, .dropped:
            close()
        case .refused:
            loop.tally.refusedConnectionCount += 1
            loop.shared.logger.debug("connection refused", metadata: ["limit": "\(loop.shared.gate.limit)"])
            fail(.tooManyConnections)
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        isInsideRead = true
        hasReceivedPart = true
        receive(.part(unwrapInboundIn(data)))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let limit = loop.shared.headByteCountLimit
        switch error {
        case let error as InputFailure:
            receiveFailure(error)
        case let error as HTTPParserError:
            receiveFailure(InputFailure(error, headByteCountLimit: limit))
        case is ByteToMessageDecoderError.PayloadTooLargeError:
            receiveFailure(.headTooLarge(byteCountLimit: limit))
        case ByteToMessageDecoderError.dataReceivedInErrorState(_, let bytes):
            // The failure was dealt with. What follows is dropped, so that the answer arrives, but not for ever.
            undecodedByteCount += bytes.readableBytes
            if undecodedByteCount > Self.undecodedByteCountLimit { close() }
        default:
            // Reset by the client, as a rule; then the channel is closing itself.
            if error is IOError { close() }
        }
    }

    private func receiveFailure(_ failure: InputFailure) {
        hasReceivedPart = true
        receive(.failure(failure))
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        isInsideRead = false
        flushOutput()
        noteReadWithoutPart()
        context.fireChannelReadComplete()
    }

    /// Bytes have come, but no part of a request: a head has begun.
    private func noteReadWithoutPart() {
        if hasReceivedPart {
            hasReceivedPart = false
        } else if state.isIdle && !isInsideHead {
            isInsideHead = true
            deadline = loop.deadline(in: loop.timeouts.head)
        }
    }

    /// Reads are passed on only while nothing waits to be processed, so that what a client sends ahead stays in its
    /// socket.
    func read(context: ChannelHandlerContext) {
        if wantsInput {
            context.read()
        } else {
            isReadWithheld = true
        }
    }

    private var wantsInput: Bool { queue.isEmpty && !isAwaitingMemory }

    private func resumeReading() {
        guard isReadWithheld, wantsInput, let context else { return }
        isReadWithheld = false
        context.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            stalledTickCount = 0
            if let decision = state.becomeWritable() { act(on: decision) }
            pump()
        }
        context.fireChannelWritabilityChanged()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent {
            switch event {
            case .inputClosed:
                if state.closeInput() && queue.isEmpty { closeWhenWritten() }
            case .outputClosed:
                if state.closeOutput() && !isReadWithheld && queue.isEmpty {
                    close()
                } else {
                    queue.removeAll()
                    resumeReading()
                    deadline = loop.deadline(in: loop.timeouts.linger)
                }
            }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        release()
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        release()
        self.context = nil
        writer = nil
    }

    /// Between two requests, or when only the client's end is waited for. The socket may still have to take the last answer.
    func closeWhenWritten() {
        guard state.outbound == .idle else { return close() }
        state.beginClosing()
        closeAfterFlush()
    }

    func close() {
        state.closeNow()
        context?.close(promise: nil)
    }

    /// The connection is gone: nobody waits for anything any more.
    private func release() {
        guard index >= 0 else { return }
        loop.remove(self)
        loop.shared.gate.leave()
        // What the store is at work with stays in memory until its answer, which comes although nobody waits for it.
        let isBodyInUse = state.isAnswering && exchange == nil && incoming == nil
        state.closeNow()
        queue.removeAll()
        output = nil
        deadline = ConnectionTimeouts.never
        endLiveReading()
        exchange.take()?.cancel()
        session.take()?.cancel()
        if !isBodyInUse { dropIncoming() }
        replyReceiver = nil
    }
}

// MARK: Whole requests

extension ConnectionHandler: PlainRequestReceiver {
    var takesRequests: Bool { state.isIdle && queue.isEmpty && !isProcessingQueue && !isAwaitingMemory }

    func receive(_ plain: PlainRequest, body: ByteBuffer?) {
        isInsideRead = true
        hasReceivedPart = true
        receiveWhole(plain, body: body)
    }
}

// MARK: Order

extension ConnectionHandler {
    private func receive(_ item: PartQueue.Item) {
        if queue.isEmpty && state.takesParts && !isProcessingQueue && !isAwaitingMemory {
            process(item)
        } else {
            queue.append(item)
        }
    }

    /// Processes what has waited, as far as answers allow.
    func processQueue() {
        guard !isProcessingQueue else { return }
        isProcessingQueue = true
        while !isAwaitingMemory, state.takesParts, let item = queue.popFirst() {
            process(item)
        }
        isProcessingQueue = false
        if !isBatching { flushOutput() }
        if state.isIdle && queue.isEmpty {
            if state.isInputClosed { return closeWhenWritten() }
            deadline = loop.deadline(in: loop.timeouts.idle)
        }
        resumeReading()
    }

    /// Whether more answers may follow in the same breath, so that writing can wait for them.
    var isBatching: Bool { isInsideRead || isProcessingQueue }

    private func process(_ item: PartQueue.Item) {
        switch item {
        case .part(.head(let head)):
            if state.ignoresInput { return }
            let (request, facts) = RequestFacts.read(head)
            receiveHead(request, facts)
        case .part(.body(let bytes)): receiveBody(bytes)
        case .part(.end): receiveEnd()
        case .failure(let failure): fail(failure)
        }
    }

    func act(on decision: ConnectionState.ResponseDecision) {
        switch decision {
        case .next:
            isInsideHead = false
            processQueue()
        case .awaitRequest:
            deadline = loop.deadline(in: loop.timeouts.body)
        case .awaitFlush:
            deadline = ConnectionTimeouts.never
        case .close:
            closeAfterFlush()
        case .nothing:
            break
        }
    }

    /// Closes our half once everything has been written. ``userInboundEventTriggered(context:event:)`` has the rest.
    func closeAfterFlush() {
        guard let context else { return }
        isInsideRead = false
        deadline = ConnectionTimeouts.never
        flushOutput()
        if state.isInputClosed {
            // The channel would take closing the second half for closing at once, and lose what is not written yet.
            let promise = context.eventLoop.makePromise(of: Void.self)
            promise.futureResult.whenComplete { [weak self] _ in self?.close() }
            context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: promise)
        } else {
            context.close(mode: .output, promise: nil)
        }
        resumeReading()
    }
}
