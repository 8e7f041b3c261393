internal import SegmentedLog
internal import Synchronization

/// What a fork comes from. It holds its source, so that what it inherits can be read for as long as it lives.
final class ForkOrigin: Sendable {
    let row: ForkRow
    private let state: Mutex<Stream?>

    init(_ row: ForkRow, source: Stream?) {
        self.row = row
        state = Mutex(source)
    }

    /// Nil once the fork is deleted, and where the source is missing.
    var source: Stream? { state.withLock { $0 } }

    /// At the opening of a store, when all streams are known.
    func attach(_ source: Stream) { state.withLock { $0 = source } }

    /// The fork is deleted and reads nothing any more. Let go of one by one, long chains do not end each other in each
    /// other's deinitializers.
    func detach() {
        let source = state.withLock { source in
            defer { source = nil }
            return source
        }
        withExtendedLifetime(source) {}
    }
}
