import CCallCount
import Glibc

/// What one operation costs in calls, counted over many of them in the whole process.
struct CallCost {
    var allocations: Double
    var frees: Double
    /// Of `syscall`: futex, by Swift's locks that found somebody else there.
    var rawSystemCalls: Double
    /// `read` and `write` in all their forms, as the kernel counts them.
    var readAndWriteCalls: Double
    var syncs: Double
    var contextSwitches: Double

    init(_ count: Int, _ body: () -> Void) {
        let before = Self.snapshot()
        call_count_allocations(true)
        body()
        call_count_allocations(false)
        let after = Self.snapshot()
        let differences = zip(before, after).map { Double($1 - $0) / Double(count) }
        allocations = differences[0]
        frees = differences[1]
        rawSystemCalls = differences[2]
        syncs = differences[3]
        readAndWriteCalls = differences[4]
        contextSwitches = differences[5]
    }

    var counters: [(Metric, Double)] {
        [
            (Metric(name: "allocations", unit: "1"), allocations), (Metric(name: "frees", unit: "1"), frees),
            (Metric(name: "futex calls", unit: "1"), rawSystemCalls),
            (Metric(name: "read and write calls", unit: "1"), readAndWriteCalls),
            (Metric(name: "syncs", unit: "1"), syncs), (Metric(name: "context switches", unit: "1"), contextSwitches),
        ]
    }

    private static func snapshot() -> [Int] {
        let calls = call_counts_now()
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return [
            Int(calls.allocations), Int(calls.frees), Int(calls.raw_system_calls), Int(calls.syncs),
            readAndWriteCallCount(), Int(usage.ru_nvcsw),
        ]
    }

    private static func readAndWriteCallCount() -> Int {
        var bytes = [UInt8](repeating: 0, count: 1_024)
        let file = open("/proc/self/io", O_RDONLY | O_CLOEXEC)
        defer { close(file) }
        let count = read(file, &bytes, bytes.count)
        guard count > 0 else { return 0 }
        let text = String(decoding: bytes[..<count], as: UTF8.self)
        return text.split(separator: "\n").filter { $0.hasPrefix("syscr") || $0.hasPrefix("syscw") }
            .reduce(0) { $0 + (Int($1.split(separator: " ").last ?? "") ?? 0) }
    }
}
