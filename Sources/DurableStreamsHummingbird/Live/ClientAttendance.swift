internal import DurableStreamsHTTP
internal import Glibc
internal import HTTPTypes
internal import NIOCore
internal import NIOHTTPTypes
internal import ServiceLifecycle

/// Whether the client of a live read is still there.
///
/// A client that closes its half of the connection may still listen, or be gone: only sending something tells. So
/// `onHalfClosure` has something sent that means nothing, and whoever is gone resets the connection, which is
/// `onDeparture`.
struct ClientAttendance: Sendable {
    let onHalfClosure: @Sendable () -> Void
    /// Also when the task is cancelled. May be called more than once.
    let onDeparture: @Sendable () -> Void

    /// Runs a live read, and watches the client meanwhile. A graceful shutdown ends all live reads of the service.
    func during<Value>(
        _ channel: any Channel, endingLiveReadsOf service: ProtocolService,
        _ read: () async throws -> Value
    ) async throws -> Value {
        let observer = ClosureObserver(self)
        observer.observe(channel)
        defer { observer.stop(channel) }
        return try await withTaskCancellationHandler {
            try await withGracefulShutdownHandler {
                try await read()
            } onGracefulShutdown: {
                service.shutDown()
            }
        } onCancel: {
            onDeparture()
        }
    }

    /// An answer before the answer, which clients skip. Only to be sent before the head of the answer.
    static func sendInterimResponse(on channel: any Channel) {
        channel.writeAndFlush(HTTPResponsePart.head(HTTPResponse(status: .continue)), promise: nil)
    }
}

/// Sees the end of a connection pass by. Confined to its event loop, hence `@unchecked Sendable`.
private final class ClosureObserver: ChannelInboundHandler, RemovableChannelHandler, @unchecked Sendable {
    typealias InboundIn = NIOAny
    typealias InboundOut = NIOAny

    private let attendance: ClientAttendance
    private var isHalfClosed = false

    init(_ attendance: ClientAttendance) {
        self.attendance = attendance
    }

    /// First in the pipeline, where nobody has kept an event to himself. From any thread.
    func observe(_ channel: any Channel) {
        channel.eventLoop.execute {
            guard channel.isActive else { return self.attendance.onDeparture() }
            // Fails if the channel has closed, and then it says so itself.
            try? channel.pipeline.syncOperations.addHandler(self, position: .first)
            self.askSocket(of: channel)
        }
    }

    /// From any thread.
    func stop(_ channel: any Channel) {
        channel.eventLoop.execute { channel.pipeline.syncOperations.removeHandler(self, promise: nil) }
    }

    /// The client may have closed its half before anybody observed. The state of the socket still tells; other
    /// channels, such as the streams of HTTP/2, have none, and there a client that goes closes all of it.
    private func askSocket(of channel: any Channel) {
        (channel as? any SocketOptionProvider)?.getTCPInfo().whenSuccess { info in
            if Int(info.tcpi_state) == TCP_CLOSE_WAIT { self.noteHalfClosure() }
        }
    }

    private func noteHalfClosure() {
        guard !isHalfClosed else { return }
        isHalfClosed = true
        attendance.onHalfClosure()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? ChannelEvent, event == .inputClosed { noteHalfClosure() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        attendance.onDeparture()
        context.fireChannelInactive()
    }
}
