import ArgumentParser
import Foundation

/// Allocations, system calls and context switches of what is done very often, and whether they are within budgets.
struct AllocationBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "allocations",
        abstract: "Allocations and system calls of each append and read, and whether they are within budgets.",
        discussion: """
            Counted over 100,000 operations in the whole process, the driver of the benchmark included, which itself \
            allocates one closure for each append to a store. Counts do not depend on how busy the machine is, except \
            those of the calls and switches that waiting causes.
            """)

    @Option(help: "Where to make directories.") var directory = "/var/tmp"
    @Option(help: "Budgets: for each case the most that a counter may show.") var budgets = "budgets.json"
    @Flag(help: "Fail where a counter is above its budget.") var check = false
    @Option(help: "Rounds.") var rounds = 3
    @OptionGroup var report: ReportOptions

    func run() throws {
        var report = Report("allocations")
        let name = "for each operation"
        let paths = try HotPaths.all(in: directory) + ProtocolPaths.all(in: directory)
        for path in paths {
            // Buffers and caches have grown after that.
            path.run()
            for _ in 0..<rounds {
                let cost = CallCost(path.count, path.run)
                for (metric, value) in cost.counters { report.add(value, metric, of: path.name, in: name) }
            }
        }
        for path in paths { path.end() }
        report.printCase(name)
        try report.write(self.report)
        if check { try compare(report.records) }
    }

    /// A file of {"case": {"counter": budget}}.
    private func compare(_ records: [BenchmarkRecord]) throws {
        let content = try Data(contentsOf: URL(fileURLWithPath: budgets))
        let budgets = try JSONDecoder().decode([String: [String: Double]].self, from: content)
        var excesses = 0
        print("")
        for (path, counters) in budgets.sorted(by: { $0.key < $1.key }) {
            for (counter, budget) in counters.sorted(by: { $0.key < $1.key }) {
                guard let record = records.first(where: { $0.system == path && $0.metric == counter }) else {
                    throw ValidationError("\(self.budgets): \(path), \(counter) is not measured.")
                }
                let isWithin = record.value <= budget
                if !isWithin { excesses += 1 }
                print(
                    "\(isWithin ? "within" : "ABOVE ") \(path): \(counter) \(Report.text(record.value)), "
                        + "budget \(Report.text(budget))")
            }
        }
        if excesses > 0 { throw ExitCode(1) }
    }
}
