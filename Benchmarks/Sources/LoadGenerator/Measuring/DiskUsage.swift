/// What all disks of this machine have written and discarded so far, from `/proc/diskstats`.
struct DiskUsage: Sendable {
    private static let sectorByteCount = 512
    /// A partition counts once more with its disk.
    var byteCount = 0

    /// Nothing where there is no such file.
    static var now: DiskUsage { DiskUsage(diskstats: ProcFile.text(of: "/proc/diskstats") ?? "") }

    /// - Parameter diskstats: A line for each disk, with its name as the third field. Sectors written are the tenth,
    ///   sectors discarded the seventeenth (kernel documentation, `admin-guide/iostats`).
    init(diskstats: String) {
        for line in diskstats.split(separator: "\n") {
            let fields = line.split(separator: " ")
            for index in [9, 16] where index < fields.count {
                byteCount += (Int(fields[index]) ?? 0) * Self.sectorByteCount
            }
        }
    }

    /// Whether less than a mebibyte went to the disks in between.
    func isNextToNothing(since earlier: DiskUsage) -> Bool { byteCount - earlier.byteCount < 1 << 20 }
}
