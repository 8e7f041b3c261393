internal import Glibc

/// Where chosen calls wait until a test lets them through, so that it can look at what piles up behind them.
final class Gate: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var heldCalls: Set<DiskCall> = []
    private var waitingCount = 0

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    func hold(_ calls: Set<DiskCall>) {
        pthread_mutex_lock(mutex)
        heldCalls = calls
        pthread_cond_broadcast(changed)
        pthread_mutex_unlock(mutex)
    }

    /// Waits until so many calls wait at the gate.
    func waitUntilHeld(_ count: Int) {
        pthread_mutex_lock(mutex)
        while waitingCount < count { pthread_cond_wait(changed, mutex) }
        pthread_mutex_unlock(mutex)
    }

    func pass(_ call: DiskCall) {
        pthread_mutex_lock(mutex)
        if heldCalls.contains(call) {
            waitingCount += 1
            pthread_cond_broadcast(changed)
            while heldCalls.contains(call) { pthread_cond_wait(changed, mutex) }
            waitingCount -= 1
        }
        pthread_mutex_unlock(mutex)
    }
}
