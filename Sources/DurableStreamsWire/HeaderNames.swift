public import HTTPTypes

/// The header fields of the protocol.
extension HTTPField.Name {
    public static let streamNextOffset = protocolName("Stream-Next-Offset")
    public static let streamUpToDate = protocolName("Stream-Up-To-Date")
    public static let streamClosed = protocolName("Stream-Closed")
    public static let streamCursor = protocolName("Stream-Cursor")
    public static let streamSequence = protocolName("Stream-Seq")
    public static let streamTimeToLive = protocolName("Stream-TTL")
    public static let streamExpiresAt = protocolName("Stream-Expires-At")
    public static let streamEventDataEncoding = protocolName("Stream-SSE-Data-Encoding")
    public static let streamForkedFrom = protocolName("Stream-Forked-From")
    public static let streamForkOffset = protocolName("Stream-Fork-Offset")
    public static let streamForkSubOffset = protocolName("Stream-Fork-Sub-Offset")
    public static let producerIdentifier = protocolName("Producer-Id")
    public static let producerEpoch = protocolName("Producer-Epoch")
    public static let producerSequence = protocolName("Producer-Seq")
    public static let producerExpectedSequence = protocolName("Producer-Expected-Seq")
    public static let producerReceivedSequence = protocolName("Producer-Received-Seq")
}

extension HTTPField.Name {
    /// Tells proxies not to hold an event stream back.
    package static let proxyBuffering = protocolName("X-Accel-Buffering")

    /// For names that are constants: traps if it is none.
    private static func protocolName(_ text: String) -> HTTPField.Name {
        guard let name = HTTPField.Name(text) else { preconditionFailure("\(text) is no header name") }
        return name
    }
}
