import Glibc
import Synchronization

final class SemaphoreBox: @unchecked Sendable {
    private let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
    init() { sem_init(semaphore, 0, 0) }
    deinit {
        sem_destroy(semaphore)
        semaphore.deallocate()
    }
    func signal() { sem_post(semaphore) }
    func wait() { while sem_wait(semaphore) != 0 {} }
}

/// A thread that runs a body once.
final class BenchmarkThread: @unchecked Sendable {
    private var handle = pthread_t()

    private final class Start: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    init(_ body: @escaping @Sendable () -> Void) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        // A thousand of them are no burden then.
        pthread_attr_setstacksize(&attributes, 512 << 10)
        let result = pthread_create(&handle, &attributes, { argument in
            Unmanaged<Start>.fromOpaque(argument!).takeRetainedValue().body()
            return nil
        }, Unmanaged.passRetained(Start(body)).toOpaque())
        pthread_attr_destroy(&attributes)
        precondition(result == 0, "no thread: error \(result)")
    }

    func join() { pthread_join(handle, nil) }
}

/// Runs a body on so many threads, each with its number, and waits for all.
func runThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let threads = (0..<count).map { number in BenchmarkThread { body(number) } }
    for thread in threads { thread.join() }
}

/// Calls a body again and again on a thread of its own.
final class PeriodicThread: Sendable {
    private let mustStop = Atomic(false)
    private let done = SemaphoreBox()

    init(everyMicroseconds period: UInt32, _ body: @escaping @Sendable () -> Void) {
        _ = BenchmarkThread { [self] in
            while !mustStop.load(ordering: .relaxed) {
                usleep(period)
                body()
            }
            done.signal()
        }
    }

    func stop() {
        mustStop.store(true, ordering: .relaxed)
        done.wait()
    }
}

/// A lock that queues its waiters as the C library does: what a program would put around a library that is for one thread.
final class PlainLock: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    init() { pthread_mutex_init(mutex, nil) }
    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }
    func withLock<Result>(_ body: () throws -> Result) rethrows -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }
}
