import SegmentedLog
import SimulatedDisk
import Testing

/// A stream that has ended while somebody still looks for places in it.
struct `A stream that has ended` {
    @Test func `has no entries and no appends, although a segment still has a row of it`() throws {
        let test = try TestLog(SimulatedDisk(seed: 1, recordsTrace: false), isMaintained: true)
        let stream = try test.createNow()
        // The segment with the beginning of the stream has none of its bytes.
        try test.fillSegment()
        try test.appendNow([1, 2, 3], to: stream)
        try #require(test.log.statistics.sealedSegmentCount == 1)
        // Without the maintenance, which would let go of that row.
        try test.delete(stream)
        test.log.writePendingCommits()
        #expect(stream.logStream.isDeleted)
        let position = StreamPosition(rawValue: 1)
        #expect(try stream.logStream.entryStart(atOrBefore: position) == position)
        #expect(try stream.logStream.appendEnd(holding: position) == nil)
        #expect(stream.logStream.bytes() == [])
    }
}
