import ArgumentParser
import FoundationEssentials
import Glibc
import SegmentedLog

/// Ends of the commands that look at a store.
enum ToolStatus {
    /// Something is damaged, or was not done.
    static let damage = ExitCode(1)
    /// The command was not understood, or the store cannot be read.
    static let unusable = ExitCode(2)
}

/// What all commands for a stopped store say, and where.
enum ToolOutput {
    static func printError(_ text: String) {
        var line = "durable-streams: \(text)\n"
        _ = line.withUTF8 { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    /// Runs a command that looks at a store, and turns failures into a line and an exit status.
    static func run<Value>(_ body: () throws(LogInspectionError) -> Value) throws -> Value {
        do throws(LogInspectionError) {
            return try body()
        } catch {
            ProgressLine.clear()
            printError("\(error)")
            throw ToolStatus.unusable
        }
    }

    static func printJSON(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        print(String(decoding: try encoder.encode(value), as: UTF8.self))
    }

    /// Columns as wide as their widest cell. Numbers are aligned to the right.
    static func printTable(_ rows: [[String]]) {
        var widths: [Int] = []
        for row in rows {
            for (column, cell) in row.enumerated() {
                if column == widths.count { widths.append(0) }
                widths[column] = max(widths[column], cell.count)
            }
        }
        for row in rows {
            let cells = row.enumerated().map { column, cell in
                let padding = String(repeating: " ", count: widths[column] - cell.count)
                // Names of segments begin with digits, too, but they are all of one length, or longer than a number is.
                let isNumber = cell.first?.isNumber == true && cell.count < 16
                return isNumber ? padding + cell : cell + padding
            }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            print(line)
        }
    }

    /// A number of bytes for eyes.
    static func bytes(_ count: some BinaryInteger) -> String {
        var (value, unit) = (Double(count), 0)
        let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"]
        while value >= 1_024, unit < units.count - 1 { (value, unit) = (value / 1_024, unit + 1) }
        guard unit > 0 else { return "\(count) B" }
        return "\(Double(Int(value * 10)) / 10) \(units[unit])"
    }

    static func plural(_ count: some BinaryInteger, _ noun: String) -> String {
        "\(count) \(noun)\(count == 1 ? "" : "s")"
    }
}

/// How far long work has got: one line on standard error that is written over, if anybody is there to see it.
enum ProgressLine {
    static func show(_ progress: LogProgress) {
        let total = progress.totalByteCount > 0 ? " of \(ToolOutput.bytes(progress.totalByteCount))" : ""
        show("\(progress.phase.rawValue) \(ToolOutput.bytes(progress.doneByteCount))\(total)")
    }

    static func show(_ text: String) {
        guard isShown else { return }
        write("\r\u{1B}[K\(text)")
    }

    static func clear() {
        guard isShown else { return }
        write("\r\u{1B}[K")
    }

    private static var isShown: Bool { isatty(STDERR_FILENO) == 1 }

    private static func write(_ text: String) {
        var text = text
        _ = text.withUTF8 { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}

/// As JSON.
struct FindingRecord: Encodable {
    var severity: String
    var path: String
    var byteOffset: Int
    var reason: String

    init(_ finding: LogFinding) {
        severity = finding.severity.rawValue
        path = finding.path
        byteOffset = finding.byteOffset
        reason = finding.reason
    }
}
