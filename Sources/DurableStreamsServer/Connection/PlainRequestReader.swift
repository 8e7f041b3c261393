internal import DurableStreamsHTTP
internal import NIOCore

/// Takes requests that have come whole.
protocol PlainRequestReceiver: AnyObject {
    /// Whether a whole request can be processed now, before everything that waits here or in the decoder.
    var takesRequests: Bool { get }

    /// A request that has come whole, past the decoder. Only while ``takesRequests``.
    func receive(_ plain: PlainRequest, body: ByteBuffer?)
}

/// Stands before the decoder. Requests that have come whole and are plain go to the connection directly; everything else
/// goes through the decoder, which most connections never need. Confined to the event loop.
///
/// Not generic, because a channel calls it by way of a protocol, and then generic code looks its types up with each call.
final class PlainRequestReader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let receiver: any PlainRequestReceiver
    private let headByteCountLimit: Int
    private let bodyByteCountLimit: Int
    private let makeDecoder: @Sendable () -> any ChannelHandler
    private var hasDecoder = false
    /// So much of what comes belongs to the request that the decoder is in; `.max` from the first one on whose end only
    /// the decoder can tell.
    private var decodedByteCount = 0
    private var isReading = false
    /// Nothing after what came can be understood.
    private var hasFailed = false
    /// What came while what was before it was still being processed.
    private var following: ByteBuffer?

    /// - Parameters:
    ///   - headByteCountLimit: Longer heads are the decoder's, which refuses them.
    ///   - bodyByteCountLimit: Longer bodies are the decoder's, because somebody has to be asked about them.
    ///   - makeDecoder: Called once there are bytes for a decoder, which is put behind this handler.
    init(
        _ receiver: any PlainRequestReceiver, headByteCountLimit: Int, bodyByteCountLimit: Int,
        makeDecoder: @escaping @Sendable () -> any ChannelHandler
    ) {
        self.receiver = receiver
        self.headByteCountLimit = min(PlainRequest.headByteCountLimit, headByteCountLimit)
        self.bodyByteCountLimit = bodyByteCountLimit
        self.makeDecoder = makeDecoder
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        guard !isReading else {
            // A write that fails makes the channel read what is left, in the midst of the request that was answered.
            following.setOrWriteImmutableBuffer(bytes)
            return
        }
        isReading = true
        var next: ByteBuffer? = bytes
        while let bytes = next.take() {
            read(bytes, context)
            next = following.take()
        }
        isReading = false
    }

    private func read(_ bytes: consuming ByteBuffer, _ context: ChannelHandlerContext) {
        while !hasFailed, bytes.readableBytes > 0 {
            if decodedByteCount == 0 {
                let plain = readPlain(bytes)
                if let plain, take(plain, &bytes) { continue }
                if plain == nil, bytes.withUnsafeReadableBytes(PlainRequest.hasMalformedLine) {
                    hasFailed = true
                    context.fireErrorCaught(InputFailure.malformed(reason: "the request line is malformed"))
                    return
                }
                decodedByteCount = plain.map { $0.headByteCount + $0.bodyByteCount } ?? .max
            }
            guard let part = bytes.readSlice(length: min(decodedByteCount, bytes.readableBytes)) else { return }
            if decodedByteCount < .max { decodedByteCount -= part.readableBytes }
            guard addDecoder(context) else { return }
            context.fireChannelRead(wrapInboundOut(part))
        }
    }

    /// False if the connection is closed.
    private func addDecoder(_ context: ChannelHandlerContext) -> Bool {
        if !hasDecoder {
            let position = ChannelPipeline.SynchronousOperations.Position.after(self)
            hasDecoder = (try? context.pipeline.syncOperations.addHandler(makeDecoder(), position: position)) != nil
        }
        return hasDecoder
    }

    private func readPlain(_ bytes: ByteBuffer) -> PlainRequest? {
        bytes.withUnsafeReadableBytes { PlainRequest.read($0, byteCountLimit: headByteCountLimit) }
    }

    /// Hands a request to the connection if all of it is there and nothing is in its way.
    private func take(_ plain: PlainRequest, _ bytes: inout ByteBuffer) -> Bool {
        guard receiver.takesRequests, plain.bodyByteCount <= bodyByteCountLimit,
            bytes.readableBytes - plain.headByteCount >= plain.bodyByteCount
        else { return false }
        bytes.moveReaderIndex(forwardBy: plain.headByteCount)
        let body = plain.bodyByteCount > 0 ? bytes.readSlice(length: plain.bodyByteCount) : nil
        receiver.receive(plain, body: body)
        return true
    }
}
