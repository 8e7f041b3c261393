internal import Glibc
internal import Synchronization

/// Counts the connections of all event loops and holds them to a limit.
final class ConnectionGate: Sendable {
    enum Admission: Sendable {
        case admitted
        /// Too many: say so and close.
        case refused
        /// Far too many: just close.
        case dropped
    }

    /// So many more than the limit may be open while they are being told no.
    private static let courtesyCount = 256

    let limit: Int
    private let count = Atomic<Int>(0)

    init(limit: Int) {
        self.limit = limit
    }

    var connectionCount: Int { count.load(ordering: .relaxed) }

    /// Every call needs one of ``leave()``, whatever it returns.
    func enter() -> Admission {
        let count = self.count.add(1, ordering: .relaxed).newValue
        if count <= limit { return .admitted }
        return count <= limit + Self.courtesyCount ? .refused : .dropped
    }

    func leave() {
        count.subtract(1, ordering: .relaxed)
    }

    /// As many as the process may have open files, less what the store and we need ourselves.
    static func limitOfOpenFiles() -> Int {
        var limits = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) == 0 else { return 1_024 - 256 }
        let files = Int(clamping: limits.rlim_cur)
        return min(65_000, max(files / 2, files - courtesyCount - 512))
    }
}
