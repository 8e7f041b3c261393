import DurableStreams
import Synchronization

/// Streams with their semantics, on the log: appends are called for, and acknowledged, on one event loop.
struct StoreAppend: AppendSystem {
    let name = "DurableStreams"

    func canRun(_ appendCase: AppendCase) -> Bool { appendCase.batch == 1 }

    func open(_ directory: String, _ appendCase: AppendCase, _ text: SampleText) throws -> any AppendSession {
        Session(
            loop: BenchmarkLoop(), store: try StreamStore.open(directory, appendCase.durability),
            appendCase: appendCase, text: text)
    }

    private struct Session: AppendSession {
        let loop: BenchmarkLoop
        let store: StreamStore
        let paths: [StreamPath]
        let appendCase: AppendCase
        let text: SampleText

        init(loop: BenchmarkLoop, store: StreamStore, appendCase: AppendCase, text: SampleText) {
            self.loop = loop
            self.store = store
            self.appendCase = appendCase
            self.text = text
            paths = store.makeStreams(appendCase.streams, on: loop)
        }

        func run(nanoseconds: Int64) -> AppendTally {
            let shared = Shared(self, end: monotonicNanoseconds() + nanoseconds)
            loop.lane.run {
                for number in 0..<appendCase.writers { Writer(number, shared).submit(monotonicNanoseconds()) }
            }
            for _ in 0..<appendCase.writers { shared.done.wait() }
            return shared.tally
        }

        func close() {
            store.close()
            loop.stop()
        }
    }

    private final class Shared: @unchecked Sendable {
        let session: Session
        let end: Int64
        let done = SemaphoreBox()
        /// Confined to the loop.
        var tally = AppendTally()

        init(_ session: Session, end: Int64) {
            self.session = session
            self.end = end
        }
    }

    /// Confined to the loop.
    private final class Writer: @unchecked Sendable {
        private let number: Int
        private let shared: Shared
        private var appends = 0
        private var startedAt: Int64 = 0

        init(_ number: Int, _ shared: Shared) {
            self.number = number
            self.shared = shared
        }

        func submit(_ now: Int64) {
            startedAt = now
            let session = shared.session
            let path = session.paths[session.appendCase.stream(of: number, append: appends)]
            appends += 1
            session.text.withRecord(number &+ appends, byteCount: session.appendCase.byteCount) { payload in
                session.store.append(AppendRequest(), payload: payload, to: path, on: session.loop.lane) { result in
                    guard case .success = result else { preconditionFailure("\(result)") }
                    self.didAppend()
                }
            }
        }

        private func didAppend() {
            let now = monotonicNanoseconds()
            shared.tally.appends += 1
            shared.tally.latencies.record(now - startedAt)
            if now < shared.end { submit(now) } else { shared.done.signal() }
        }
    }
}

/// The same, by Swift tasks that await each append.
struct TaskAppend: AppendSystem {
    let name = "DurableStreams, tasks"

    func canRun(_ appendCase: AppendCase) -> Bool { appendCase.batch == 1 }

    func open(_ directory: String, _ appendCase: AppendCase, _ text: SampleText) throws -> any AppendSession {
        let store = try StreamStore.open(directory, appendCase.durability)
        let loop = BenchmarkLoop()
        defer { loop.stop() }
        return Session(
            store: store, paths: store.makeStreams(appendCase.streams, on: loop), appendCase: appendCase, text: text)
    }

    private struct Session: AppendSession {
        let store: StreamStore
        let paths: [StreamPath]
        let appendCase: AppendCase
        let text: SampleText

        func run(nanoseconds: Int64) -> AppendTally {
            let end = monotonicNanoseconds() + nanoseconds
            let sum = Sum()
            let done = SemaphoreBox()
            Task.detached {
                await withTaskGroup { group in
                    for number in 0..<appendCase.writers {
                        group.addTask { await write(number, until: end, sum) }
                    }
                }
                done.signal()
            }
            done.wait()
            return sum.tally.withLock { $0 }
        }

        private func write(_ number: Int, until end: Int64, _ sum: Sum) async {
            var tally = AppendTally()
            var now = monotonicNanoseconds()
            while now < end {
                let before = now
                let path = paths[appendCase.stream(of: number, append: tally.appends)]
                let start = ((number &+ tally.appends) &* 97) % (text.bytes.count - appendCase.byteCount)
                do {
                    try await store.append(text.bytes[start..<(start + appendCase.byteCount)], to: path)
                } catch {
                    preconditionFailure("\(error)")
                }
                now = monotonicNanoseconds()
                tally.appends += 1
                tally.latencies.record(now - before)
            }
            sum.tally.withLock { [tally] in $0.add(tally) }
        }

        func close() { store.close() }
    }

    private final class Sum: Sendable {
        let tally = Mutex(AppendTally())
    }
}
