import SimulatedDisk
import Synchronization

@testable import DurableStreams

/// Stores for tests, on a disk in memory.
enum TestStore {
    /// A store with threads, as programs have it.
    static func open(
        _ disk: SimulatedDisk = SimulatedDisk(seed: 1, recordsTrace: false),
        _ configure: (inout StoreConfiguration) -> Void = { _ in }
    ) throws -> StreamStore {
        var configuration = StoreConfiguration()
        configuration.fileSystem = disk
        configuration.segmentByteCount = 64 << 10
        configure(&configuration)
        return try StreamStore.open(directory: "/store", configuration: configuration)
    }
}

/// A wall clock that tests set. Milliseconds since 1970.
final class TestClock: Sendable {
    private let milliseconds: Mutex<Int64>

    init(_ milliseconds: Int64 = 1_700_000_000_000) { self.milliseconds = Mutex(milliseconds) }

    var now: Int64 { milliseconds.withLock { $0 } }

    func advance(milliseconds count: Int64) { milliseconds.withLock { $0 += count } }
}

extension ContentType {
    static let json = ContentType("application/json")!
}

/// Waits until something is so, for a few seconds.
func eventually(_ condition: @Sendable () async -> Bool) async -> Bool {
    for _ in 0..<2_000 {
        if await condition() { return true }
        try? await Task.sleep(for: .milliseconds(2))
    }
    return false
}
