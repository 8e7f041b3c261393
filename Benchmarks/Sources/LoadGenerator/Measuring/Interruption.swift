internal import Glibc
internal import Synchronization

private let interruptionRequest = Atomic<Bool>(false)

/// Control-C ends a benchmark early, but not without its server and its directory being removed.
public enum Interruption {
    /// Takes over SIGINT and SIGTERM of this process.
    public static func trap() {
        // Touched before a handler could: the first access to a global is no work for a signal handler.
        _ = isRequested
        for number in [SIGINT, SIGTERM] {
            signal(number) { _ in interruptionRequest.store(true, ordering: .relaxed) }
        }
    }

    public static var isRequested: Bool { interruptionRequest.load(ordering: .relaxed) }
}
