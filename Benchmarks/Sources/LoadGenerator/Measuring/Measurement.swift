/// A span of the monotonic clock that is measured: from the start, up to but without the end.
struct MeasurementWindow: Sendable {
    var start: UInt64
    var end: UInt64

    func contains(_ time: UInt64) -> Bool { time >= start && time < end }
}

/// What was counted in one window.
struct WindowCounts: Sendable {
    /// Latencies of what the workload is about, and beside it of the appends that bring it about, if that is something
    /// else.
    var latencies = LatencyHistogram()
    var appendLatencies = LatencyHistogram()
    /// What was completed in the window: requests, or deliveries.
    var completedCount = 0
    var payloadByteCount = 0
    /// When the last of them was, on the monotonic clock.
    var lastCompletion: UInt64 = 0

    mutating func merge(_ other: WindowCounts) {
        latencies.merge(other.latencies)
        appendLatencies.merge(other.appendLatencies)
        completedCount += other.completedCount
        payloadByteCount += other.payloadByteCount
        lastCompletion = max(lastCompletion, other.lastCompletion)
    }
}

/// What the clients of one event loop have seen. Belongs to the loop's thread while that runs.
final class Measurement {
    private(set) var windows: [MeasurementWindow] = []
    private(set) var counts: [WindowCounts] = []
    /// When clients stop beginning anything.
    private(set) var stopTime = UInt64.max
    var failures = FailureLog()
    var reconnectionCount = 0

    /// Before the clients start.
    func setWindows(_ windows: [MeasurementWindow]) {
        self.windows = windows
        counts = windows.map { _ in WindowCounts() }
        stopTime = windows.last?.end ?? .max
    }

    /// A request that one connection made after the one before was answered: it counts where it ends.
    @discardableResult
    func completed(from start: UInt64, to end: UInt64, byteCount: Int = 0) -> Bool {
        guard let index = index(at: end) else { return false }
        counts[index].latencies.record(end &- start)
        count(in: index, at: end, byteCount)
        return true
    }

    /// Something that was due at a time, whether or not the server was ready for it: its latency belongs to the window
    /// in which it was due, so that the slow ones at the end are not left out. The delivery itself counts where it
    /// happens.
    func completed(dueAt due: UInt64, at end: UInt64, byteCount: Int = 0) {
        if let index = index(at: due) { counts[index].latencies.record(end &- due) }
        if let index = index(at: end) { count(in: index, at: end, byteCount) }
    }

    func appended(dueAt due: UInt64, at end: UInt64) {
        if let index = index(at: due) { counts[index].appendLatencies.record(end &- due) }
    }

    private func count(in index: Int, at time: UInt64, _ byteCount: Int) {
        counts[index].completedCount += 1
        counts[index].payloadByteCount += byteCount
        counts[index].lastCompletion = time
    }

    private func index(at time: UInt64) -> Int? {
        for index in windows.indices where windows[index].contains(time) { return index }
        return nil
    }
}

/// Counts what went wrong, and keeps the first few in words.
struct FailureLog: Sendable {
    static let keptCount = 5
    private(set) var count = 0
    private(set) var first: [String] = []

    mutating func add(_ text: @autoclosure () -> String) {
        count += 1
        if first.count < Self.keptCount { first.append(text()) }
    }

    mutating func merge(_ other: FailureLog) {
        count += other.count
        first = Array((first + other.first).prefix(Self.keptCount))
    }
}
