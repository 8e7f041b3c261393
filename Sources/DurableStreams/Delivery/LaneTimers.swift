internal import Glibc

/// The timers of one lane, in buckets of 50 ms: one scheduled tick for each bucket, however many timers are in it.
/// Confined to the lane's executor.
final class LaneTimers: @unchecked Sendable {
    static let bucketMilliseconds: Int64 = 50

    private let scheduleTick: @Sendable (Int) -> Void
    private var buckets: [Int64: [LaneTimer]] = [:]

    init(scheduleTick: @escaping @Sendable (Int) -> Void) { self.scheduleTick = scheduleTick }

    func set(milliseconds: Int, _ work: @escaping @Sendable () -> Void) -> LaneTimer {
        let now = Self.monotonicMilliseconds()
        let bucket = (now + Int64(max(0, milliseconds)) + Self.bucketMilliseconds - 1) / Self.bucketMilliseconds
        let isNewBucket = buckets[bucket] == nil
        let timer = LaneTimer(work, self, bucket: bucket, index: buckets[bucket]?.count ?? 0)
        buckets[bucket, default: []].append(timer)
        if isNewBucket { scheduleTick(Int(bucket * Self.bucketMilliseconds - now)) }
        return timer
    }

    func tick() {
        let now = Self.monotonicMilliseconds()
        let due = buckets.keys.filter { $0 * Self.bucketMilliseconds <= now }.sorted()
        guard !due.isEmpty else {
            // The executor was a little early.
            if let next = buckets.keys.min() { scheduleTick(Int(next * Self.bucketMilliseconds - now)) }
            return
        }
        for bucket in due {
            let timers = buckets.removeValue(forKey: bucket) ?? []
            for timer in timers { timer.fire() }
        }
    }

    func cancel(_ timer: LaneTimer) {
        // While its bucket fires, another one may have been begun for the same moment.
        guard buckets[timer.bucket].map({ timer.index < $0.count && $0[timer.index] === timer }) ?? false,
            var timers = buckets.removeValue(forKey: timer.bucket)
        else { return }
        timers.swapAt(timer.index, timers.count - 1)
        timers[timer.index].index = timer.index
        timers.removeLast()
        // An emptied bucket stays until its tick, so that a new timer in it needs no second one.
        buckets[timer.bucket] = timers
    }

    static func monotonicMilliseconds() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}

/// A timer that was set on a lane. Confined to the lane's executor.
public final class LaneTimer: @unchecked Sendable {
    private var work: (@Sendable () -> Void)?
    private weak var timers: LaneTimers?
    let bucket: Int64
    /// Its place in the bucket.
    var index: Int

    init(_ work: @escaping @Sendable () -> Void, _ timers: LaneTimers, bucket: Int64, index: Int) {
        self.work = work
        self.timers = timers
        self.bucket = bucket
        self.index = index
    }

    func fire() {
        let work = work
        self.work = nil
        work?()
    }

    /// Does nothing if the timer has fired or was cancelled before.
    public func cancel() {
        guard work != nil else { return }
        work = nil
        timers?.cancel(self)
    }
}
