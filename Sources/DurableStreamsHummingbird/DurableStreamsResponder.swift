public import DurableStreams
public import DurableStreamsHTTP
internal import HTTPTypes
public import Hummingbird
public import NIOCore
public import NIOPosix

/// Answers requests for the streams of a store.
///
/// `addDurableStreams(_:at:inGroupAt:configuration:)` puts it into a router. It stands alone for routers that are built
/// in another way; it then has to get the requests of all ``methods``.
public struct DurableStreamsResponder<Context: DurableStreamsRequestContext>: HTTPResponder {
    private let service: ProtocolService
    private let loops: ProtocolLoops

    /// - Parameters:
    ///   - basePath: Everything under this path of a request target is a stream URL.
    ///   - configuration: How the protocol behaves. Its `basePath` is not used.
    ///   - eventLoopGroup: The event loops that requests are decided on; best those of the app.
    public init(
        store: StreamStore,
        basePath: String,
        configuration: ProtocolConfiguration = ProtocolConfiguration(),
        eventLoopGroup: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) {
        let segments = basePath.split(separator: "/")
        precondition(
            !segments.contains { $0.contains { ":*{}?#".contains($0) } },
            "the path of the streams can have neither parameters nor wildcards: \(basePath)")
        var configuration = configuration
        configuration.basePath = segments.isEmpty ? "/" : "/\(segments.joined(separator: "/"))/"
        service = ProtocolService(store: store, configuration: configuration)
        loops = ProtocolLoops(eventLoopGroup)
    }

    public func respond(to request: Request, context: Context) async throws -> Response {
        let loop = loops.loop(of: context.channel)
        let head = ProtocolRequest(request.head)
        let body: ByteBuffer?
        let receiver = RequestBodyReceiver(service: service, loop: loop, channel: context.channel)
        switch try await receiver.receive(request, head) {
        case .complete(let bytes): body = bytes
        case .refused(let response): return self.response(response, to: head)
        case .malformed(let response): return lastResponse(response, to: head)
        }
        switch try await reply(to: head, body: body, on: loop, channel: context.channel) {
        case .response(let response): return self.response(response, to: head)
        case .events(let response, let session):
            let reader = EventReader(session, on: loop)
            return Response(
                status: HTTPResponse.Status(code: response.status),
                headers: response.fields(constants: service.constants),
                body: events(from: reader, channel: context.channel)
            )
        }
    }

    private func reply(
        to head: ProtocolRequest, body: ByteBuffer?, on loop: ProtocolLoop, channel: any Channel
    ) async throws -> ProtocolReply {
        let exchange = WaitingExchange(on: loop)
        if let reply = await exchange.begin(head, body: body, service: service) { return reply }
        let attendance = ClientAttendance(
            // Whoever is gone resets the connection when something is sent (RFC 9110 section 15.2).
            onHalfClosure: { exchange.ifWaiting { ClientAttendance.sendInterimResponse(on: channel) } },
            onDeparture: { exchange.cancel() }
        )
        return try await attendance.during(channel, endingLiveReadsOf: service) {
            guard let reply = await exchange.reply() else { throw CancellationError() }
            return reply
        }
    }

    /// The body that a session writes. A response that is dropped before its body is asked for leaves nothing behind,
    /// since a session follows its stream only once it has been started.
    private func events(from reader: EventReader, channel: any Channel) -> ResponseBody {
        ResponseBody { [service] writer in
            let attendance = ClientAttendance(
                onHalfClosure: { reader.sendComment() },
                onDeparture: { reader.cancel() }
            )
            defer { reader.cancel() }
            // The writer suspends while the socket takes nothing, and meanwhile nothing more is asked for.
            var output = writer
            try await attendance.during(channel, endingLiveReadsOf: service) {
                while let events = await reader.next() { try await output.write(events) }
            }
            try await output.finish(nil)
        }
    }
}

// MARK: Responses

extension DurableStreamsResponder {
    private func response(_ response: ProtocolResponse, to request: ProtocolRequest) -> Response {
        let isBodyOmitted = response.bodyIsOmitted || request.method == .head
        return Response(
            status: HTTPResponse.Status(code: response.status),
            headers: response.fields(constants: service.constants),
            body: isBodyOmitted ? ResponseBody() : ResponseBody(byteBuffer: response.body ?? ByteBuffer())
        )
    }

    /// To a request after which nothing on the connection can be understood. Hummingbird closes it.
    private func lastResponse(_ response: ProtocolResponse, to request: ProtocolRequest) -> Response {
        var response = self.response(response, to: request)
        response.headers[.connection] = "close"
        return response
    }
}
