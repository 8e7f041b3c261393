internal import CSystemShims
internal import Glibc

/// A thread with a name that `top -H` and `perf` show.
final class OperatingSystemThread {
    private var handle = pthread_t()

    private final class Start {
        let name: String
        let body: () -> Void
        init(_ name: String, _ body: @escaping () -> Void) { (self.name, self.body) = (name, body) }
    }

    /// The caller hands everything that the body uses over to the thread, until ``join()`` has returned.
    init(_ name: String, _ body: @escaping () -> Void) {
        let start = Unmanaged.passRetained(Start(name, body))
        let code = pthread_create(
            &handle, nil,
            { argument in
                let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
                _ = shim_set_thread_name(start.name)
                start.body()
                return nil
            }, start.toOpaque())
        precondition(code == 0, "pthread_create: \(code)")
    }

    func join() { pthread_join(handle, nil) }
}
