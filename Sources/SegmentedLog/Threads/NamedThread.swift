internal import CSystemShims
internal import Glibc

/// An operating-system thread with a name that `top -H`, `gdb` and `perf` show.
///
/// The engine blocks on the disk; it does so on threads of its own, never on one that someone else's tasks wait for.
package final class NamedThread: Sendable {
    private let handle: pthread_t

    /// Starts the thread. At most 15 bytes of the name are kept. A background thread runs where others leave it time.
    package init(_ name: String, isBackground: Bool = false, _ body: @escaping @Sendable () -> Void) {
        let start = Unmanaged.passRetained(Start(name: name, isBackground: isBackground, body: body))
        var handle = pthread_t()
        let code = pthread_create(
            &handle, nil,
            { argument in
                let start = Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue()
                _ = shim_set_thread_name(start.name)
                if start.isBackground { _ = shim_lower_thread_priority() }
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
        let isBackground: Bool
        let body: @Sendable () -> Void
        init(name: String, isBackground: Bool, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.isBackground = isBackground
            self.body = body
        }
    }
}
