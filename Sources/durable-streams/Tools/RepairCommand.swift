import ArgumentParser
import DurableStreams
import SegmentedLog

struct RepairCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "repair",
        abstract: "Make a store that opens out of a damaged one.",
        discussion: """
            Checks the store as 'check' does. If it is damaged, everything that is whole is written into one \
            new segment, and the old files are moved into a directory 'damaged-' and the time, in the store's \
            own. Nothing is deleted. There must be room for the new segment.

              - A stream with bytes missing in its middle begins behind the last gap from then on, as if it \
            had been trimmed: offsets that clients have go on meaning the same.
              - Where the end of the journal is damaged, streams end before the damage.
              - Streams that were deleted by something that is lost are there again.

            Everything that is lost is listed. Without --confirm nothing is changed, and the list says what \
            would be lost.

            A repair that was broken off leaves the damaged store as it was, or one that refuses to open until \
            'repair' has been run again and finished it.

            Exits with 0 if the store was whole or is now; with 1 if it is damaged and --confirm was not \
            given; with 2 if it cannot be read or repaired.
            """
    )

    @Argument(help: "The store's directory.")
    var path: String

    @Flag(help: "Do it. Else it is only said what would be done.")
    var confirm = false

    func run() throws {
        let repair = LogRepair(check: .ofStreams)
        let report = try ToolOutput.run { () throws(LogInspectionError) in
            confirm ? try repair.run(path) : try repair.plan(path)
        }
        ProgressLine.clear()
        guard !report.check.damage.isEmpty else { return print("whole: there is nothing to repair") }
        for finding in report.check.damage { print("damage: \(finding)") }
        for loss in report.losses { print("lost: \(loss)") }
        print("kept: \(ToolOutput.plural(report.keptStreamCount, "stream"))")
        if let repairedPath = report.repairedPath, let oldFilesPath = report.oldFilesPath {
            print("repaired: everything that is kept is in \(repairedPath), and all old files are in \(oldFilesPath)")
        } else {
            print("nothing was changed: 'repair --confirm' does it")
            throw ToolStatus.damage
        }
    }
}
