internal import DurableStreamsHTTP
internal import NIOCore

/// Stands before the decoder. Requests that have come whole and are plain go to the connection directly; everything else
/// goes through the decoder. Confined to the event loop.
final class PlainRequestReader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    /// Whoever sends more in a head is in no hurry.
    private static let plainByteCount = 4 << 10

    private let connection: ConnectionHandler
    private let headByteCountLimit: Int
    private let bodyByteCountLimit: Int
    /// So much of what comes belongs to the request that the decoder is in; `.max` from the first one on whose end only
    /// the decoder can tell.
    private var decodedByteCount = 0

    /// - Parameters:
    ///   - headByteCountLimit: Longer heads are the decoder's, which refuses them.
    ///   - bodyByteCountLimit: Longer bodies are the decoder's, because somebody has to be asked about them.
    init(_ connection: ConnectionHandler, headByteCountLimit: Int, bodyByteCountLimit: Int) {
        self.connection = connection
        self.headByteCountLimit = min(Self.plainByteCount, headByteCountLimit)
        self.bodyByteCountLimit = bodyByteCountLimit
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard decodedByteCount < .max else { return context.fireChannelRead(data) }
        var bytes = unwrapInboundIn(data)
        while bytes.readableBytes > 0 {
            if decodedByteCount == 0, let plain = readPlain(bytes) {
                if take(plain, &bytes) { continue }
                decodedByteCount = plain.headByteCount + plain.bodyByteCount
            } else if decodedByteCount == 0 {
                decodedByteCount = .max
            }
            guard let part = bytes.readSlice(length: min(decodedByteCount, bytes.readableBytes)) else { return }
            if decodedByteCount < .max { decodedByteCount -= part.readableBytes }
            context.fireChannelRead(wrapInboundOut(part))
        }
    }

    private func readPlain(_ bytes: ByteBuffer) -> PlainRequest? {
        bytes.withUnsafeReadableBytes { PlainRequest.read($0, byteCountLimit: headByteCountLimit) }
    }

    /// Hands a request to the connection if all of it is there and nothing is in its way.
    private func take(_ plain: PlainRequest, _ bytes: inout ByteBuffer) -> Bool {
        guard connection.takesRequests, plain.bodyByteCount <= bodyByteCountLimit,
            bytes.readableBytes - plain.headByteCount >= plain.bodyByteCount
        else { return false }
        bytes.moveReaderIndex(forwardBy: plain.headByteCount)
        let body = plain.bodyByteCount > 0 ? bytes.readSlice(length: plain.bodyByteCount) : nil
        connection.receive(plain, body: body)
        return true
    }
}
