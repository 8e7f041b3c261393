import SegmentedLog
import SimulatedDisk
import Testing

/// What opening a store costs grows with what is in it, and not with what ever was.
struct `The cost of opening` {
    /// What happens to streams that are not there any more in the end.
    enum History: CaseIterable {
        case deleting, trimming
    }

    /// The same data lives in the end, however many rounds there were.
    private func store(_ history: History, roundCount: Int) throws -> (disk: SimulatedDisk, sealCount: Int) {
        let disk = SimulatedDisk(seed: 1, recordsTrace: false)
        let test = try TestLog(disk, isMaintained: true) {
            $0.mergedSegmentCount = 3
            $0.recycledSegmentCountLimit = 1
        }
        var generator = SeededGenerator(seed: 2, purpose: "history")
        let streams = try (0 ..< 5).map { try test.createNow(row: Array("row \($0)".utf8)) }
        for stream in streams { try test.appendNow(generator.bytes(count: 20_000), to: stream) }
        for round in 0 ..< roundCount {
            switch history {
            case .deleting:
                let passing = try test.createNow(row: [1], payload: generator.bytes(count: 30_000))
                try test.appendNow(generator.bytes(count: 5_000), annotation: [2], to: passing)
                try test.deleteNow(passing)
            case .trimming:
                let stream = streams[round % 5]
                let tail = Int(stream.submittedEnd.rawValue)
                try test.appendNow(generator.bytes(count: 20_000), to: stream)
                try test.trimNow(stream, to: tail)
            }
        }
        // What was last in the journal is sealed, too.
        for _ in 0 ..< 2 { try test.fillSegment() }
        test.log.runPendingWork()
        test.log.close()
        return (disk, test.events.count("sealed a segment"))
    }

    private func cost(_ disk: SimulatedDisk) throws -> CountingFileSystem.Counts {
        let counting = CountingFileSystem(disk)
        let test = try TestLog(disk, fileSystem: counting)
        let counts = counting.counts
        #expect(test.recovered.streams.count == 5)
        for stream in test.recovered.streams.values { #expect(stream.bytes.count == 20_000) }
        test.log.close()
        return counts
    }

    @Test(arguments: History.allCases)
    func `is the same after ten times as much was written and given up`(_ history: History) throws {
        let short = try store(history, roundCount: 30)
        let long = try store(history, roundCount: 300)
        #expect(long.sealCount > 5 * short.sealCount)
        let (few, many) = (try cost(short.disk), try cost(long.disk))
        let comment = Comment("\(few) after a short history, \(many) after a long one")
        #expect(few.readByteCount > 100_000, comment)
        #expect(many.readByteCount <= 2 * few.readByteCount, comment)
        #expect(many.callCount <= 2 * few.callCount, comment)
        // The live data and one journal segment or two, with room for what is dead and not yet given back.
        #expect(many.readByteCount <= 3 * 100_000 + 4 * 65_536, comment)
    }

    @Test func `grows with what is alive`() throws {
        var costs: [CountingFileSystem.Counts] = []
        for streamCount in [10, 100] {
            let disk = SimulatedDisk(seed: 1, recordsTrace: false)
            let test = try TestLog(disk, isMaintained: true) { $0.mergedSegmentCount = 3 }
            var generator = SeededGenerator(seed: 2, purpose: "alive")
            for _ in 0 ..< streamCount { _ = try test.createNow(payload: generator.bytes(count: 20_000)) }
            test.log.close()
            let counting = CountingFileSystem(disk)
            try TestLog(disk, fileSystem: counting).log.close()
            costs.append(counting.counts)
        }
        #expect(costs[1].readByteCount > 3 * costs[0].readByteCount, "\(costs)")
    }
}
