/// What a ``ProtocolService`` answers to one request.
public enum ProtocolReply: Sendable {
    /// A complete response.
    case response(ProtocolResponse)
    /// A head, to be sent at once, and the source of the body that follows it.
    case events(ProtocolResponse, EventSession)
}

/// Whether the body of a request may be received.
public enum BodyAdmission: Sendable {
    /// Yes; a body of more bytes is answered with ``ProtocolResponse/bodyTooLarge(byteCountLimit:)``.
    case accept(byteCountLimit: Int)
    /// No: send this without waiting for the body.
    case reject(ProtocolResponse)
}

/// A request that is being waited for. Only for the executor of the lane that the request was handed in with.
public final class ProtocolExchange: @unchecked Sendable {
    // Confined to the lane's executor, hence no lock.
    private var cancellation: (() -> Void)?

    init(cancellation: @escaping () -> Void) {
        self.cancellation = cancellation
    }

    /// The client has gone. A waiting reader unregisters and its reply never comes; appends complete anyway.
    public func cancel() {
        guard let cancellation else { return }
        self.cancellation = nil
        cancellation()
    }
}
