internal import DurableStreamsHTTP
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import NIOHTTP1

/// Receives the body of a request as far as it is wanted.
struct RequestBodyReceiver: Sendable {
    let service: ProtocolService
    let loop: ProtocolLoop
    let channel: any Channel

    /// A body of at most so many bytes is received before anybody asks whether it is wanted: asking costs more.
    private static let casualByteCountLimit = 64 << 10

    enum Outcome {
        case complete(ByteBuffer?)
        /// Answer without the rest of the body.
        case refused(ProtocolResponse)
        /// Answer; nothing that follows can be understood.
        case malformed(ProtocolResponse)
    }

    /// Throws what reading the body throws, and `CancellationError`.
    func receive(_ request: Request, _ head: ProtocolRequest) async throws -> Outcome {
        // The decoder lets only digits through: what cannot be counted is more than any limit.
        let announcedByteCount = request.headers[.contentLength].map { Int($0) ?? .max }
        guard mayHaveBody(request, announcedByteCount: announcedByteCount) else { return .complete(nil) }
        let expectsContinue = request.headers[.expect]?.lowercased() == "100-continue"
        do {
            return try await collect(
                request.body, of: head, announcedByteCount: announcedByteCount, expectsContinue: expectsContinue)
        } catch let error as HTTPParserError {
            let message =
                error == .invalidEOFState ? "the connection ended inside the request" : "the request body is malformed"
            return .malformed(.plainError(status: 400, message))
        }
    }

    /// HTTP/1.1 announces every body. HTTP/2 need not, but only appends and creates mean something by theirs.
    private func mayHaveBody(_ request: Request, announcedByteCount: Int?) -> Bool {
        if let announcedByteCount { return announcedByteCount > 0 }
        return request.method == .post || request.method == .put || request.headers.contains(.transferEncoding)
    }

    private func collect(
        _ parts: RequestBody, of head: ProtocolRequest, announcedByteCount: Int?, expectsContinue: Bool
    ) async throws -> Outcome {
        var byteCountLimit = min(Self.casualByteCountLimit, service.configuration.bodyByteCountLimit)
        var isAdmitted = false
        var body: ByteBuffer?
        var byteCount = 0
        let isShort = (announcedByteCount ?? 0) <= byteCountLimit
        if expectsContinue || !isShort {
            // The service lets short bodies of known length in unexamined. A client that asks wants to know.
            if let refusal = await admit(head, isShort ? nil : announcedByteCount, &byteCountLimit) {
                return .refused(refusal)
            }
            isAdmitted = true
            if expectsContinue { ClientAttendance.sendInterimResponse(on: channel) }
        }
        for try await part in parts {
            byteCount += part.readableBytes
            if byteCount > byteCountLimit, !isAdmitted {
                if let refusal = await admit(head, announcedByteCount, &byteCountLimit) { return .refused(refusal) }
                isAdmitted = true
            }
            if byteCount > byteCountLimit { return .refused(.bodyTooLarge(byteCountLimit: byteCountLimit)) }
            if body == nil { body = part } else { body?.writeImmutableBuffer(part) }
        }
        // A cancelled task and a lost connection may both look like the end of the body.
        try Task.checkCancellation()
        if let announcedByteCount, byteCount < announcedByteCount { throw HTTPParserError.invalidEOFState }
        return .complete(body)
    }

    /// Nil if the rest of the body may come.
    private func admit(
        _ head: ProtocolRequest, _ announcedByteCount: Int?, _ byteCountLimit: inout Int
    ) async -> ProtocolResponse? {
        let admission = await loop.run { [service] in service.admit(head, announcedByteCount: announcedByteCount) }
        switch admission {
        case .accept(let limit):
            byteCountLimit = limit
            return nil
        case .reject(let response):
            return response
        }
    }
}
