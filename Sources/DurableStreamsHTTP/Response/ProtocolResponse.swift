import DurableStreams
import DurableStreamsWire
public import HTTPTypes
public import NIOCore

/// A response as a plain value; ``writeHead(into:keepAlive:framing:constants:)`` turns it into bytes.
public struct ProtocolResponse: Sendable {
    public var status: Int

    /// All of the body. Nil if there is none, or if it follows piece by piece.
    public var body: ByteBuffer?

    /// No body may follow the head, whatever its fields say: 204, 304 and everything that answers HEAD.
    public var bodyIsOmitted = false

    public var contentType: String?

    /// For 429 and 503.
    public var retryAfterSeconds: Int?

    var cacheControl = CacheControl.unstated
    var nextOffset: StreamPosition?
    var isUpToDate = false
    var isClosed = false
    var cursor: UInt64?
    var entityTag: EntityTag?
    var coding = ContentCoding.identity
    var variesByCoding = false
    var location: String?
    var lifetime: Lifetime?
    var producer: ProducerState?
    var producerEpoch: UInt64?
    var producerGap: ProducerGap?
    var isEventStream = false
    var hasBase64Events = false
    var statesAllowedMethods = false

    struct ProducerGap: Sendable {
        var expected: UInt64
        var received: UInt64
    }

    /// A response with a body of the caller's own, such as that of a health check; caches do not keep it.
    public init(status: Int, contentType: String, body: ByteBuffer) {
        self.status = status
        self.contentType = contentType
        self.body = body
        cacheControl = .noStore
    }

    /// Without a body; 204 and 304 never have one.
    init(status: Int) {
        self.status = status
        bodyIsOmitted = status == 204 || status == 304
    }

    /// An error that says in words what is wrong. The message must not repeat bytes of the request.
    public static func plainError(status: Int, _ message: String) -> ProtocolResponse {
        ProtocolResponse(status: status, contentType: "text/plain; charset=utf-8", body: ByteBuffer(string: message))
    }

    /// The request's body has outgrown the limit of ``BodyAdmission/accept(byteCountLimit:)``.
    public static func bodyTooLarge(byteCountLimit: Int) -> ProtocolResponse {
        plainError(status: 413, "the body is longer than \(byteCountLimit) bytes")
    }

    /// The fields of the response, those that are constant included; not `Date`, `Content-Length`,
    /// `Transfer-Encoding` and `Connection`, which are the transport's.
    public func fields(constants: ResponseConstants) -> HTTPFields {
        var sink = HTTPFieldsSink(constants.fields)
        addFields(to: &sink)
        return sink.fields
    }

    /// The one list of what a response says; the order is that of the bytes.
    @inline(__always)
    func addFields(to sink: inout some ResponseFieldSink) {
        if let contentType { sink.add(.contentType, text: contentType) }
        if let nextOffset { sink.add(.nextOffset, offset: OffsetToken(position: nextOffset.rawValue)) }
        if isUpToDate { sink.add(.upToDate, "true") }
        if isClosed { sink.add(.closed, "true") }
        if let cursor { sink.add(.cursor, number: cursor) }
        if let entityTag { sink.add(.entityTag, tag: entityTag) }
        if let value = cacheControl.value { sink.add(.cacheControl, value) }
        if variesByCoding { sink.add(.vary, "accept-encoding") }
        switch coding {
        case .identity: break
        case .gzip: sink.add(.contentEncoding, "gzip")
        case .deflate: sink.add(.contentEncoding, "deflate")
        }
        if let producer {
            sink.add(.producerEpoch, number: producer.epoch)
            sink.add(.producerSequence, number: producer.sequence)
        }
        addRareFields(to: &sink)
    }

    private func addRareFields(to sink: inout some ResponseFieldSink) {
        if let location { sink.add(.location, text: location) }
        switch lifetime {
        case .sliding(let seconds)?: sink.add(.timeToLive, number: seconds)
        case .until(_, let text)?: sink.add(.expiresAt, text: text)
        case nil: break
        }
        if let producerEpoch { sink.add(.producerEpoch, number: producerEpoch) }
        if let producerGap {
            sink.add(.producerExpectedSequence, number: producerGap.expected)
            sink.add(.producerReceivedSequence, number: producerGap.received)
        }
        if hasBase64Events { sink.add(.eventDataEncoding, "base64") }
        if isEventStream { sink.add(.proxyBuffering, "no") }
        if statesAllowedMethods { sink.add(.allow, "GET, POST, PUT, DELETE, HEAD, OPTIONS") }
        if let retryAfterSeconds { sink.add(.retryAfter, number: UInt64(max(0, retryAfterSeconds))) }
    }
}
