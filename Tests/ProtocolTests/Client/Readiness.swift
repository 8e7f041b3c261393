import Glibc
import Synchronization

/// One thread that waits in `poll` for all sockets of all tests, so that a test that waits occupies no thread.
///
/// A waiter ends exactly once: with `true` when its socket is ready (or in error, which the next system call reports),
/// with `false` at its deadline.
final class Readiness: Sendable {
    enum Interest: Sendable {
        case reading
        case writing
    }

    private struct Waiter: Sendable {
        let number: Int
        let descriptor: CInt
        let interest: Interest
        let deadline: ContinuousClock.Instant
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State: Sendable {
        var waiters: [Waiter] = []
        var nextNumber = 0
    }

    static let shared = Readiness()

    private let state = Mutex(State())
    private let wakeUpReading: CInt
    private let wakeUpWriting: CInt

    private init() {
        var ends: [CInt] = [0, 0]
        precondition(pipe(&ends) == 0, "no pipe: \(errno)")
        wakeUpReading = ends[0]
        wakeUpWriting = ends[1]
        precondition(fcntl(wakeUpReading, F_SETFL, O_NONBLOCK) == 0 && fcntl(wakeUpWriting, F_SETFL, O_NONBLOCK) == 0)
        var thread = pthread_t()
        let outcome = pthread_create(
            &thread,
            nil,
            { _ in
                Readiness.shared.run()
                return nil
            },
            nil
        )
        precondition(outcome == 0, "no thread: \(outcome)")
    }

    func wait(for interest: Interest, on descriptor: CInt, until deadline: ContinuousClock.Instant) async -> Bool {
        await withCheckedContinuation { continuation in
            state.withLock { state in
                let waiter = Waiter(
                    number: state.nextNumber,
                    descriptor: descriptor,
                    interest: interest,
                    deadline: deadline,
                    continuation: continuation
                )
                state.nextNumber += 1
                state.waiters.append(waiter)
            }
            var byte: UInt8 = 0
            // A full pipe means that a wake-up is already on its way.
            _ = write(wakeUpWriting, &byte, 1)
        }
    }

    private func run() {
        while true {
            let waiters = state.withLock { $0.waiters }
            var entries = [pollfd(fd: wakeUpReading, events: Int16(POLLIN), revents: 0)]
            for waiter in waiters {
                let events = waiter.interest == .reading ? Int16(POLLIN) : Int16(POLLOUT)
                entries.append(pollfd(fd: waiter.descriptor, events: events, revents: 0))
            }
            _ = poll(&entries, nfds_t(entries.count), Self.timeoutMilliseconds(until: waiters.map(\.deadline).min()))
            drainWakeUps(entries[0])
            finish(waiters, entries: entries.dropFirst())
        }
    }

    private func finish(_ waiters: [Waiter], entries: ArraySlice<pollfd>) {
        let now = ContinuousClock.now
        var outcomes: [Int: Bool] = [:]
        for (waiter, entry) in zip(waiters, entries) {
            if entry.revents != 0 {
                outcomes[waiter.number] = true
            } else if waiter.deadline <= now {
                outcomes[waiter.number] = false
            }
        }
        guard !outcomes.isEmpty else { return }
        let finished = state.withLock { state in
            let finished = state.waiters.filter { outcomes[$0.number] != nil }
            state.waiters.removeAll { outcomes[$0.number] != nil }
            return finished
        }
        for waiter in finished {
            waiter.continuation.resume(returning: outcomes[waiter.number] == true)
        }
    }

    private func drainWakeUps(_ entry: pollfd) {
        guard entry.revents != 0 else { return }
        var bytes = [UInt8](repeating: 0, count: 512)
        while read(wakeUpReading, &bytes, bytes.count) > 0 {}
    }

    private static func timeoutMilliseconds(until deadline: ContinuousClock.Instant?) -> CInt {
        guard let deadline else { return -1 }
        let remaining = (deadline - ContinuousClock.now) / .milliseconds(1)
        return CInt(min(max(remaining.rounded(.up), 0), 60_000))
    }
}
