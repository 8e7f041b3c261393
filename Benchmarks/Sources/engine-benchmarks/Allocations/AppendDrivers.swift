import DurableStreams
import SegmentedLog

/// Appends of which each is made in the completion of the one before, without allocating anything itself.
final class AppendChain: CommitCompletion, @unchecked Sendable {
    private let log: SegmentedLog
    private let streams: [BenchmarkStream]
    private let count: Int
    private let done = SemaphoreBox()
    /// Confined to the log's writer thread.
    private var submitted = 0
    private var finished = 0

    init(_ log: SegmentedLog, _ streams: [BenchmarkStream], count: Int) {
        self.log = log
        self.streams = streams
        self.count = count
    }

    /// One more append comes first: its completion makes the others on the writer thread, so that nobody else counts.
    func run(_ writers: Int) {
        HotPaths.text.withRecord(0, byteCount: 100) { record in
            do {
                try streams[0].append(record, to: log, Start(self, writers))
            } catch {
                preconditionFailure("\(error)")
            }
        }
        done.wait()
    }

    func commitDidFinish(_ failure: CommitFailure?) {
        precondition(failure == nil, "\(failure!)")
        finished += 1
        if finished == count { return done.signal() }
        if submitted < count { submit() }
    }

    fileprivate func submit() {
        let stream = streams[submitted % streams.count]
        submitted += 1
        HotPaths.text.withRecord(submitted, byteCount: 100) { record in
            do {
                try stream.append(record, to: log, self)
            } catch {
                preconditionFailure("\(error)")
            }
        }
    }

    private final class Start: CommitCompletion {
        private let chain: AppendChain
        private let writers: Int
        init(_ chain: AppendChain, _ writers: Int) {
            self.chain = chain
            self.writers = writers
        }
        func commitDidFinish(_ failure: CommitFailure?) { for _ in 0..<writers { chain.submit() } }
    }
}

/// A store with 64 streams, driven from one event loop.
final class StoreFixture: @unchecked Sendable {
    let store: StreamStore
    let paths: [StreamPath]
    private let loop = BenchmarkLoop()
    private let directory: TemporaryDirectory
    /// Confined to the loop, as is all below.
    private var submitted = 0
    private var finished = 0
    /// Writers whose next append is to be made.
    private var readyCount = 0
    private var isSubmitting = false

    init(_ parent: String) throws {
        directory = try TemporaryDirectory(in: parent)
        store = try StreamStore.open(directory.path, .sync)
        paths = store.makeStreams(64, on: loop)
    }

    /// Makes so many appends, and returns when all are acknowledged.
    func append(_ count: Int, writers: Int, _ request: AppendRequest) {
        let done = SemaphoreBox()
        loop.lane.run { [self] in
            (submitted, finished, readyCount) = (0, 0, writers)
            submit(count, request, done)
        }
        done.wait()
    }

    /// What is answered within the call does not go ever deeper: whoever is submitting already goes on.
    private func submit(_ count: Int, _ request: AppendRequest, _ done: SemaphoreBox) {
        guard !isSubmitting else { return }
        isSubmitting = true
        while readyCount > 0, submitted < count {
            readyCount -= 1
            let path = paths[submitted % paths.count]
            submitted += 1
            HotPaths.text.withRecord(submitted, byteCount: 100) { record in
                store.append(request, payload: record, to: path, on: loop.lane) { [self] result in
                    guard case .success = result else { preconditionFailure("\(result)") }
                    finished += 1
                    readyCount += 1
                    if finished == count { done.signal() } else { submit(count, request, done) }
                }
            }
        }
        isSubmitting = false
    }

    func end() {
        store.close()
        loop.stop()
        directory.remove()
    }
}
