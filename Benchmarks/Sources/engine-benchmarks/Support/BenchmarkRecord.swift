/// One figure: the form that all benchmarks write and that `plot.py` reads.
struct BenchmarkRecord: Codable {
    var benchmark: String
    var `case`: String
    var system: String
    var metric: String
    var unit: String
    /// The median of the rounds.
    var value: Double
    /// Of the rounds.
    var lowest: Double
    var highest: Double
    var rounds: Int
}

/// What a benchmark wrote, or several into one file.
struct BenchmarkFile: Codable {
    var header: [String: String]
    var records: [BenchmarkRecord]
}

/// A quantity and its unit: the same words in every benchmark, so that they can be drawn together.
struct Metric: Sendable, Hashable {
    var name: String
    var unit: String

    static let rate = Metric(name: "appends", unit: "1/s")
    static let processorTime = Metric(name: "CPU", unit: "µs each")
    static let median = Metric(name: "p50", unit: "µs")
    static let percentile99 = Metric(name: "p99", unit: "µs")
    static let percentile999 = Metric(name: "p99.9", unit: "µs")
    static let throughput = Metric(name: "throughput", unit: "MB/s")
    static let perSync = Metric(name: "appends per sync", unit: "1")
    static let reads = Metric(name: "reads", unit: "1/s")
    static let processorTimePerMegabyte = Metric(name: "CPU per MB", unit: "ms")
    static let ratio = Metric(name: "ratio", unit: "1")
}
