import SegmentedLog
import SimulatedDisk
import Testing

@testable import SegmentedLog

/// A store whose files do not hold what was written: what is said of it, and what a repair makes of it.
struct `A damaged store` {
    private let store: DamageableStore

    init() throws { store = try DamageableStore() }

    @Test func `Every flipped byte is found, or of no consequence, and can be repaired`() throws {
        var generator = SeededGenerator(seed: 1, purpose: "flips")
        let disk = store.disk.processCopy()
        let baseline = try DamageableStore.check(disk).notes
        var outcomes: Set<Outcome> = []
        for path in store.disk.paths {
            let content = try #require(store.disk.content(path))
            for offset in offsets(path, content, &generator) {
                disk.damage(path, at: offset) { $0 ^ 1 << (offset % 8) }
                let isSampled = generator.chance(1, outOf: 6)
                outcomes.insert(try examine(disk, path, .flip(offset), baseline, isSampled: isSampled))
                disk.damage(path, at: offset) { $0 ^ 1 << (offset % 8) }
            }
        }
        #expect(try DamageableStore.check(disk).findings == baseline)
        #expect(outcomes == Set(Outcome.allCases))
    }

    @Test func `Every file that is cut is found, and can be repaired`() throws {
        var generator = SeededGenerator(seed: 2, purpose: "cuts")
        let baseline = try DamageableStore.check(store.disk.processCopy()).notes
        for path in store.segmentPaths {
            let content = try #require(store.disk.content(path))
            var lengths = [0, 1, 40, 63, 64, 4095, 4096, 4100, content.count - 1, content.count - 128]
            lengths += (0 ..< 12).map { _ in generator.integer(below: content.count) }
            for length in lengths where (0 ..< content.count).contains(length) {
                let disk = store.disk.processCopy()
                disk.setContent(path, Array(content[..<length]))
                let outcome = try examine(disk, path, .cut(length), baseline, isSampled: true)
                #expect(outcome == .refused, "\(path) cut at \(length)")
            }
        }
    }

    @Test func `Every file that is missing is found, and the rest can be repaired`() throws {
        let baseline = try DamageableStore.check(store.disk.processCopy()).notes
        for path in store.segmentPaths {
            let disk = store.disk.processCopy()
            disk.remove(path)
            _ = try examine(disk, path, .removal, baseline, isSampled: true)
        }
    }

    @Test func `A trim does not hide that the segment before it is missing`() throws {
        let disk = SimulatedDisk(seed: 3, recordsTrace: false)
        let test = try TestLog(disk, isMaintained: true)
        let stream = try test.createNow(row: Array("stream".utf8), payload: [1])
        for step in 0 ..< 20 { try test.appendNow(payload(step, byteCount: 10_000), to: stream) }
        let done = Acknowledgement()
        try test.log.trim(stream, to: stream.submittedEnd, completion: done)
        // Without maintenance, which would give the space back.
        test.log.writePendingCommits()
        try done.require()
        test.log.close()
        let paths = disk.paths.filter { $0.hasSuffix(".sealed") }
        try #require(paths.count >= 2)
        #expect(try DamageableStore.check(disk).damage == [])
        disk.remove(paths.last!)
        #expect(throws: LogOpenError.self) { try TestLog(disk.processCopy()) }
        #expect(try DamageableStore.check(disk).damage.contains { $0.reason.contains("are missing") })
        #expect(try DamageableStore.repair(disk).losses.contains { $0.kind == .metadata })
        #expect(try DamageableStore.check(disk).damage == [])
        let again = try TestLog(disk)
        #expect(again.recovered.streams[stream.number]?.logStream.start == stream.submittedEnd)
        #expect(again.recovered.streams[stream.number]?.logStream.tail == stream.submittedEnd)
    }

    @Test func `Two places that are damaged are both reported`() throws {
        let disk = store.disk.processCopy()
        let paths = store.segmentPaths.filter { $0.hasSuffix(".sealed") }.prefix(2)
        for path in paths { disk.damage(path, at: 100) }
        for path in paths { disk.damage(path, at: disk.content(path)!.count - 100) }
        let damage = try DamageableStore.check(disk).damage
        for path in paths { #expect(damage.count { $0.path == path } >= 2) }
    }

    @Test func `What a failing disk does not give is reported, and the rest is repaired`() throws {
        let path = try #require(store.segmentPaths.filter { $0.hasSuffix(".sealed") }.first)
        let disk = store.disk.processCopy()
        // The whole file in one go, then page by page: the third page.
        disk.inject(DiskFault([.read], pathFragment: path, occurrence: 1, errno: 5))
        disk.inject(DiskFault([.read], pathFragment: path, occurrence: 4, errno: 5))
        let report = try DamageableStore.repair(disk)
        let found = try #require(report.check.damage.first { $0.path == path && $0.byteOffset == 8192 })
        #expect(found.reason.contains("4096 bytes cannot be read"))
        disk.clearFaults()
        try expectRepaired(disk, report, path, .unreadablePage)
    }

    // MARK: One kind of damage

    /// Everywhere in the parts that are small, here and there in what is large.
    private func offsets(_ path: String, _ content: [UInt8], _ generator: inout SeededGenerator) -> [Int] {
        if path.hasSuffix(".sealed") {
            let footer = Array((content.count - 128) ..< content.count)
            let tables = stride(from: max(0, content.count - 1_500), to: content.count - 128, by: 29)
            return Array(0 ..< 64) + footer + tables
                + (0 ..< 40).map { _ in generator.integer(below: content.count) }
        }
        guard path.hasSuffix(".journal") else { return content.isEmpty ? [] : [0] }
        return Array(0 ..< 48) + Array(4092 ..< 4096) + Array(4096 ..< 4200)
            + (0 ..< 150).map { _ in generator.integer(below: content.count) }
    }

    private enum Damage: CustomStringConvertible {
        case flip(Int)
        case cut(Int)
        case removal
        case unreadablePage

        var flippedOffset: Int? { if case .flip(let offset) = self { offset } else { nil } }
        var isRemoval: Bool { if case .removal = self { true } else { false } }

        var description: String {
            switch self {
            case .flip(let offset): "byte \(offset)"
            case .cut(let length): "cut at \(length)"
            case .removal: "removed"
            case .unreadablePage: "unreadable"
            }
        }
    }

    /// Who notices.
    private enum Outcome: CaseIterable {
        /// Nothing is wrong, though perhaps the last commit is missing.
        case harmless
        /// The store does not open.
        case refused
        /// Who reads the stream whose bytes they are.
        case readError
        /// Nobody but the check: the bytes are those of a stream that is deleted, or trimmed.
        case onlyCheck
    }

    private func examine(
        _ disk: SimulatedDisk, _ path: String, _ what: Damage, _ baseline: [LogFinding], isSampled: Bool
    ) throws -> Outcome {
        let report = try DamageableStore.check(disk)
        if report.damage.isEmpty {
            // A torn tail, a gap, or nothing: it opens, and has at least the beginning of everything.
            let isNoted = report.notes != baseline
            let test = try TestLog(disk.processCopy())
            let difference = store.difference(
                from: test.recovered, losses: isNoted && what.isRemoval ? store.everything : [],
                mayLackEnds: isNoted && path.hasSuffix(".journal"))
            #expect(difference == nil, "\(path) \(what): \(report.notes)")
            #expect(!path.hasSuffix(".sealed") || what.isRemoval, "\(path) \(what): every byte has a checksum")
            return .harmless
        }
        if !what.isRemoval { #expect(report.damage.contains { $0.path == path }, "\(path) \(what): \(report.damage)") }
        let outcome = try expectRefusalOrReadError(disk, path, what)
        if isSampled {
            let copy = disk.processCopy()
            try expectRepaired(copy, try DamageableStore.repair(copy), path, what)
        }
        return outcome
    }

    /// Where a block is damaged, the store opens, and its stream says so when it is read, unless nobody reads the block
    /// any more; all other streams are as they were written. Damage anywhere else keeps the store from opening, which
    /// says what file is damaged.
    private func expectRefusalOrReadError(_ disk: SimulatedDisk, _ path: String, _ what: Damage) throws -> Outcome {
        let recovered: RecoveredStreams
        let block = store.block(path, what.flippedOffset)
        do throws(LogOpenError) {
            recovered = try TestLog(disk.processCopy()).recovered
        } catch {
            #expect(block == nil, "\(path) \(what): \(error)")
            switch error {
            // Of a file that is gone, others show that it was there.
            case .corrupt(let named, _, _), .unsupportedVersion(let named, _):
                #expect(named == path || what.isRemoval, "\(path) \(what): \(error)")
            default: Issue.record("\(path) \(what): \(error)")
            }
            return .refused
        }
        guard let block else {
            Issue.record("\(path) \(what): it opens, though no block is damaged but what is around them")
            return .harmless
        }
        let isRead = block.isRead(starts: store.livingStarts)
        let errors = recovered.streams.compactMapValues(\.readError)
        #expect(Array(errors.keys) == (isRead ? [block.streamNumber] : []), "\(path) \(what): \(errors)")
        #expect(
            errors.values.allSatisfy { $0.path == path && $0.byteOffset == block.range.lowerBound },
            "\(path) \(what): \(errors)")
        #expect(Set(recovered.streams.keys) == Set(store.living), "\(path) \(what)")
        for (number, stream) in recovered.streams where stream.readError == nil {
            let original = try #require(store.bytes[number])
            let start = Int(stream.logStream.start.rawValue)
            #expect(start == store.livingStarts[number], "\(path) \(what): stream \(number)")
            #expect(stream.bytes == Array(original[start...]), "\(path) \(what): stream \(number)")
        }
        return isRead ? .readError : .onlyCheck
    }

    private func expectRepaired(
        _ disk: SimulatedDisk, _ report: LogRepair.Report, _ path: String, _ what: Damage
    ) throws {
        let comment = Comment("\(path) \(what): \(report.check.damage.map(\.reason)) \(report.losses)")
        let oldFilesPath = try #require(report.oldFilesPath)
        let again = try DamageableStore.check(disk)
        #expect(again.damage == [], comment)
        #expect(disk.paths.filter { $0.hasSuffix(".journal") } .allSatisfy { $0.hasPrefix(oldFilesPath) }, comment)
        let test = try TestLog(disk, isMaintained: true)
        let mayLackEnds = path.hasSuffix(".journal") || what.isRemoval || report.losesRows
        let losses = report.losses + (what.isRemoval || report.losesRows ? store.everything : [])
        #expect(
            store.difference(from: test.recovered, losses: losses, mayLackEnds: mayLackEnds) == nil, comment)
        #expect(test.recovered.streams.count == report.keptStreamCount, comment)
        let new = try test.createNow(row: [1], payload: [1, 2, 3])
        #expect(new.number > store.bytes.keys.max()!, comment)
        if let old = test.streams.values.first(where: { $0.number != new.number }) {
            let before = old.bytes
            try test.appendNow([9], to: old)
            #expect(old.bytes == before + [9], comment)
        }
        test.log.close()
        #expect(try DamageableStore.check(disk).damage == [], comment)
    }
}

extension DamageableStore {
    /// The block of a sealed segment that holds a byte; nil if the byte is in none.
    fileprivate func block(_ path: String, _ offset: Int?) -> SealedLayout.Block? {
        guard path.hasSuffix(".sealed"), let offset, let content = disk.content(path) else { return nil }
        return SealedLayout(content).block(holding: offset)
    }

    /// Where the streams begin that are not deleted, by stream number.
    fileprivate var livingStarts: [UInt64: Int] {
        Dictionary(uniqueKeysWithValues: living.map { ($0, starts[$0] ?? 0) })
    }

    /// Any stream may have lost anything.
    var everything: [LogRepair.Loss] {
        bytes.keys.map { LogRepair.Loss(streamNumber: $0, kind: .metadata) }
    }
}

extension LogRepair.Report {
    /// Whether a segment is so damaged that nothing says what was in it.
    var losesRows: Bool {
        let reasons = [
            "stream table", "footer", "number that is out of range", "is empty", "has only", "does not follow",
            "outside",
        ]
        return check.damage.contains { finding in reasons.contains { finding.reason.contains($0) } }
    }
}
