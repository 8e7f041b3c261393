internal import DurableStreamsHTTP
internal import NIOCore

/// The events of one session, seen from the task that writes them.
///
/// The state is confined to the event loop, hence `@unchecked Sendable`; all methods may be called from anywhere.
final class EventReader: @unchecked Sendable {
    private let session: EventSession
    private let loop: ProtocolLoop
    private var isStarted = false
    private var owesComment = false
    private var continuation: CheckedContinuation<ByteBuffer?, Never>?

    /// Means nothing among the events.
    private static let comment = ByteBuffer(string: ":\n\n")

    init(_ session: EventSession, on loop: ProtocolLoop) {
        self.session = session
        self.loop = loop
    }

    /// What to write next, at most about 64 KiB unless a single message is longer. Waits for it; nil at the end, and
    /// when cancelled. One caller at a time.
    func next() async -> ByteBuffer? {
        await withCheckedContinuation { continuation in
            loop.eventLoop.execute {
                self.start()
                self.continuation = continuation
                self.serve()
            }
        }
    }

    /// Has a comment written, to see whether the client takes it.
    func sendComment() {
        loop.eventLoop.execute {
            self.owesComment = true
            self.serve()
        }
    }

    /// Stops following the stream. May be called at any time, also repeatedly.
    func cancel() {
        loop.eventLoop.execute {
            self.session.cancel()
            self.continuation.take()?.resume(returning: nil)
        }
    }

    private func start() {
        guard !isStarted else { return }
        isStarted = true
        session.start { self.serve() }
    }

    private func serve() {
        guard let waiting = continuation.take() else { return }
        if owesComment {
            owesComment = false
            return waiting.resume(returning: Self.comment)
        }
        switch session.next() {
        case .send(let events): waiting.resume(returning: events.plain)
        case .wait: continuation = waiting
        case .end: waiting.resume(returning: nil)
        }
    }
}
