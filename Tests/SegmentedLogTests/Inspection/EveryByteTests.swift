import SegmentedLog
import SimulatedDisk
import Testing

@testable import SegmentedLog

/// Every byte that says something, and every length that a file can be cut to: opening and checking the store say so,
/// and name the file and the place, or nothing that was acknowledged is any different.
struct `Every byte of a small store` {
    private let store: SmallStore

    init() throws { store = try SmallStore() }

    private var expectedNotes: [LogFinding] {
        get throws { try DamageableStore.check(store.disk.processCopy()).findings }
    }

    @Test func `is as it was written, to begin with`() throws {
        #expect(store.paths(".sealed").count == 2)
        #expect(store.paths(".journal").count >= 2)
        #expect(try store.opened(store.disk.processCopy()) == .whole)
        #expect(try expectedNotes.allSatisfy { $0.severity == .note })
        let blocks = store.paths(".sealed").map { store.layout(ofSealed: $0).blocks }
        #expect(blocks.map(\.count) == [3, 2])
        // One of a stream that is deleted since, one of what is trimmed away, and three that are read.
        #expect(blocks.joined().count { store.starts[$0.streamNumber] == nil } == 1)
        #expect(blocks.joined().count { $0.positions.upperBound <= store.starts[$0.streamNumber] ?? 0 } == 1)
        #expect(blocks.joined().count { $0.isRead(starts: store.starts) } == 3)
        #expect(store.paths(".journal").map { store.frames(ofJournal: $0).count }.max()! >= 4)
    }

    // MARK: Flipped

    @Test func `of a sealed segment, when it changes, is found where it is`() throws {
        for path in store.paths(".sealed") {
            let layout = store.layout(ofSealed: path)
            for offset in store.disk.content(path)!.indices {
                let part = try #require(layout.parts.first { $0.contains(offset) })
                let comment = Comment("\(path) byte \(offset)")
                let disk = store.disk.processCopy()
                disk.damage(path, at: offset) { $0 ^ 1 << (offset % 8) }
                let damage = try DamageableStore.check(disk).damage
                #expect(damage.contains { $0.path == path && part.contains($0.byteOffset) }, "\(comment): \(damage)")
                let outcome = try store.opened(disk)
                guard let block = layout.block(holding: offset) else {
                    guard case .refused(path, let byteOffset) = outcome, part.contains(byteOffset) else {
                        Issue.record("\(comment): \(outcome)")
                        continue
                    }
                    continue
                }
                // Nobody reads what was trimmed away, or a stream that is gone: only the check looks there.
                guard block.isRead(starts: store.starts) else {
                    #expect(outcome == .whole, comment)
                    continue
                }
                guard case .unreadable(let errors) = outcome, Array(errors.keys) == [block.streamNumber],
                    let error = errors.values.first, error.path == path, error.byteOffset == part.lowerBound
                else {
                    Issue.record("\(comment): \(outcome)")
                    continue
                }
            }
        }
    }

    @Test func `of a journal segment's header, when it changes, is found where it is`() throws {
        for path in store.paths(".journal") {
            // What is reserved is one to the checksum: some of it will do for the check, which takes longer.
            for offset in 0 ..< 4096 {
                let disk = store.disk.processCopy()
                disk.damage(path, at: offset) { $0 ^ 1 << (offset % 8) }
                if offset < 64 || offset >= 4080 || offset % 64 == 0 {
                    let damage = try DamageableStore.check(disk).damage
                    #expect(
                        damage.contains { $0.path == path && $0.byteOffset < 4096 },
                        "\(path) byte \(offset): \(damage)")
                }
                guard case .refused(path, 0 ..< 4096) = try store.opened(disk) else {
                    Issue.record("\(path) byte \(offset): \(try store.opened(disk))")
                    continue
                }
            }
        }
    }

    @Test func `of a frame, when it changes, is found where it is, unless the frame is the last`() throws {
        let notes = try expectedNotes
        let last = try #require(store.paths(".journal").last { !store.frames(ofJournal: $0).isEmpty })
        for path in store.paths(".journal") {
            let frames = store.frames(ofJournal: path)
            for (index, frame) in frames.enumerated() {
                for offset in frame {
                    let comment = Comment("\(path) byte \(offset)")
                    let disk = store.disk.processCopy()
                    disk.damage(path, at: offset) { $0 ^ 1 << (offset % 8) }
                    let report = try DamageableStore.check(disk)
                    let outcome = try store.opened(disk)
                    if path == last, index == frames.count - 1 {
                        #expect(outcome == .lacksLastCommit, comment)
                        #expect(report.damage == [], comment)
                        let news = report.notes.filter { !notes.contains($0) }
                        #expect(
                            news.contains { $0.path == path && $0.byteOffset == frame.lowerBound },
                            "\(comment): \(news)")
                    } else {
                        #expect(outcome == .refused(path: path, byteOffset: frame.lowerBound), comment)
                        #expect(
                            report.damage.contains { $0.path == path && $0.byteOffset == frame.lowerBound },
                            "\(comment): \(report.damage)")
                    }
                }
            }
        }
    }

    @Test func `that nobody reads, when it changes, makes no difference`() throws {
        var generator = SeededGenerator(seed: 1, purpose: "unused")
        for path in store.paths(".journal") {
            let frames = store.frames(ofJournal: path)
            let count = store.disk.content(path)!.count
            let end = frames.last.map { ($0.upperBound + 7) / 8 * 8 } ?? 4096
            // The zeros behind each frame; what is behind the last one; and here and there up to the end.
            var offsets: [Int] = []
            for (index, frame) in frames.enumerated() {
                let next: Int = index + 1 < frames.count ? frames[index + 1].lowerBound : end
                offsets += Array(frame.upperBound ..< next)
            }
            offsets += Array(end ..< end + 70)
            offsets.append(count - 1)
            for _ in 0 ..< 50 { offsets.append(end + generator.integer(below: count - end)) }
            for offset in offsets {
                let disk = store.disk.processCopy()
                disk.damage(path, at: offset)
                #expect(try DamageableStore.check(disk).damage == [], "\(path) byte \(offset)")
                #expect(try store.opened(disk) == .whole, "\(path) byte \(offset)")
            }
        }
        for path in store.disk.paths where !path.hasSuffix(".journal") && !path.hasSuffix(".sealed") {
            let disk = store.disk.processCopy()
            disk.setContent(path, generator.bytes(count: 100))
            #expect(try store.opened(disk) == .whole, "\(path)")
        }
    }

    // MARK: Cut

    @Test func `of a sealed segment, when the file ends before it, is found to be missing`() throws {
        for path in store.paths(".sealed") {
            let content = store.disk.content(path)!
            for length in content.indices {
                let disk = store.disk.processCopy()
                disk.setContent(path, Array(content[..<length]))
                let damage = try DamageableStore.check(disk).damage
                expectFinding(damage, path, length)
                try expectRefusal(disk, path, length)
            }
        }
    }

    @Test func `of a journal segment, when the file ends before it, is found to be missing`() throws {
        for path in store.paths(".journal") {
            let content = store.disk.content(path)!
            let used = store.frames(ofJournal: path).last?.upperBound ?? 4096
            // Where nothing is, some lengths will do; and the end, byte by byte.
            var lengths = Array(0 ..< used)
            lengths += Array(stride(from: used, to: content.count - 512, by: 61))
            lengths += Array((content.count - 512) ..< content.count)
            for length in lengths {
                let disk = store.disk.processCopy()
                disk.setContent(path, Array(content[..<length]))
                if length % 16 == 0 {
                    let damage = try DamageableStore.check(disk).damage
                    expectFinding(damage, path, length)
                }
                try expectRefusal(disk, path, length)
            }
        }
    }

    private func expectFinding(_ damage: [LogFinding], _ path: String, _ length: Int) {
        #expect(
            damage.contains { $0.path == path && (0 ... length).contains($0.byteOffset) },
            "\(path), \(length) bytes: \(damage)")
    }

    private func expectRefusal(_ disk: SimulatedDisk, _ path: String, _ length: Int) throws {
        guard case .refused(path, 0 ... length) = try store.opened(disk) else {
            Issue.record("\(path), \(length) bytes: \(try store.opened(disk))")
            return
        }
    }
}
