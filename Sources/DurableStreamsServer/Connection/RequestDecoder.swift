internal import NIOCore
internal import NIOHTTP1

/// NIO's decoder, which can't say whether it was the request target that was too long or the fields.
struct RequestDecoder: ByteToMessageDecoder {
    typealias InboundOut = HTTPServerRequestPart

    private let decoder: HTTPRequestDecoder
    private let byteCountLimit: Int

    /// A handler with a decoder for one connection.
    /// - Parameter headByteCountLimit: Longer heads are refused.
    static func makeHandler(headByteCountLimit: Int) -> ByteToMessageHandler<RequestDecoder> {
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldSize = headByteCountLimit
        limits.maxHeaderListSize = headByteCountLimit
        // The decoder does not count what stands between names and values.
        limits.maxHeaderFieldCount = headByteCountLimit / 32
        let decoder = HTTPRequestDecoder(
            leftOverBytesStrategy: .dropBytes,
            informationalResponseStrategy: .drop,
            limitConfiguration: limits
        )
        return ByteToMessageHandler(
            RequestDecoder(decoder, byteCountLimit: headByteCountLimit),
            // After a request to upgrade the decoder leaves everything lying.
            maximumBufferSize: 2 * max(headByteCountLimit, Listener.receiveByteCountLimit)
        )
    }

    init(_ decoder: HTTPRequestDecoder, byteCountLimit: Int) {
        self.decoder = decoder
        self.byteCountLimit = byteCountLimit
    }

    func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) throws -> DecodingState {
        do {
            return try decoder.decode(context: context, buffer: &buffer)
        } catch HTTPParserError.headerOverflow where isInsideTarget(buffer) {
            throw InputFailure.targetTooLong(byteCountLimit: byteCountLimit)
        } catch HTTPParserError.invalidMethod where beginsWithMethod(buffer) {
            throw InputFailure.unknownMethod
        }
    }

    func decodeLast(context: ChannelHandlerContext, buffer: inout ByteBuffer, seenEOF: Bool) throws -> DecodingState {
        try decoder.decodeLast(context: context, buffer: &buffer, seenEOF: seenEOF)
    }

    func decoderAdded(context: ChannelHandlerContext) { decoder.decoderAdded(context: context) }

    func decoderRemoved(context: ChannelHandlerContext) { decoder.decoderRemoved(context: context) }

    func shouldReclaimBytes(buffer: ByteBuffer) -> Bool { decoder.shouldReclaimBytes(buffer: buffer) }

    /// Whether this is a request all the same, only with a method that the decoder does not know (RFC 9110 section 9.1).
    private func beginsWithMethod(_ buffer: ByteBuffer) -> Bool {
        let method = buffer.readableBytesView.prefix { $0.isTokenCharacter }
        return !method.isEmpty && buffer.readableBytesView.dropFirst(method.count).starts(with: " /".utf8)
    }

    /// The decoder keeps the bytes from the beginning of the element that it is in: the target (with the method before
    /// it, if both came in one read) or a field.
    private func isInsideTarget(_ buffer: ByteBuffer) -> Bool {
        let start = buffer.readableBytesView.prefix(byteCountLimit)
        guard start.count == byteCountLimit, !start.contains(UInt8(ascii: "\n")) else { return false }
        return start.first == UInt8(ascii: "/") || start.prefix(24).contains(UInt8(ascii: "/"))
    }
}

extension InputFailure: Error {}
