import DurableStreams
import DurableStreamsWire
import NIOCore

/// Where a request goes.
enum Route {
    case answer(ProtocolResponse)
    /// One of the methods that streams have.
    case stream(StreamPath, query: Substring?)
}

extension ProtocolService {
    func route(_ request: ProtocolRequest) -> Route {
        if request.method == .options { return .answer(ProtocolResponse(status: 204)) }
        switch RequestTarget(request.target, base: base) {
        case .stream(let path, let query):
            if case .other = request.method { return .answer(.methodNotAllowed) }
            return .stream(path, query: query)
        case .reserved:
            return .answer(finished(reservedTarget(), request))
        case .outside:
            return .answer(finished(unknownTarget(), request))
        case .invalid(let error):
            if case .other = request.method { return .answer(.methodNotAllowed) }
            return .answer(finished(invalidPath(error), request))
        }
    }

    /// What answers HEAD has no body.
    func finished(_ response: ProtocolResponse, _ request: ProtocolRequest) -> ProtocolResponse {
        guard request.method == .head else { return response }
        return response.with {
            $0.body = nil
            $0.bodyIsOmitted = true
        }
    }

    /// The answer to a request that is refused without asking the store. A missing stream is 404 even so, except to
    /// a request that would create it.
    func refusal(_ refusal: Refusal, of request: ProtocolRequest, path: StreamPath) -> ProtocolResponse {
        if request.method != .put, let absence = absence(of: path) { return absence }
        return .plainError(status: refusal.status, refusal.message)
    }

    /// Why there is no stream to work with; nil if there is one.
    func absence(of path: StreamPath) -> ProtocolResponse? {
        guard let stream = store.stream(at: path) else { return .refusal(.notFound, of: .read) }
        return stream.isSoftDeleted ? .refusal(.gone, of: .read) : nil
    }

    private func invalidPath(_ error: StreamPathError) -> ProtocolResponse {
        switch error {
        case .empty: .plainError(status: 404, error.description)
        case .tooLong: .plainError(status: 414, error.description)
        case .malformedEscape, .dotSegment, .controlCharacter, .invalidUTF8, .fragment, .queryMark:
            .plainError(status: 400, error.description)
        }
    }

    private func reservedTarget() -> ProtocolResponse {
        let body = #"{"error":{"code":"not_found","message":"there is nothing at this URL"}}"#
        return ProtocolResponse(status: 404, contentType: "application/json", body: ByteBuffer(string: body))
    }
}

extension ProtocolResponse {
    /// For every method but those of streams.
    public static var methodNotAllowed: ProtocolResponse {
        .plainError(status: 405, "streams know GET, POST, PUT, DELETE, HEAD and OPTIONS").with {
            $0.statesAllowedMethods = true
        }
    }
}
