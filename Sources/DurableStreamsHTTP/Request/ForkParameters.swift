import DurableStreams
import DurableStreamsWire

/// The fork headers of a create request.
enum ForkParameters {
    /// What is to be forked; nil if the request does not ask for a fork.
    ///
    /// The source is named by the whole path of its URL, the base path included, as it would stand in a request line.
    static func request(_ request: borrowing ProtocolRequest, base: BasePath) throws(Refusal) -> ForkRequest? {
        guard let forkedFrom = request.forkedFrom else {
            guard request.forkOffset == nil, request.forkSubOffset == nil else {
                throw .badRequest("Stream-Fork-Offset and Stream-Fork-Sub-Offset need Stream-Forked-From")
            }
            return nil
        }
        let offset = try offset(request.forkOffset)
        let subOffset = try subOffset(request.forkSubOffset)
        guard subOffset == 0 || offset != nil else {
            throw .badRequest("Stream-Fork-Sub-Offset needs Stream-Fork-Offset")
        }
        return ForkRequest(source: try source(forkedFrom, base: base), offset: offset, subOffset: subOffset)
    }

    private static func source(_ text: String, base: BasePath) throws(Refusal) -> StreamPath {
        switch RequestTarget(text, base: base) {
        case .stream(let path, query: nil): return path
        case .stream: throw .badRequest("Stream-Forked-From has a query")
        case .invalid(let error): throw .badRequest("Stream-Forked-From: \(error.description)")
        case .outside where text.isEmpty: throw .badRequest("Stream-Forked-From is empty")
        // There are no streams there.
        case .outside, .reserved: throw Refusal(status: 404, message: "there is no stream to fork from")
        }
    }

    private static func offset(_ text: String?) throws(Refusal) -> StreamPosition? {
        guard let text else { return nil }
        guard let token = OffsetToken(text) else { throw .badRequest("Stream-Fork-Offset is no offset of a stream") }
        return token.streamPosition
    }

    private static func subOffset(_ text: String?) throws(Refusal) -> UInt64 {
        guard let text else { return 0 }
        guard case .value(let value) = HeaderNumber(text, allowsLeadingZeros: false) else {
            throw .badRequest("Stream-Fork-Sub-Offset is not a whole number from 0 to 9007199254740991")
        }
        return value
    }
}
