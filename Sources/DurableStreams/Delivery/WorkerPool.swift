internal import Dispatch
internal import SegmentedLog
internal import Synchronization

/// A few threads for what may block or take long: reads of cold pages, large bodies, compression.
///
/// Work is done in the order in which it came. The queue has no limit of its own: each connection has at most one
/// request in it.
final class WorkerPool: Sendable {
    private let queue = Mutex(Queue())
    private let workArrived = DispatchSemaphore(value: 0)
    private let threadCount: Int

    private struct Queue {
        /// Rows before `first` are done; they are dropped now and then.
        var work: [(@Sendable () -> Void)?] = []
        var first = 0
        var isClosed = false
        var threads: [NamedThread] = []
    }

    /// Threads are started when there is work for them.
    init(threadCount: Int) { self.threadCount = threadCount }

    /// Runs work on one of the threads; on this one if the pool is closed.
    func run(_ work: @escaping @Sendable () -> Void) {
        let isTaken = queue.withLock { queue in
            guard !queue.isClosed else { return false }
            queue.work.append(work)
            if queue.threads.count < threadCount {
                let number = queue.threads.count + 1
                queue.threads.append(NamedThread("store-worker-\(number)") { [self] in loop() })
            }
            return true
        }
        if isTaken { workArrived.signal() } else { work() }
    }

    /// Finishes what is there and ends the threads.
    func close() {
        let threads = queue.withLock { queue in
            queue.isClosed = true
            defer { queue.threads = [] }
            return queue.threads
        }
        for _ in threads { workArrived.signal() }
        for thread in threads { thread.join() }
    }

    private func loop() {
        while true {
            workArrived.wait()
            guard let work = next() else { return }
            work()
        }
    }

    private func next() -> (@Sendable () -> Void)? {
        queue.withLock { queue in
            guard queue.first < queue.work.count else { return nil }
            let work = queue.work[queue.first]
            queue.work[queue.first] = nil
            queue.first += 1
            if queue.first == queue.work.count || queue.first == 1_024 {
                queue.work.removeFirst(queue.first)
                queue.first = 0
            }
            return work
        }
    }
}
