internal import DurableStreamsHTTP
internal import NIOHTTP1

/// Why a connection can't go on, in terms of the answer that says so.
enum InputFailure: Equatable, Sendable {
    case malformed(reason: String)
    case headTooLarge(byteCountLimit: Int)
    case targetTooLong(byteCountLimit: Int)
    case missingHost
    case unknownMethod
    case unknownTransferCoding
    case headTimedOut
    case bodyTimedOut
    case bodyTooLarge(byteCountLimit: Int)
    case noMemoryForBody
    case tooManyConnections
    /// More requests ahead than a connection can have.
    case tooMuchAhead

    init(_ error: HTTPParserError, headByteCountLimit: Int) {
        switch error {
        case .headerOverflow: self = .headTooLarge(byteCountLimit: headByteCountLimit)
        case .invalidVersion:
            // Not 505: clients repeat what is answered 5xx, and this will never work.
            self = .malformed(reason: "the request line does not end in HTTP/1.0 or HTTP/1.1")
        case .invalidEOFState: self = .malformed(reason: "the connection ended inside the request")
        case .invalidMethod, .invalidURL, .invalidConstant, .lfExpected:
            self = .malformed(reason: "the request line is malformed")
        case .invalidHeaderToken: self = .malformed(reason: "a header field is malformed")
        case .invalidContentLength, .unexpectedContentLength:
            self = .malformed(reason: "Content-Length is malformed, occurs twice, or stands beside Transfer-Encoding")
        case .invalidChunkSize: self = .malformed(reason: "a chunk of the body is malformed")
        default: self = .malformed(reason: "the request is malformed")
        }
    }

    var response: ProtocolResponse {
        switch self {
        case .malformed(let reason): .plainError(status: 400, reason)
        case .headTooLarge(let limit):
            .plainError(status: 431, "the request line and header fields are longer than \(limit) bytes")
        case .targetTooLong(let limit): .plainError(status: 414, "the request target is longer than \(limit) bytes")
        case .missingHost: .plainError(status: 400, "there has to be exactly one Host header field")
        case .unknownMethod: .methodNotAllowed
        case .unknownTransferCoding:
            .plainError(status: 400, "Transfer-Encoding can only be chunked, once, in HTTP/1.1")
        case .headTimedOut: .plainError(status: 408, "the request took too long to arrive")
        case .bodyTimedOut: .plainError(status: 408, "the request body took too long to arrive")
        case .bodyTooLarge(let limit): .bodyTooLarge(byteCountLimit: limit)
        case .noMemoryForBody: Self.busy("there is no memory for the request body at the moment")
        case .tooManyConnections: Self.busy("there are too many connections")
        case .tooMuchAhead: Self.busy("there are too many requests on this connection at one time")
        }
    }

    private static func busy(_ message: String) -> ProtocolResponse {
        var response = ProtocolResponse.plainError(status: 503, message)
        response.retryAfterSeconds = 1
        return response
    }
}
