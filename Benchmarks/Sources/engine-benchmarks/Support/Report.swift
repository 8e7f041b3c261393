import ArgumentParser
import Foundation

struct ReportOptions: ParsableArguments {
    @Option(help: "Write the figures to this file too, as JSON; figures of other cases in it are kept.")
    var json: String?
}

/// Collects what the rounds of a benchmark found, prints the medians and writes them to a file.
struct Report {
    let benchmark: String
    private var keys: [Key] = []
    private var values: [Key: [Double]] = [:]

    private struct Key: Hashable {
        var `case`: String
        var system: String
        var metric: Metric
    }

    init(_ benchmark: String) { self.benchmark = benchmark }

    /// Adds what one round found.
    mutating func add(_ value: Double, _ metric: Metric, of system: String, in case: String) {
        let key = Key(case: `case`, system: system, metric: metric)
        if values[key] == nil { keys.append(key) }
        values[key, default: []].append(value)
    }

    func median(_ metric: Metric, of system: String, in case: String) -> Double? {
        values[Key(case: `case`, system: system, metric: metric)].map(Self.median)
    }

    private static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    var records: [BenchmarkRecord] {
        keys.map { key in
            let values = values[key]!
            return BenchmarkRecord(
                benchmark: benchmark, case: key.case, system: key.system, metric: key.metric.name,
                unit: key.metric.unit, value: Self.median(values), lowest: values.min()!, highest: values.max()!,
                rounds: values.count)
        }
    }

    /// The medians of one case as a table: a row for each system, a column for each metric.
    func printCase(_ case: String) {
        let ours = keys.filter { $0.case == `case` }
        func unique<Value: Hashable>(_ values: [Value]) -> [Value] {
            var seen = Set<Value>()
            return values.filter { seen.insert($0).inserted }
        }
        let systems = unique(ours.map(\.system))
        let metrics = unique(ours.map(\.metric))
        let titles = metrics.map { $0.unit == "1" ? $0.name : "\($0.name) \($0.unit)" }
        let width = max(28, systems.map(\.count).max() ?? 0)
        print("\n\(benchmark): \(`case`)")
        print(Self.padded("", width) + zip(titles, metrics).map { "  " + Self.padded($0.0, 12, isLeading: true) }.joined())
        for system in systems {
            let cells = zip(titles, metrics).map { title, metric in
                let value = median(metric, of: system, in: `case`)
                return "  " + Self.padded(value.map(Self.text) ?? "-", max(12, title.count), isLeading: true)
            }
            print(Self.padded(system, width) + cells.joined())
        }
    }

    static func text(_ value: Double) -> String {
        switch abs(value) {
        case 1_000...: value.rounded().formatted(.number.precision(.fractionLength(0)).locale(Locale(identifier: "en_US")))
        case 100...: String(format: "%.0f", value)
        case 10...: String(format: "%.1f", value)
        case 1...: String(format: "%.2f", value)
        default: String(format: "%.3f", value)
        }
    }

    private static func padded(_ text: String, _ width: Int, isLeading: Bool = false) -> String {
        let spaces = String(repeating: " ", count: max(0, width - text.count))
        return isLeading ? spaces + text : text + spaces
    }

    /// Writes the figures where the options say; those of the same cases from an earlier run are replaced.
    func write(_ options: ReportOptions, parameters: [String: String] = [:]) throws {
        guard let path = options.json else { return }
        var file = BenchmarkFile(header: [:], records: [])
        if let old = FileManager.default.contents(atPath: path) {
            file = try JSONDecoder().decode(BenchmarkFile.self, from: old)
        }
        file.header.merge(Machine.description) { $1 }
        for (name, value) in parameters { file.header["\(benchmark): \(name)"] = value }
        let cases = Set(keys.map(\.case))
        file.records.removeAll { $0.benchmark == benchmark && cases.contains($0.case) }
        file.records += records
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try encoder.encode(file).write(to: URL(fileURLWithPath: path))
    }
}
