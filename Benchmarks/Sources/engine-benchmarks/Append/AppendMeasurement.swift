import CCallCount
import Glibc

/// One system, one case, one round, in a directory of its own.
struct AppendMeasurement {
    let appends: Double
    let seconds: Double
    /// Of the whole process.
    let processorMicroseconds: Double
    let syncs: Double
    let latencies: Latencies

    init(
        _ system: any AppendSystem, _ appendCase: AppendCase, _ text: SampleText, in parent: String, seconds: Double
    ) throws {
        let directory = try TemporaryDirectory(in: parent)
        defer { directory.remove() }
        let session = try system.open(directory.path, appendCase, text)
        // Files, memory and threads are there after that.
        _ = session.run(nanoseconds: Int64(min(0.2, seconds) * 1e9))
        Self.waitForBackgroundWork()
        let syncsBefore = call_counts_now().syncs
        let processorBefore = processorNanoseconds()
        let before = monotonicNanoseconds()
        let tally = session.run(nanoseconds: Int64(seconds * 1e9))
        self.seconds = Double(monotonicNanoseconds() - before) / 1e9
        processorMicroseconds = Double(processorNanoseconds() - processorBefore) / 1_000
        syncs = Double(call_counts_now().syncs - syncsBefore)
        session.close()
        appends = Double(tally.appends)
        latencies = tally.latencies
    }

    /// What opening set off in the background, such as filling the next file with zeros, would be divided among too few
    /// appends in a short run: it ends first, whichever system's it is. What the appends themselves set off counts.
    private static func waitForBackgroundWork() {
        var quietCount = 0
        for _ in 0..<100 where quietCount < 4 {
            let before = processorNanoseconds()
            usleep(20_000)
            quietCount = processorNanoseconds() - before < 500_000 ? quietCount + 1 : 0
        }
    }

    func add(to report: inout Report, _ system: any AppendSystem, _ appendCase: AppendCase) {
        let name = appendCase.name
        report.add(appends / seconds, .rate, of: system.name, in: name)
        report.add(processorMicroseconds / appends, .processorTime, of: system.name, in: name)
        report.add(latencies.microseconds(50), .median, of: system.name, in: name)
        report.add(latencies.microseconds(99), .percentile99, of: system.name, in: name)
        report.add(latencies.microseconds(99.9), .percentile999, of: system.name, in: name)
        report.add(appends * Double(appendCase.byteCount) / seconds / 1e6, .throughput, of: system.name, in: name)
        if appendCase.durability == .sync, syncs > 0 {
            report.add(appends / syncs, .perSync, of: system.name, in: name)
        }
    }
}
