internal import NIOCore
internal import Synchronization

/// The memory that the request bodies of all connections share while they arrive.
///
/// Connections of all event loops ask here. What can't be had now is waited for without being read from; the answer
/// comes on the connection's own loop.
final class BodyMemory: Sendable {
    private struct State {
        var ledger: BodyMemoryLedger
        var nextNumber: UInt64 = 1
        var answers: [UInt64: Answer] = [:]
    }

    private struct Answer: Sendable {
        let eventLoop: any EventLoop
        let deliver: @Sendable (_ number: UInt64, _ isGranted: Bool) -> Void
    }

    enum Reservation {
        case granted
        /// `deliver` will be called, unless the number is withdrawn first.
        case waiting(number: UInt64)
    }

    private let state: Mutex<State>

    init(byteLimit: Int) {
        state = Mutex(State(ledger: BodyMemoryLedger(byteLimit: byteLimit)))
    }

    var usedByteCount: Int { state.withLock { $0.ledger.usedByteCount } }

    /// - Parameters:
    ///   - byteCount: how much more is wanted.
    ///   - heldByteCount: how much the same body has already.
    func reserve(
        _ byteCount: Int,
        heldByteCount: Int,
        on eventLoop: any EventLoop,
        deliver: @escaping @Sendable (_ number: UInt64, _ isGranted: Bool) -> Void
    ) -> Reservation {
        let (reservation, deliveries) = state.withLock { state -> (Reservation, [Delivery]) in
            let number = state.nextNumber
            state.nextNumber += 1
            let waiter = BodyMemoryLedger.Waiter(number: number, byteCount: byteCount, heldByteCount: heldByteCount)
            if state.ledger.reserve(waiter) { return (.granted, []) }
            state.answers[number] = Answer(eventLoop: eventLoop, deliver: deliver)
            return (.waiting(number: number), Self.settle(&state))
        }
        Self.perform(deliveries)
        return reservation
    }

    func release(_ byteCount: Int) {
        guard byteCount > 0 else { return }
        Self.perform(
            state.withLock { state in
                state.ledger.release(byteCount)
                return Self.settle(&state)
            })
    }

    /// The waiting connection has gone. Returns the verdict's fate: true if none had been reached. Else the answer is
    /// under way, and what it grants has to be released by whoever gets it.
    func withdraw(_ number: UInt64) -> Bool {
        let (isWithdrawn, deliveries) = state.withLock { state -> (Bool, [Delivery]) in
            guard state.ledger.withdraw(number) else { return (false, []) }
            state.answers[number] = nil
            return (true, Self.settle(&state))
        }
        Self.perform(deliveries)
        return isWithdrawn
    }

    private typealias Delivery = (number: UInt64, answer: Answer, isGranted: Bool)

    private static func settle(_ state: inout State) -> [Delivery] {
        state.ledger.settle().compactMap { verdict in
            let (number, isGranted) =
                switch verdict {
                case .granted(let number): (number, true)
                case .refused(let number): (number, false)
                }
            return state.answers.removeValue(forKey: number).map { (number, $0, isGranted) }
        }
    }

    /// Never inline: the asking connection has to get its number first.
    private static func perform(_ deliveries: [Delivery]) {
        for (number, answer, isGranted) in deliveries {
            answer.eventLoop.execute { answer.deliver(number, isGranted) }
        }
    }
}
