import Foundation
import Testing

@testable import LoadGenerator

@Suite struct ReportTests {
    @Test(arguments: [
        (0.0, 0, "0"), (1_234_567.0, 0, "1,234,567"), (999.96, 1, "1,000.0"), (-0.04, 1, "0.0"), (12.345, 2, "12.35"),
        (-1_500.0, 0, "-1,500"), (.infinity, 0, "0"),
    ])
    func `Numbers are rounded and grouped`(value: Double, decimals: Int, text: String) {
        #expect(Report.decimal(value, decimals, grouped: true) == text)
    }

    @Test func `A report as JSON is one object with its failures in words`() throws {
        var failures = FailureLog()
        for number in 0..<7 { failures.add("\"failure\"\n\(number)") }
        var report = Report("append", failures: failures)
        report.add("rate", "a rate", 1_234.5, "/s", decimals: 1)
        report.addSettings([("connections", 3)])
        let json = try #require(
            try JSONSerialization.jsonObject(with: Data(report.json.utf8)) as? [String: Any])
        #expect(json["rate"] as? Double == 1_234.5)
        #expect(json["connections"] as? Int == 3)
        #expect(json["errors"] as? Int == 7)
        #expect((json["failures"] as? [String])?.first == "\"failure\"\n0")
        #expect((json["failures"] as? [String])?.count == FailureLog.keptCount)
        #expect(report.table.contains("a rate  1,234.5 /s"))
    }

    @Test func `Requests count in the window in which they end, and what was due in the one in which it was due`() {
        let measurement = Measurement()
        measurement.setWindows([MeasurementWindow(start: 100, end: 200), MeasurementWindow(start: 300, end: 400)])
        #expect(measurement.stopTime == 400)
        measurement.completed(from: 50, to: 99)
        measurement.completed(from: 50, to: 100)
        measurement.completed(from: 150, to: 200)
        measurement.completed(dueAt: 199, at: 399)
        measurement.completed(dueAt: 399, at: 500)
        #expect(measurement.counts.map(\.completedCount) == [1, 1])
        #expect(measurement.counts.map(\.latencies.count) == [2, 1])
        #expect(measurement.counts.map(\.latencies.maximum) == [200, 101])
    }

    @Test func `The own memory of a process is read from its status`() {
        #expect(ProcessUsage.anonymousByteCount(in: "VmRSS:\t  9 kB\nRssAnon:\t    1234 kB\n") == 1_234 * 1_024)
        #expect((ProcessUsage.ofProcess(getpid())?.anonymousByteCount ?? 0) > 1 << 20)
        #expect(ProcessUsage.ofProcess(0) == nil)
    }
}
