import SegmentedLog
import SimulatedDisk

@testable import SegmentedLog

/// A small store of several sealed segments and a journal, and everything that was ever put into it.
struct DamageableStore {
    let disk: SimulatedDisk
    /// All bytes of all streams, those that are trimmed away too, by stream number.
    private(set) var bytes: [UInt64: [UInt8]] = [:]
    private(set) var annotations: [UInt64: [[UInt8]]] = [:]
    private(set) var starts: [UInt64: Int] = [:]
    private(set) var deleted: Set<UInt64> = []

    static let directory = TestLog.directory

    static let check = LogCheck(rows: AppendListRows()) { row throws(RecoveryRefusal) in
        guard AppendListRows.Row(row) != nil else { throw RecoveryRefusal(reason: "a malformed row") }
    }

    init() throws {
        disk = SimulatedDisk(seed: 7, recordsTrace: false)
        let test = try TestLog(disk, isMaintained: true) { $0.recycledSegmentCountLimit = 1 }
        var generator = SeededGenerator(seed: 11, purpose: "store")
        var streams: [TestStream] = []
        for number in 0 ..< 12 {
            streams.append(try test.createNow(row: Array("stream \(number)".utf8), payload: [1]))
            bytes[streams[number].number] = [1]
        }
        for step in 0 ..< 220 {
            let stream = streams[generator.integer(below: 6) + (step > 110 ? 6 : 0)]
            guard !deleted.contains(stream.number) else { continue }
            let kind = generator.integer(below: 12)
            switch kind {
            case 0: try append(payload(step, byteCount: 20_000), test, stream)
            case 1: try append(generator.bytes(count: 3_000), test, stream)
            case 2 where step % 40 == 0:
                try test.deleteNow(stream)
                deleted.insert(stream.number)
            case 3 where stream.submittedEnd.rawValue > 0 && step % 3 == 0:
                try trim(test, stream)
            case 4: try append(payload(step, byteCount: 5), test, stream, annotation: [UInt8(step)])
            default: try append(payload(step, byteCount: 200 + 17 * step), test, stream)
            }
        }
        // Something that is in the journal only, and something in its last frame.
        try append(Array("the end".utf8), test, streams[0])
        let last = try test.createNow(row: Array("last".utf8), payload: Array("only in the journal".utf8))
        bytes[last.number] = Array("only in the journal".utf8)
        try append(Array("the very end".utf8), test, streams[1], annotation: [255])
        test.log.close()
    }

    private mutating func append(
        _ payload: [UInt8], _ test: TestLog, _ stream: TestStream, annotation: [UInt8] = []
    ) throws {
        try test.appendNow(payload, annotation: annotation, to: stream)
        bytes[stream.number]! += payload
        if !annotation.isEmpty { annotations[stream.number, default: []].append(annotation) }
    }

    private mutating func trim(_ test: TestLog, _ stream: TestStream) throws {
        let done = Acknowledgement()
        try test.log.trim(stream, to: stream.submittedEnd, completion: done)
        test.run()
        try done.require()
        starts[stream.number] = Int(stream.submittedEnd.rawValue)
    }

    /// The streams that were not deleted.
    var living: [UInt64] { bytes.keys.filter { !deleted.contains($0) }.sorted() }

    /// The files with segments.
    var segmentPaths: [String] { disk.paths.filter { $0.hasSuffix(".journal") || $0.hasSuffix(".sealed") } }

    // MARK: Looking at it, or at a damaged copy

    static func check(_ disk: SimulatedDisk) throws -> LogCheck.Report {
        var check = check
        check.fileSystem = disk
        return try check.run(directory)
    }

    static func repair(_ disk: SimulatedDisk) throws -> LogRepair.Report {
        var check = check
        check.fileSystem = disk
        var repair = LogRepair(check: check)
        repair.wallClock = { 1_700_000_000 }
        return try repair.run(directory)
    }

    /// What differs between this and what a log that was opened has, beside what is allowed; nil if nothing.
    /// - Parameters:
    ///   - losses: Of a repair.
    ///   - mayLackEnds: Whether the journal is damaged: what was in it last may be gone, deletions and trims too.
    func difference(
        from recovered: RecoveredStreams, losses: [LogRepair.Loss] = [], mayLackEnds: Bool = false
    ) -> String? {
        let lossesOf = Dictionary(grouping: losses, by: \.streamNumber)
        for (number, stream) in recovered.streams {
            guard let original = bytes[number] else { return "stream \(number) never was" }
            let start = Int(stream.logStream.start.rawValue)
            let tail = Int(stream.logStream.tail.rawValue)
            guard tail <= original.count else { return "stream \(number) ends at \(tail)" }
            guard ComparableBytes(bytes: stream.bytes) == ComparableBytes(bytes: Array(original[start ..< tail])) else {
                return "stream \(number) has other bytes"
            }
            let name = number == living.last ? "last" : "stream "
            guard String(decoding: stream.row, as: UTF8.self).hasPrefix(name) else {
                return "stream \(number) has another row"
            }
            if lossesOf[number] != nil { continue }
            if !mayLackEnds {
                if deleted.contains(number) { return "stream \(number) was deleted" }
                if start != starts[number] ?? 0 { return "stream \(number) begins at \(start)" }
                if tail != original.count { return "stream \(number) ends at \(tail)" }
                if stream.annotations != annotations[number] ?? [] { return "stream \(number) has other annotations" }
            }
            if start > starts[number] ?? 0 { return "stream \(number) begins at \(start)" }
        }
        for number in living where recovered.streams[number] == nil && lossesOf[number] == nil {
            if number == living.last, mayLackEnds { continue }
            return "stream \(number) is missing"
        }
        return nil
    }
}
