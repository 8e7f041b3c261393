import DurableStreams
import Synchronization

/// A clock that goes only when a test says so. It begins on 2027-01-15 at 08:00:00 UTC.
final class ManualClock: Sendable {
    private let milliseconds = Atomic<Int64>(1_800_000_000_000)

    var now: Int64 { milliseconds.load(ordering: .sequentiallyConsistent) }

    func advance(milliseconds count: Int64) {
        milliseconds.add(count, ordering: .sequentiallyConsistent)
    }
}

extension ProtocolDriver {
    /// A service on a store whose lifetimes go by this clock.
    convenience init(
        clock: ManualClock, store configureStore: (inout StoreConfiguration) -> Void = { _ in }
    ) throws {
        try self.init(store: {
            $0.wallClock = { clock.now }
            configureStore(&$0)
        })
    }
}
