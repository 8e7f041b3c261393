import Synchronization

/// A clock that goes only when a test says so. Milliseconds since 1970.
final class ManualClock: Sendable {
    private let milliseconds: Atomic<Int64>

    init(_ milliseconds: Int64 = 1_800_000_000_000) {
        self.milliseconds = Atomic(milliseconds)
    }

    var now: Int64 { milliseconds.load(ordering: .sequentiallyConsistent) }

    func advance(seconds: Int64) {
        milliseconds.add(seconds * 1_000, ordering: .sequentiallyConsistent)
    }
}
