/// What a benchmark has found: figures with units, and what went wrong.
public struct Report: Sendable {
    public struct Figure: Sendable {
        /// Of the JSON object; it names the unit where that is not obvious.
        public var key: String
        public var label: String
        public var value: Double
        public var unit: String
        public var decimalCount: Int
    }

    public let workload: String
    public private(set) var figures: [Figure] = []
    public private(set) var settings: [(key: String, value: Int)] = []
    public let errorCount: Int
    /// The first few errors, in words.
    public let failures: [String]

    public var hasErrors: Bool { errorCount > 0 }

    /// The figure with this key.
    public subscript(_ key: String) -> Double? { figures.first { $0.key == key }?.value }

    init(_ workload: String, failures: FailureLog) {
        self.workload = workload
        errorCount = failures.count
        self.failures = failures.first
    }

    init(_ workload: String, _ outcome: LoadOutcome) { self.init(workload, failures: outcome.failures) }

    mutating func add(_ key: String, _ label: String, _ value: Double, _ unit: String, decimals: Int = 0) {
        figures.append(Figure(key: key, label: label, value: value, unit: unit, decimalCount: decimals))
    }

    mutating func addSettings(_ settings: [(String, Int)]) {
        self.settings += settings.map { (key: $0.0, value: $0.1) }
    }

    /// Rate and latencies of requests.
    mutating func addRequests(_ window: WindowResult) {
        add("requests", "requests", Double(window.counts.completedCount), "")
        add("seconds", "measured", window.seconds, "s", decimals: 2)
        add("requestsPerSecond", "requests per second", window.completedPerSecond, "/s")
        addLatencies(window.counts.latencies, "latency", "latency")
    }

    /// Quantiles in microseconds.
    mutating func addLatencies(_ latencies: LatencyHistogram, _ key: String, _ label: String) {
        guard latencies.count > 0 else { return }
        for (name, share) in [("P50", 0.5), ("P99", 0.99), ("P99_9", 0.999)] {
            let shown = name.lowercased().split(separator: "_").joined(separator: ".")
            let value = Double(latencies.quantile(share)) / 1e3
            add("\(key)\(name)Microseconds", "\(label) \(shown)", value, "µs", decimals: 1)
        }
        add("\(key)MaximumMicroseconds", "\(label) max", Double(latencies.maximum) / 1e3, "µs", decimals: 1)
    }

    /// What the server's process has used, for each request, and this one.
    mutating func addServer(_ outcome: LoadOutcome, per what: String = "request") {
        let window = outcome.last
        let name = what.split(separator: " ").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
        let count = Double(max(1, window.counts.completedCount))
        if let total = window.serverProcessor, let user = window.serverUser, let system = window.serverSystem {
            add("serverMicrosecondsPer\(name)", "server CPU per \(what)", total * 1e6 / count, "µs", decimals: 2)
            add("serverUserMicrosecondsPer\(name)", "  user", user * 1e6 / count, "µs", decimals: 2)
            add("serverSystemMicrosecondsPer\(name)", "  system", system * 1e6 / count, "µs", decimals: 2)
            add("serverCores", "server CPU", total / max(window.seconds, 1e-9), "cores", decimals: 2)
        }
        let client = window.clientProcessor * 1e6 / count
        add("clientMicrosecondsPer\(name)", "load generator CPU per \(what)", client, "µs", decimals: 2)
        addMemory(before: outcome.memoryBefore, after: outcome.memoryAfter)
        if outcome.reconnectionCount > 0 {
            add("reconnections", "reconnections", Double(outcome.reconnectionCount), "")
        }
    }

    mutating func addMemory(before: Int?, after: Int?) {
        guard let before, let after else { return }
        add("serverMemoryBeforeMebibytes", "server memory before", Double(before) / 1_048_576, "MiB", decimals: 1)
        add("serverMemoryAfterMebibytes", "server memory after", Double(after) / 1_048_576, "MiB", decimals: 1)
    }
}
