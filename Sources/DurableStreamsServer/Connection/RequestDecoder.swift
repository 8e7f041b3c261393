internal import NIOCore
internal import NIOHTTP1

/// NIO's decoder, which can't say whether it was the request target that was too long or the fields.
struct RequestDecoder: ByteToMessageDecoder {
    typealias InboundOut = HTTPServerRequestPart

    private let decoder: HTTPRequestDecoder
    private let byteCountLimit: Int

    init(_ decoder: HTTPRequestDecoder, byteCountLimit: Int) {
        self.decoder = decoder
        self.byteCountLimit = byteCountLimit
    }

    func decode(context: ChannelHandlerContext, buffer: inout ByteBuffer) throws -> DecodingState {
        do {
            return try decoder.decode(context: context, buffer: &buffer)
        } catch HTTPParserError.headerOverflow where isInsideTarget(buffer) {
            throw InputFailure.targetTooLong(byteCountLimit: byteCountLimit)
        }
    }

    func decodeLast(context: ChannelHandlerContext, buffer: inout ByteBuffer, seenEOF: Bool) throws -> DecodingState {
        try decoder.decodeLast(context: context, buffer: &buffer, seenEOF: seenEOF)
    }

    func decoderAdded(context: ChannelHandlerContext) { decoder.decoderAdded(context: context) }

    func decoderRemoved(context: ChannelHandlerContext) { decoder.decoderRemoved(context: context) }

    func shouldReclaimBytes(buffer: ByteBuffer) -> Bool { decoder.shouldReclaimBytes(buffer: buffer) }

    /// The decoder keeps the bytes from the beginning of the element that it is in: the target (with the method before
    /// it, if both came in one read) or a field.
    private func isInsideTarget(_ buffer: ByteBuffer) -> Bool {
        let start = buffer.readableBytesView.prefix(byteCountLimit)
        guard start.count == byteCountLimit, !start.contains(UInt8(ascii: "\n")) else { return false }
        return start.first == UInt8(ascii: "/") || start.prefix(24).contains(UInt8(ascii: "/"))
    }
}

extension InputFailure: Error {}
