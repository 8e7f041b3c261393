internal import DurableStreamsHTTP
internal import NIOCore

/// A request that is with the service, seen from the task that needs its answer.
///
/// The state is confined to the event loop, hence `@unchecked Sendable`; all methods may be called from anywhere.
final class WaitingExchange: @unchecked Sendable {
    private let loop: ProtocolLoop
    private var exchange: ProtocolExchange?
    private var isCancelled = false
    /// Has come before anybody waited for it.
    private var earlyReply: ProtocolReply?
    private var continuation: CheckedContinuation<ProtocolReply?, Never>?

    init(on loop: ProtocolLoop) {
        self.loop = loop
    }

    /// Hands the request to the service. Returns its reply; nil if it is to be waited for with ``reply()``, which may
    /// take long and can be cancelled. The store's own operations are always waited for here: they complete.
    func begin(_ request: ProtocolRequest, body: ByteBuffer?, service: ProtocolService) async -> ProtocolReply? {
        await withCheckedContinuation { continuation in
            loop.eventLoop.execute {
                self.continuation = continuation
                let exchange = service.handle(request, body: body, on: self.loop.lane) { self.receive($0) }
                guard let exchange, let continuation = self.continuation.take() else { return }
                self.exchange = exchange
                continuation.resume(returning: nil)
            }
        }
    }

    /// After ``begin(_:body:service:)`` has returned nil. Nil if it is cancelled first.
    func reply() async -> ProtocolReply? {
        await withCheckedContinuation { continuation in
            loop.eventLoop.execute {
                if let reply = self.earlyReply.take() {
                    continuation.resume(returning: reply)
                } else if self.isCancelled {
                    continuation.resume(returning: nil)
                } else {
                    self.continuation = continuation
                }
            }
        }
    }

    /// The reply is not needed any more.
    func cancel() {
        loop.eventLoop.execute {
            self.isCancelled = true
            self.exchange.take()?.cancel()
            self.continuation.take()?.resume(returning: nil)
        }
    }

    func ifWaiting(_ work: @escaping @Sendable () -> Void) {
        loop.eventLoop.execute {
            if self.exchange != nil { work() }
        }
    }

    private func receive(_ reply: ProtocolReply) {
        exchange = nil
        if let continuation = continuation.take() {
            continuation.resume(returning: reply)
        } else {
            earlyReply = reply
        }
    }
}
