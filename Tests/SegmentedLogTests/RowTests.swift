import SegmentedLog
import SimulatedDisk
import Synchronization
import Testing

/// The rows that owners' folds make of annotations, and that come back when a log is opened.
struct `Rows` {
    private let disk = SimulatedDisk(seed: 1, recordsTrace: false)

    /// Remembers what it was asked for.
    private final class RecordingRows: LogRowFolder {
        struct Call: Equatable {
            var creation: [UInt8]
            var hadRow: Bool
            var kinds: [EntryKind]
            var tail: Int
        }

        let calls = Mutex<[Call]>([])
        /// While it is set, every call is refused.
        let refusal = Mutex<String?>(nil)

        func row(
            after changes: LogRowChanges, to row: UnsafeRawBufferPointer?
        ) throws(RecoveryRefusal) -> [UInt8] {
            if let reason = refusal.withLock({ $0 }) { throw RecoveryRefusal(reason: reason) }
            let result = try AppendListRows().row(after: changes, to: row)
            let creation = result.withUnsafeBytes { AppendListRows.Row($0)?.creation ?? [] }
            calls.withLock {
                $0.append(
                    Call(
                        creation: creation, hadRow: row != nil, kinds: changes.entries.map(\.kind),
                        tail: Int(changes.tail.rawValue)))
            }
            return result
        }
    }

    @Test func `The fold is asked once for each stream of a sealed segment, and not when segments are merged`() throws {
        let rows = RecordingRows()
        let test = try TestLog(disk, isMaintained: true) {
            $0.rows = rows
            $0.mergedSegmentCount = 2
        }
        let first = try test.createNow(row: [1], payload: payload(1, byteCount: 100))
        let second = try test.createNow(row: [2])
        try test.appendNow([5], annotation: [9], to: first)
        try test.appendNow([6], to: first)
        try test.fillSegment()
        #expect(
            rows.calls.withLock { $0 } == [
                .init(creation: [1], hadRow: false, kinds: [.create, .append], tail: 102),
                .init(creation: [2], hadRow: false, kinds: [.create], tail: 0),
            ])
        rows.calls.withLock { $0 = [] }
        try test.trimNow(first, to: 100)
        try test.fillSegment()
        try test.appendNow([7], to: second)
        try test.appendNow([8], annotation: [4], to: second)
        try test.fillSegment()
        #expect(test.events.count("merged segments") >= 1)
        #expect(
            rows.calls.withLock { $0 } == [
                .init(creation: [1], hadRow: true, kinds: [], tail: 102),
                .init(creation: [2], hadRow: true, kinds: [.append], tail: 2),
            ])
    }

    @Test func `Each segment has the row as of its end, and the newest one counts`() throws {
        let test = try TestLog(disk, isMaintained: true) { $0.mergedSegmentCount = 1_000 }
        let stream = try test.createNow(row: Array("row".utf8))
        var expected = AppendListRows.Row(creation: Array("row".utf8))
        for number in 0 ..< 4 {
            let annotation = Array("annotation \(number)".utf8)
            try test.appendNow(payload(number, byteCount: 100), annotation: annotation, to: stream)
            expected.annotations.append(annotation)
            try test.fillSegment()
            let models = try disk.sealedModels()
            #expect(models.count == number + 1)
            let model = try #require(models.last?.streams.first)
            #expect(model.row == expected.encode())
            #expect(model.end == UInt64(100 * (number + 1)) && model.distanceToTail == 0)
            #expect(model.newestCommitAt == 1_700_000_000_000)
        }
        try test.appendNow([1], annotation: Array("in the journal".utf8), to: stream)
        test.log.close()
        let again = try TestLog(disk)
        let found = try #require(again.recovered.streams[stream.number])
        #expect(found.row == Array("row".utf8))
        #expect(found.annotations == expected.annotations + [Array("in the journal".utf8)])
        #expect(found.appends.count == 1, "the others are in rows only")
    }

    @Test func `An opening hands over each sealed stream with its start, its tail and its time, before the journal`() throws {
        let clock = Mutex<Int64>(1_000)
        let test = try TestLog(disk, isMaintained: true) { $0.wallClock = { clock.withLock { $0 } } }
        let first = try test.createNow(row: [1], payload: payload(1, byteCount: 100))
        clock.withLock { $0 = 2_000 }
        let second = try test.createNow(row: [2], payload: payload(2, byteCount: 50))
        try test.fillSegment()
        clock.withLock { $0 = 3_000 }
        try test.appendNow(payload(3, byteCount: 10), to: first)
        try test.trimNow(first, to: 100)
        try test.fillSegment()
        clock.withLock { $0 = 4_000 }
        try test.appendNow([1], to: second)
        test.log.close()

        var calls: [String] = []
        let log = try SegmentedLog.open(
            directory: TestLog.directory, configuration: TestLog.configuration(), fileSystem: disk,
            recoverRow: { stream throws(RecoveryRefusal) in
                let (start, tail) = (stream.start.rawValue, stream.tail.rawValue)
                calls.append("row \(stream.stream.number.rawValue): \(start) \(tail) \(stream.newestCommitAt)")
            },
            recover: { entry throws(RecoveryRefusal) in
                guard entry.kind == .append, entry.payloadByteCount == 1 else { return }
                calls.append("entry \(entry.stream.number.rawValue): \(entry.position.rawValue) \(entry.committedAt)")
            })
        #expect(
            calls == [
                "row \(first.number): 100 110 3000", "row \(second.number): 0 50 2000", "entry \(second.number): 50 4000",
            ])
        log.close()
    }

    @Test func `Where the fold refuses, the segment is not sealed, the log says so once, and appends go on`() throws {
        let rows = RecordingRows()
        rows.refusal.withLock { $0 = "nonsense" }
        let test = try TestLog(disk, isMaintained: true) {
            $0.rows = rows
            $0.unsealedSegmentCountLimit = 2
        }
        let stream = try test.createNow(payload: [0])
        for number in 0 ..< 10 { try test.appendNow(payload(number, byteCount: 40_000), to: stream) }
        #expect(test.log.statistics.sealedSegmentCount == 0)
        #expect(test.log.statistics.segmentCount == 10)
        #expect(test.events.warnings.map(\.message) == ["a segment is damaged: it stays as it is"])
        #expect(test.events.warnings.first?.metadata["error"]?.contains("nonsense") == true)
        #expect(stream.bytes.count == 400_001)
        // Another version of the owner may know better.
        test.log.close()
        let again = try TestLog(disk, isMaintained: true)
        again.run()
        #expect(again.log.statistics.segmentCount == 1)
        #expect(again.streams[stream.number]?.bytes.count == 400_001)
    }

    @Test func `Where the owner refuses a row, the store is not opened`() throws {
        let test = try TestLog(disk, isMaintained: true)
        _ = try test.createNow(row: [1])
        try test.fillSegment()
        test.log.close()
        let error = #expect(throws: LogOpenError.self) {
            try SegmentedLog.open(
                directory: TestLog.directory, configuration: TestLog.configuration(), fileSystem: disk,
                recoverRow: { _ throws(RecoveryRefusal) in throw RecoveryRefusal(reason: "nonsense") },
                recover: { _ in })
        }
        guard case .corrupt(let path, let byteOffset, "nonsense") = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(path.hasSuffix(".sealed") && byteOffset >= 64)
    }
}
