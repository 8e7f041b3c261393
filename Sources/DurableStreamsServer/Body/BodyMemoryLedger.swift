/// Who holds and who waits for the memory of request bodies, as a value: the decisions of ``BodyMemory``.
///
/// Waiting is first come, first served. But bodies of unknown length grow while they hold what they have, so all
/// holders can come to wait for each other. Then whoever fits goes first, whatever the order; if nobody does, the last
/// one that came and holds something gives up, so that the others get on.
struct BodyMemoryLedger: Sendable {
    struct Waiter: Equatable, Sendable {
        let number: UInt64
        /// What it waits for.
        let byteCount: Int
        /// What it has already.
        let heldByteCount: Int
    }

    enum Verdict: Equatable, Sendable {
        case granted(UInt64)
        /// There is no way on for this one: it has to release what it holds.
        case refused(UInt64)
    }

    let byteLimit: Int
    private(set) var usedByteCount = 0
    /// What waiters hold.
    private(set) var stalledByteCount = 0
    private var waiters: [Waiter] = []

    init(byteLimit: Int) {
        self.byteLimit = byteLimit
    }

    var waiterCount: Int { waiters.count }

    /// Asks for more. Returns whether it is granted; else the waiter is in the queue, and ``settle()`` tells what
    /// follows.
    mutating func reserve(_ waiter: Waiter) -> Bool {
        if waiters.isEmpty && usedByteCount + waiter.byteCount <= byteLimit {
            usedByteCount += waiter.byteCount
            return true
        }
        waiters.append(waiter)
        stalledByteCount += waiter.heldByteCount
        return false
    }

    mutating func release(_ byteCount: Int) {
        usedByteCount -= byteCount
        precondition(usedByteCount >= 0, "more memory for bodies was released than reserved")
    }

    /// Stops waiting. Returns false if the waiter got its verdict before.
    mutating func withdraw(_ number: UInt64) -> Bool {
        guard let index = waiters.firstIndex(where: { $0.number == number }) else { return false }
        stalledByteCount -= waiters.remove(at: index).heldByteCount
        return true
    }

    /// After any change: who gets what.
    mutating func settle() -> [Verdict] {
        var verdicts: [Verdict] = []
        while let first = waiters.first {
            if usedByteCount + first.byteCount <= byteLimit {
                verdicts.append(grant(at: 0))
            } else if stalledByteCount < usedByteCount {
                // Somebody still gets on and will release.
                break
            } else if let index = waiters.firstIndex(where: { usedByteCount + $0.byteCount <= byteLimit }) {
                verdicts.append(grant(at: index))
            } else {
                let index = waiters.lastIndex { $0.heldByteCount > 0 } ?? waiters.count - 1
                let refused = waiters.remove(at: index)
                stalledByteCount -= refused.heldByteCount
                verdicts.append(.refused(refused.number))
                // It releases what it holds when it hears of it; only then can it be known who gets on.
                if refused.heldByteCount > 0 { break }
            }
        }
        return verdicts
    }

    private mutating func grant(at index: Int) -> Verdict {
        let waiter = waiters.remove(at: index)
        stalledByteCount -= waiter.heldByteCount
        usedByteCount += waiter.byteCount
        return .granted(waiter.number)
    }
}
