import Foundation
import SegmentedLog
import SimulatedDisk
import Testing

/// `format-spec.md` says enough to read a store: a reader that was written from it finds what the engine finds, and
/// refuses what the engine refuses.
@Suite(.enabled(if: PythonReader.isAvailable, "needs python3 with the package lz4"))
struct `Format reader` {
    @Test(arguments: [Durability.sync, .none, .interval(milliseconds: 5)], [UInt64(1)])
    func `Stores on real files read the same`(durability: Durability, seed: UInt64) throws {
        let directory = try TemporaryDirectory()
        for life in 0 ..< 3 {
            let store = try WorkedStore(
                directory.url.path, fileSystem: LinuxFileSystem(), seed: seed &* 100 + UInt64(life),
                durability: durability)
            try store.work(operationCount: 150)
            #expect(store.statistics.sealedSegmentCount > 0)
            // As after the end of the process.
            try expectAgreement(try TemporaryDirectory(copyOf: directory.url))
            store.close()
        }
        let streams = try expectAgreement(directory)
        #expect(streams?.isEmpty == false)
        for (number, stream) in (streams ?? [:]).prefix(2) {
            #expect(try PythonReader.bytes(ofStream: number, in: directory.url) == stream.content.bytes)
        }
    }

    @Test(arguments: 0 ..< 3)
    func `Stores read the same wherever sealing and merging break off`(seed: UInt64) throws {
        func worked(crashingEffect: Int?) -> SimulatedDisk {
            let disk = SimulatedDisk(seed: seed, recordsTrace: crashingEffect == nil)
            if let crashingEffect { disk.crash(atEffect: crashingEffect) }
            let store = try? WorkedStore("/store", fileSystem: disk, seed: seed)
            try? store?.work(operationCount: 300)
            return disk
        }
        let renames = worked(crashingEffect: nil).trace.filter { $0.contains(".sealing to ") }
        try #require(renames.count >= 3)
        for rename in renames.suffix(3) {
            let number = try #require(rename.split(separator: " ").first.flatMap { Int($0) })
            // Behind it, the files that it replaces go.
            for effect in number ... number + 4 {
                let disk = worked(crashingEffect: effect).processCrash()
                let streams = try expectAgreement(try exported(disk), "effect \(effect)")
                #expect(streams != nil)
            }
        }
    }

    @Test(arguments: 0 ..< 8)
    func `Stores read the same after a loss of power`(seed: UInt64) throws {
        let durability = [Durability.sync, .none, .sync, .interval(milliseconds: 5)][Int(seed % 4)]
        var disk = SimulatedDisk(seed: seed, recordsTrace: false)
        var generator = SeededGenerator(seed: seed, purpose: "power")
        for life in 0 ..< 3 {
            disk.crash(atEffect: 1 + generator.integer(below: 400))
            if let store = try? WorkedStore("/store", fileSystem: disk, seed: seed, durability: durability) {
                try? store.work(operationCount: 120)
                if generator.chance(1, outOf: 4) { store.close() }
            }
            disk = disk.powerLoss(seed: seed &* 31 &+ UInt64(life))
            let streams = try expectAgreement(try exported(disk), "life \(life)")
            #expect(streams != nil)
        }
    }

    @Test(arguments: 0 ..< 3)
    func `Damage is judged the same`(seed: UInt64) throws {
        let original = try TemporaryDirectory()
        var generator = SeededGenerator(seed: seed, purpose: "damage")
        let store = try WorkedStore(
            original.url.path, fileSystem: LinuxFileSystem(), seed: seed, durability: seed % 2 == 0 ? .sync : .none)
        try store.work(operationCount: 200)
        if seed % 3 == 0 { store.close() }
        var refusedCount = 0
        for _ in 0 ..< 16 {
            let directory = try TemporaryDirectory(copyOf: original.url)
            let harm = try damage(directory.url, &generator)
            if try expectAgreement(directory, "\(harm)") == nil { refusedCount += 1 }
        }
        #expect(refusedCount > 0)
        #expect(refusedCount < 16)
    }

    private func exported(_ disk: SimulatedDisk) throws -> TemporaryDirectory {
        let directory = try TemporaryDirectory()
        for path in disk.paths {
            try Data(disk.content(path) ?? []).write(
                to: directory.url.appending(path: URL(filePath: path).lastPathComponent))
        }
        return directory
    }

    /// Both read the directory, the engine after the other, because it mends what it opens; and then both once more.
    @discardableResult
    private func expectAgreement(
        _ directory: TemporaryDirectory, _ comment: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> [UInt64: ReadStream]? {
        var found: [UInt64: ReadStream]?
        for time in ["first", "second"] {
            let python = try PythonReader.read(directory.url)
            let engine = try EngineReading.read(directory.url.path)
            if python != engine {
                Issue.record("\(difference(python, engine)), \(time) time; \(comment ?? "")", sourceLocation: sourceLocation)
            }
            found = engine
            if engine == nil { break }
        }
        return found
    }

    private func difference(_ python: [UInt64: ReadStream]?, _ engine: [UInt64: ReadStream]?) -> String {
        guard let python else { return "only Python refuses" }
        guard let engine else { return "only the engine refuses" }
        let numbers = Set(python.keys).union(engine.keys).sorted()
        return numbers.filter { python[$0] != engine[$0] }.prefix(3).map { number in
            "stream \(number): \(summary(python[number])) in Python, \(summary(engine[number])) in the engine"
        }.joined(separator: "; ")
    }

    private func summary(_ stream: ReadStream?) -> String {
        guard let stream else { return "none" }
        return "\(stream.start)...\(stream.tail) at \(stream.newestCommitAt), row of \(stream.row?.count ?? -1), "
            + "\(stream.entries.count) entries, \(stream.content.bytes.count) B"
    }

    /// Does something to a store that no system may do, and says what.
    private func damage(_ directory: URL, _ generator: inout SeededGenerator) throws -> String {
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted().filter {
            $0.hasSuffix(".journal") || $0.hasSuffix(".sealed")
        }
        let name = names[generator.integer(below: names.count)]
        let file = directory.appending(path: name)
        if generator.chance(1, outOf: 4) {
            try FileManager.default.removeItem(at: file)
            return "removed \(name)"
        }
        var bytes = [UInt8](try Data(contentsOf: file))
        var offset = generator.integer(below: bytes.count)
        if generator.chance(1, outOf: 2), name.hasSuffix(".journal") {
            // Where something is in any case: a frame's header.
            let frames = stride(from: 4096, to: bytes.count - 4, by: 8).filter { bytes[$0...].starts(with: "FRM1".utf8) }
            if let frame = frames.randomElement(using: &generator) {
                offset = frame + generator.integer(below: 56)
                if generator.chance(1, outOf: 2), changeTime(ofFrameAt: frame, in: &bytes) {
                    try Data(bytes).write(to: file)
                    return "changed the time of the frame at \(frame) of \(name)"
                }
            }
        }
        if generator.chance(1, outOf: 8) {
            bytes.removeSubrange(offset...)
            try Data(bytes).write(to: file)
            return "cut \(name) at \(offset)"
        }
        bytes[offset] ^= 1 << generator.integer(below: 8)
        try Data(bytes).write(to: file)
        return "changed byte \(offset) of \(name)"
    }

    /// Makes another valid frame of one, which the next one does not continue.
    private func changeTime(ofFrameAt offset: Int, in bytes: inout [UInt8]) -> Bool {
        let byteCount = bytes[(offset + 8) ..< (offset + 12)].reversed().reduce(0) { $0 << 8 | Int($1) }
        guard byteCount >= 56, offset + byteCount <= bytes.count else { return false }
        bytes[offset + 40] ^= 1
        let checksum = bitwiseChecksum(Array(bytes[32 ..< 48] + bytes[(offset + 8) ..< (offset + byteCount)]))
        bytes.replace(at: offset + 4, with: littleEndian(checksum))
        return true
    }
}
