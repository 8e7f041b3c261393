/// A reply that may be cancelled before it is sent. Confined to the lane's executor, hence no lock.
final class PendingReply: @unchecked Sendable {
    private var reply: (@Sendable (ProtocolReply) -> Void)?

    init(_ reply: @escaping @Sendable (ProtocolReply) -> Void) {
        self.reply = reply
    }

    /// Does nothing after the first time, or after ``cancel()``.
    func send(_ response: ProtocolReply) {
        guard let reply else { return }
        self.reply = nil
        reply(response)
    }

    func cancel() {
        reply = nil
    }
}
