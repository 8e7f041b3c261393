/// Appends at a fixed rate, whether or not the server keeps up: an append that has to wait for the one before it is
/// still measured from the time at which it was due, so that a server that stalls is not spared the requests of that
/// time.
final class PacedAppender: LoadClient {
    private let appender: SingleAppender
    private let thread: LoadThread
    private let writer: Int
    private let interval: UInt64
    private let progress: AppendProgress
    private var nextDueTime: UInt64 = 0
    private(set) var isFinished = false

    init(
        _ request: AppendRequest, site: BenchmarkSite, on thread: LoadThread, writer: Int, perSecond rate: Double,
        progress: AppendProgress
    ) throws(LoadError) {
        self.thread = thread
        self.writer = writer
        self.progress = progress
        interval = max(1, UInt64(1e9 / rate))
        appender = try SingleAppender(request, to: site.address, on: thread)
    }

    var acknowledgedCount: Int { appender.acknowledgedCount }

    func start() {
        nextDueTime = MonotonicClock.now
        appender.answered = { [unowned self] isAcknowledged, now in
            // Without an answer it isn't known whether the append is stored: whoever counts can't go on.
            if isAcknowledged { proceed(at: now) } else { finish() }
        }
        proceed(at: nextDueTime)
    }

    private func proceed(at now: UInt64) {
        guard !appender.isWaiting, !isFinished else { return }
        guard nextDueTime < thread.measurement.stopTime else { return finish() }
        guard nextDueTime <= now else {
            return thread.loop.schedule(at: nextDueTime) { [weak self] in self?.proceed(at: MonotonicClock.now) }
        }
        let dueTime = nextDueTime
        nextDueTime += interval
        appender.append(dueAt: dueTime)
    }

    private func finish() {
        isFinished = true
        progress.finish(writer: writer, count: appender.acknowledgedCount)
    }
}
