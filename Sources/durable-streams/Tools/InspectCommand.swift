import ArgumentParser
import DurableStreams
import SegmentedLog

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Tell what is in the directory of a stopped store.",
        discussion: """
            Lists the segments with their sizes, streams and compression; with --streams the streams, too. \
            Only reads, so that it works on a copy for which there is no right to write. It looks at tables \
            and indexes, not at every byte: that is what 'check' is for.

            Exits with 0; with 1 if it came across damage; with 2 if the store cannot be read.
            """
    )

    @Argument(help: "The store's directory.")
    var path: String

    @Flag(help: "List all streams.")
    var streams = false

    @Flag(help: "Print one JSON object.")
    var json = false

    @Flag(help: "Look at a store that a process has open. Its files change meanwhile, so what is said may be wrong.")
    var force = false

    func run() throws {
        var inspection = LogInspection()
        inspection.ignoresLock = force
        inspection.progress = { ProgressLine.show($0) }
        var found: [LogInspection.Stream] = []
        var payloadByteCount: UInt64 = 0
        let report = try ToolOutput.run { () throws(LogInspectionError) in
            try inspection.run(path, rows: StreamRows.folder, label: { StreamRows.path($0) }) { stream in
                payloadByteCount += stream.tail - stream.start
                if streams { found.append(stream) }
            }
        }
        ProgressLine.clear()
        if json {
            try ToolOutput.printJSON(InspectionRecord(report, payloadByteCount, streams ? found : nil))
        } else {
            printText(report, payloadByteCount, found)
        }
        let damage = report.findings.filter { $0.severity == .damage }
        for finding in damage { ToolOutput.printError("\(finding)") }
        if !damage.isEmpty { throw ToolStatus.damage }
    }

    private func printText(
        _ report: LogInspection.Report, _ payloadByteCount: UInt64, _ found: [LogInspection.Stream]
    ) {
        ToolOutput.printTable(
            [["segment", "size", "used", "streams", "commits", "blocks", "content", "stored", "ratio"]]
                + report.segments.map { segment in
                    let isJournal = segment.kind == .journal
                    return [
                        segment.name, ToolOutput.bytes(segment.byteCount), ToolOutput.bytes(segment.usedByteCount),
                        "\(segment.streamCount)", isJournal ? "\(segment.unitCount)" : "-",
                        isJournal ? "-" : "\(segment.unitCount)", ToolOutput.bytes(segment.payloadByteCount),
                        ToolOutput.bytes(segment.storedByteCount), Self.ratio(segment.compressionRatio),
                    ]
                })
        print("")
        let sealed = report.segments.filter { $0.kind == .sealed }
        let content = sealed.reduce(0) { $0 + $1.payloadByteCount }
        let stored = sealed.reduce(0) { $0 + $1.storedByteCount }
        print("store     \(report.storeIdentifier ?? "unknown")")
        print("streams   \(report.streamCount)")
        print("content   \(ToolOutput.bytes(payloadByteCount))")
        print("files     \(ToolOutput.bytes(report.segments.reduce(0) { $0 + $1.byteCount }))")
        if stored > 0 {
            print("sealed    \(Self.ratio(Double(content) / Double(stored))) times smaller than its content")
        }
        guard streams else { return }
        print("")
        ToolOutput.printTable(
            [["number", "start", "tail", "sealed", "journal", "newest commit", "path"]]
                + found.map { stream in
                    [
                        "\(stream.number)", "\(stream.start)", "\(stream.tail)",
                        ToolOutput.bytes(stream.sealedByteCount), ToolOutput.bytes(stream.journalByteCount),
                        WallClockTime(millisecondsSince1970: stream.newestCommitAt).rfc3339, stream.label ?? "?",
                    ]
                })
    }

    private static func ratio(_ ratio: Double?) -> String {
        guard let ratio else { return "-" }
        return "\(Double(Int(ratio * 100)) / 100)"
    }
}

/// The inspection as JSON.
private struct InspectionRecord: Encodable {
    struct Segment: Encodable {
        var name: String
        var kind: String
        var firstJournalSegment: UInt64
        var lastJournalSegment: UInt64
        var byteCount: Int
        var usedByteCount: Int
        var streamCount: Int
        var commitCount: Int?
        var blockCount: Int?
        var payloadByteCount: Int
        var storedByteCount: Int
        var compressionRatio: Double?
    }

    struct Stream: Encodable {
        var number: UInt64
        var path: String?
        var start: UInt64
        var tail: UInt64
        var sealedByteCount: Int
        var journalByteCount: Int
        var newestCommitAt: String
    }

    var storeIdentifier: String?
    var streamCount: Int
    var payloadByteCount: UInt64
    var fileByteCount: Int
    var segments: [Segment]
    var streams: [Stream]?
    var findings: [FindingRecord]

    init(_ report: LogInspection.Report, _ payloadByteCount: UInt64, _ streams: [LogInspection.Stream]?) {
        storeIdentifier = report.storeIdentifier
        streamCount = report.streamCount
        self.payloadByteCount = payloadByteCount
        fileByteCount = report.segments.reduce(0) { $0 + $1.byteCount }
        segments = report.segments.map { segment in
            Segment(
                name: segment.name, kind: segment.kind.rawValue, firstJournalSegment: segment.numbers.lowerBound,
                lastJournalSegment: segment.numbers.upperBound, byteCount: segment.byteCount,
                usedByteCount: segment.usedByteCount, streamCount: segment.streamCount,
                commitCount: segment.kind == .journal ? segment.unitCount : nil,
                blockCount: segment.kind == .sealed ? segment.unitCount : nil,
                payloadByteCount: segment.payloadByteCount, storedByteCount: segment.storedByteCount,
                compressionRatio: segment.compressionRatio)
        }
        self.streams = streams?.map { stream in
            Stream(
                number: stream.number, path: stream.label, start: stream.start, tail: stream.tail,
                sealedByteCount: stream.sealedByteCount, journalByteCount: stream.journalByteCount,
                newestCommitAt: WallClockTime(millisecondsSince1970: stream.newestCommitAt).rfc3339)
        }
        findings = report.findings.map(FindingRecord.init)
    }
}
