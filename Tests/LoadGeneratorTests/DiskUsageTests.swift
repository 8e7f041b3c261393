import Testing

@testable import LoadGenerator

@Suite struct DiskUsageTests {
    private static let diskstats = """
           7       0 loop0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0
         254       0 vda 369630 22086 15688650 1302882 4455555 208799 1000 3071484 0 1293176 5451080 134398 26 24 197821 5 6
         254       1 old 5 5 5 5 5 5 100 5 5 5 5
        """

    @Test func `Sectors that were written and discarded are counted, also by kernels that don't know of the latter`() {
        #expect(DiskUsage(diskstats: Self.diskstats).byteCount == 512 * (1_000 + 24 + 100))
        #expect(DiskUsage(diskstats: "").byteCount == 0)
    }

    @Test func `A mebibyte in between is something`() {
        let earlier = DiskUsage(diskstats: Self.diskstats)
        var later = earlier
        later.byteCount += (1 << 20) - 1
        #expect(later.isNextToNothing(since: earlier))
        later.byteCount += 1
        #expect(!later.isNextToNothing(since: earlier))
    }
}
