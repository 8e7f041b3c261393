import ArgumentParser
import DurableStreams
import SegmentedLog

struct CheckCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Verify every byte of a stopped store.",
        discussion: """
            Verifies all checksums, decompresses all blocks, follows every stream from its start to its tail \
            and reads all metadata. Every fault is reported, with its file, its byte offset and the reason. \
            Only reads, so that it works on a copy for which there is no right to write.

            What was being written when the process ended (a torn last frame, temporary files) is mentioned, \
            and is no damage: the store has never said that it is there.

            Exits with 0 if the store is whole; with 1 if it is damaged ('repair' may help); with 2 if the \
            command was not understood or the store cannot be read.
            """
    )

    @Argument(help: "The store's directory.")
    var path: String

    @Flag(help: "Print one JSON object.")
    var json = false

    @Flag(help: "Check a store that a process has open. Its files change meanwhile: what is reported may be no damage.")
    var force = false

    func run() throws {
        var check = LogCheck.ofStreams
        check.ignoresLock = force
        let report = try ToolOutput.run { () throws(LogInspectionError) in try check.run(path) }
        ProgressLine.clear()
        if json {
            try ToolOutput.printJSON(CheckRecord(report))
        } else {
            for finding in report.damage { print("damage: \(finding)") }
            for finding in report.notes { print("note: \(finding)") }
            print(
                "\(report.damage.isEmpty ? "whole" : "DAMAGED"): "
                    + "\(ToolOutput.plural(report.damage.count, "fault")) in "
                    + "\(ToolOutput.plural(report.sealedSegmentCount, "sealed segment")) and "
                    + "\(ToolOutput.plural(report.journalSegmentCount, "journal segment")) with "
                    + "\(ToolOutput.plural(report.streamCount, "stream")), "
                    + "\(ToolOutput.bytes(report.payloadByteCount))")
        }
        if !report.damage.isEmpty { throw ToolStatus.damage }
    }
}

extension LogCheck {
    /// A check that knows the metadata of durable streams, and shows how far it has got.
    static var ofStreams: LogCheck {
        var check = LogCheck(rows: StreamRows.folder) { row throws(RecoveryRefusal) in try StreamRows.validate(row) }
        check.progress = { ProgressLine.show($0) }
        return check
    }
}

/// A check as JSON.
struct CheckRecord: Encodable {
    var isDamaged: Bool
    var sealedSegmentCount: Int
    var journalSegmentCount: Int
    var streamCount: Int
    var payloadByteCount: UInt64
    var findings: [FindingRecord]

    init(_ report: LogCheck.Report) {
        isDamaged = !report.damage.isEmpty
        sealedSegmentCount = report.sealedSegmentCount
        journalSegmentCount = report.journalSegmentCount
        streamCount = report.streamCount
        payloadByteCount = report.payloadByteCount
        findings = report.findings.map(FindingRecord.init)
    }
}
