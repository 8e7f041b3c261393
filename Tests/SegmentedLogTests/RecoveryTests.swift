import Glibc
import SegmentedLog
import SimulatedDisk
import Testing

/// What opening makes of what it finds.
struct `Opening a log` {
    private static let firstPath = "/store/0000000000000001.journal"
    private let disk = SimulatedDisk(seed: 1)

    // MARK: The directory

    @Test func `A second log in the same directory is refused, and told who has it`() throws {
        let test = try TestLog(disk)
        let refusal = #expect(throws: LogOpenError.self) { _ = try TestLog(disk) }
        guard case .locked(let path, let holder) = refusal else {
            Issue.record("\(String(describing: refusal))")
            return
        }
        #expect(path == "/store/LOCK")
        #expect(holder == "process \(getpid())")
        #expect("\(try #require(refusal))".contains(holder))
        test.log.close()
        try TestLog(disk).log.close()
    }

    @Test func `A log that could not be opened gives the directory back`() throws {
        disk.setContent(Self.firstPath, [1, 2, 3])
        #expect(throws: LogOpenError.self) { _ = try TestLog(disk) }
        disk.remove(Self.firstPath)
        _ = try TestLog(disk)
    }

    @Test func `Settings out of range are refused before anything is touched`() {
        for byteCount in [0, 4096, (64 << 10) - 1, (1 << 30) + 1] {
            let error = #expect(throws: LogOpenError.self) { _ = try TestLog(disk) { $0.segmentByteCount = byteCount } }
            guard case .invalidConfiguration = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
        #expect(throws: LogOpenError.self) { _ = try TestLog(disk) { $0.pendingByteCountLimit = 0 } }
        #expect(disk.effectCount == 0)
    }

    @Test func `Files that are not the store's are left alone`() throws {
        let strangers = ["/store/notes.txt", "/store/1.journal", "/store/00000000000000x1.journal", "/store/.journal"]
        for path in strangers { disk.setContent(path, [1, 2, 3]) }
        let test = try TestLog(disk)
        test.run()
        test.log.close()
        for path in strangers { #expect(disk.content(path) == [1, 2, 3]) }
    }

    @Test func `A file that was being made when the process ended is removed`() throws {
        try TestLog(disk).log.close()
        disk.setContent("/store/0000000000000009.partial", [1, 2, 3])
        let test = try TestLog(disk)
        #expect(!disk.paths.contains("/store/0000000000000009.partial"))
        test.log.close()
    }

    @Test func `Opening and closing again and again changes no journal`() throws {
        let test = try TestLog(disk)
        test.run()
        let stream = try test.createNow(payload: payload(1, byteCount: 1_000))
        test.log.close()
        let journal = disk.content(Self.firstPath)
        let paths = disk.paths
        for _ in 0 ..< 5 {
            let again = try TestLog(disk)
            again.run()
            #expect(again.recovered.streams[stream.number]?.bytes.count == 1_000)
            again.log.close()
        }
        #expect(disk.content(Self.firstPath) == journal)
        #expect(disk.paths == paths)
    }

    @Test func `A closed log takes nothing more, and what it has stays readable`() throws {
        let test = try TestLog(disk)
        let stream = try test.createNow(payload: Array("kept".utf8))
        let completion = Acknowledgement()
        try test.append(Array(" too".utf8), to: stream, completion: completion)
        test.log.close()
        #expect(completion.isDurable)
        #expect(stream.text == "kept too")
        #expect(throws: LogRefusal.closing) { try test.append([1], to: stream) }
        test.log.close()
    }

    @Test func `An owner can refuse an entry, and the error names its place`() throws {
        let test = try TestLog(disk)
        _ = try test.createNow(row: Array("bad row".utf8))
        test.log.close()
        let error = #expect(throws: LogOpenError.self) {
            _ = try SegmentedLog.open(
                directory: TestLog.directory, configuration: TestLog.configuration(), fileSystem: disk,
                recoverRow: { _ in },
                recover: { _ throws(RecoveryRefusal) in throw RecoveryRefusal(reason: "no such thing") })
        }
        guard case .corrupt(Self.firstPath, let byteOffset, let reason) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(byteOffset == 4096 + 56)
        #expect(reason.contains("no such thing"))
    }

    // MARK: The end of the log

    /// A log of ten frames; returns where each begins, and the end.
    private func writeTenFrames() throws -> (stream: TestStream, bounds: [Int]) {
        let test = try TestLog(disk)
        test.run()
        var bounds = [4096]
        let stream = try test.createNow(payload: payload(0, byteCount: 50))
        bounds.append(end(after: bounds.last!))
        for number in 1 ..< 10 {
            try test.appendNow(payload(number, byteCount: 50 + number * 7), to: stream)
            bounds.append(end(after: bounds.last!))
        }
        test.log.close()
        return (stream, bounds)
    }

    private func end(after start: Int) -> Int {
        let content = disk.content(Self.firstPath)!
        let byteCount = content[start + 8 ..< start + 12].reversed().reduce(0) { $0 << 8 | Int($1) }
        return (start + byteCount + 7) / 8 * 8
    }

    @Test func `Wherever the last frame is cut off, it is dropped and counted, and everything before it is kept`() throws {
        let (stream, bounds) = try writeTenFrames()
        let whole = try #require(disk.content(Self.firstPath))
        let (start, end) = (bounds[9], bounds[10])
        let last = (start..<end).last { whole[$0] != 0 }!
        for cut in start ... last {
            var content = whole
            for offset in cut ..< end { content[offset] = 0 }
            let copy = disk.processCopy()
            copy.setContent(Self.firstPath, content)
            let test = try TestLog(copy)
            let found = try #require(test.recovered.streams[stream.number])
            #expect(found.appends.count == 9)
            #expect(stream.bytes.starts(with: found.bytes))
            // Before its header is whole, there is nothing to count.
            let dropped = test.events.warnings.first?.metadata["bytes"]
            #expect(dropped == (cut >= start + 52 ? "\(end - start)" : nil) || cut < start + 56, "cut at \(cut)")
            // And appending goes on in its place.
            try test.appendNow(Array("again".utf8), to: try #require(test.streams[stream.number]))
            let again = try TestLog(copy.powerLoss(seed: 1))
            #expect(again.recovered.streams[stream.number]?.bytes == found.bytes + Array("again".utf8))
            #expect(again.events.warnings.isEmpty)
        }
    }

    @Test func `A last frame that is garbled anywhere is dropped`() throws {
        let (stream, bounds) = try writeTenFrames()
        let frameByteCount = bounds[10] - bounds[9]
        for offset in 0 ..< frameByteCount - 7 {
            let copy = disk.processCopy()
            copy.damage(Self.firstPath, at: bounds[9] + offset) { $0 ^ 0x10 }
            let test = try TestLog(copy)
            #expect(test.recovered.streams[stream.number]?.appends.count == 9, "byte \(offset)")
        }
    }

    @Test func `A byte that has changed in any earlier frame is corruption, named by file and offset`() throws {
        let (_, bounds) = try writeTenFrames()
        for frame in 0 ..< 9 {
            let byteCount = bounds[frame + 1] - bounds[frame]
            for offset in [0, 4, 8, 12, 16, 24, 32, 40, 48, 52, 56, 70, byteCount / 2, byteCount - 8] {
                let copy = disk.processCopy()
                copy.damage(Self.firstPath, at: bounds[frame] + offset) { $0 ^ 0x10 }
                let before = copy.content(Self.firstPath)
                let error = #expect(throws: LogOpenError.self) { _ = try TestLog(copy) }
                guard case .corrupt(Self.firstPath, bounds[frame], _) = error else {
                    Issue.record("frame \(frame), byte \(offset): \(String(describing: error))")
                    return
                }
                #expect(copy.content(Self.firstPath) == before, "a damaged log must stay as it is")
            }
        }
    }

    @Test func `A frame that is gone as a whole is corruption, too`() throws {
        let (_, bounds) = try writeTenFrames()
        var content = try #require(disk.content(Self.firstPath))
        for offset in bounds[4] ..< bounds[5] { content[offset] = 0 }
        disk.setContent(Self.firstPath, content)
        let error = #expect(throws: LogOpenError.self) { _ = try TestLog(disk) }
        guard case .corrupt(Self.firstPath, bounds[4], _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `A frame that was moved or repeated is no continuation`() throws {
        let (stream, bounds) = try writeTenFrames()
        var content = try #require(disk.content(Self.firstPath))
        let frame = Array(content[bounds[3] ..< bounds[4]])
        content.replace(at: bounds[10], with: frame)
        disk.setContent(Self.firstPath, content)
        let test = try TestLog(disk)
        #expect(test.recovered.streams[stream.number]?.appends.count == 10)
    }

    @Test func `Damage in an earlier segment is found, and a missing one`() throws {
        let test = try TestLog(disk)
        test.run()
        let stream = try test.createNow()
        for number in 0 ..< 40 { try test.appendNow(payload(number, byteCount: 5_000), to: stream) }
        test.log.close()

        let damaged = disk.processCopy()
        damaged.damage("/store/0000000000000002.journal", at: 10_000)
        let error = #expect(throws: LogOpenError.self) { _ = try TestLog(damaged) }
        guard case .corrupt("/store/0000000000000002.journal", let byteOffset, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect((4_097 ... 10_000).contains(byteOffset))

        // The first frame of a segment: it could have been in the one before, too.
        let first = disk.processCopy()
        first.damage("/store/0000000000000002.journal", at: 5_000)
        let firstError = #expect(throws: LogOpenError.self) { _ = try TestLog(first) }
        guard case .corrupt = firstError else {
            Issue.record("\(String(describing: firstError))")
            return
        }

        let missing = disk.processCopy()
        missing.remove("/store/0000000000000002.journal")
        let other = #expect(throws: LogOpenError.self) { _ = try TestLog(missing) }
        guard case .corrupt = other else {
            Issue.record("\(String(describing: other))")
            return
        }
    }

    @Test func `Frames behind a hole that were never synced are dropped, counted, and never come back`() throws {
        let test = try TestLog(disk) { $0.durability = .none }
        test.run()
        let stream = try test.createNow(payload: payload(0, byteCount: 50))
        var starts: [Int] = []
        for number in 1 ..< 6 {
            starts.append(end(after: starts.last ?? 4096))
            try test.appendNow(payload(number, byteCount: 50), to: stream)
        }
        let next = disk.processCrash()
        next.damage(Self.firstPath, at: starts[1] + 60)
        let again = try TestLog(next)
        #expect(again.recovered.streams[stream.number]?.appends.count == 2)
        let dropped = try #require(again.events.warnings.first?.metadata["bytes"].flatMap { Int($0) })
        #expect(dropped == 4 * (starts[1] - starts[0]))
        // A new frame of the same size in the hole, then another opening.
        try again.appendNow(payload(9, byteCount: 50), to: try #require(again.streams[stream.number]))
        let last = try TestLog(next.processCrash())
        #expect(last.recovered.streams[stream.number]?.appends.count == 3)
        #expect(last.recovered.streams[stream.number]?.bytes.suffix(50) == payload(9, byteCount: 50)[...])
        #expect(last.events.warnings.isEmpty)
    }
}
