internal import CSystemShims
internal import Glibc

/// An operating-system thread with a name that `top -H`, `gdb` and `perf` show.
///
/// The engine blocks on the disk; it does so on threads of its own, never on one that someone else's tasks wait for.
package final class NamedThread: Sendable {
    private let handle: pthread_t

    /// Starts the thread. At most 15 bytes of the name are kept.
    package init(_ name: String, _ body: @escaping @Sendable () -> Void) {
        let start = Unmanaged.passRetained(Start(name: name, body: body))
        var handle = pthread_t()
        let code = pthread_create(
            &handle, nil,
            { argument in
                let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
                _ = shim_set_thread_name(start.name)
                start.body()
                return nil
            }, start.toOpaque())
        precondition(code == 0, "pthread_create: \(FileSystemError.message(code))")
        self.handle = handle
    }

    /// Waits until the body has returned. To be called once.
    package func join() { pthread_join(handle, nil) }

    private final class Start: Sendable {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }
}
