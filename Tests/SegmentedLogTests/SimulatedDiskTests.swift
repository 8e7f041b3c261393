import Glibc
import SegmentedLog
import SimulatedDisk
import Testing

/// The disk that the other tests rest on does what its fault model says.
struct `The simulated disk` {
    private let disk: SimulatedDisk

    init() throws {
        disk = SimulatedDisk(seed: 1)
        try disk.createDirectory("/store")
    }

    @Test func `What was written is read and mapped before it is synchronized`() throws {
        let file = try disk.createFile("/store/a")
        try file.write("hello world")
        let mapping = try file.map(byteCount: 11)
        #expect(mapping.text == "hello world")
        #expect(try file.readText(count: 100, at: 6) == "world")
        #expect(try file.byteCount() == 11)
    }

    @Test func `A mapping shows later writes, however large the file has grown since`() throws {
        let file = try disk.createFile("/store/a")
        try file.write("hello")
        let mapping = try file.map(byteCount: 5)
        try file.write(String(repeating: "x", count: 1 << 20), at: 5)
        try file.write("J", at: 0)
        #expect(mapping.text == "Jello")
    }

    @Test func `Several buffers are written one after the other, and a gap reads as zeros`() throws {
        let file = try disk.createFile("/store/a")
        try Array("ab".utf8).withUnsafeBytes { first in
            try Array("cd".utf8).withUnsafeBytes { second in
                try file.write([first, UnsafeRawBufferPointer(start: nil, count: 0), second], at: 3)
            }
        }
        #expect(disk.content("/store/a") == [0, 0, 0] + Array("abcd".utf8))
    }

    @Test func `Names that are missing or taken are refused as Linux refuses them`() throws {
        _ = try disk.createFile("/store/a")
        _ = try disk.createFile("/store/b")
        #expect(errno { _ = try disk.createFile("/store/a") } == EEXIST)
        #expect(errno { _ = try disk.createFile("/elsewhere/a") } == ENOENT)
        #expect(errno { _ = try disk.openFile("/store/c") } == ENOENT)
        #expect(errno { try disk.rename("/store/a", to: "/store/b") } == EEXIST)
        #expect(errno { try disk.rename("/store/c", to: "/store/d") } == ENOENT)
        #expect(errno { try disk.unlink("/store/c") } == ENOENT)
        #expect(errno { _ = try disk.listFiles(inDirectory: "/elsewhere") } == ENOENT)
        #expect(try disk.listFiles(inDirectory: "/store").sorted() == ["a", "b"])
    }

    @Test func `A directory is locked once, and the refusal names the holder`() throws {
        let lock = try disk.lock("/store/lock", holder: "process 7")
        let refusal = #expect(throws: FileSystemError.self) { _ = try disk.lock("/store/lock", holder: "process 8") }
        #expect(refusal?.errno == EWOULDBLOCK)
        #expect(refusal?.detail == "process 7")
        lock.release()
        lock.release()
        _ = try disk.lock("/store/lock", holder: "process 9")
        // That one was dropped, and with it the lock.
        let last = try disk.lock("/store/lock", holder: "process 10")
        lock.release()
        #expect(errno { _ = try disk.lock("/store/lock", holder: "process 11") } == EWOULDBLOCK)
        withExtendedLifetime(last) {}
    }

    // MARK: Power failure

    @Test(arguments: PowerLossMode.allCases)
    func `What was synchronized is there after every power failure`(_ mode: PowerLossMode) throws {
        let file = try disk.createFile("/store/a")
        try file.write("synchronized")
        try file.synchronize()
        try disk.synchronizeDirectory("/store")
        try file.write("lost or not", at: 100)
        try disk.rename("/store/a", to: "/store/b")
        for seed in 0 ..< 200 {
            let next = disk.powerLoss(seed: UInt64(seed), mode: mode)
            let content = try #require(next.content("/store/a") ?? next.content("/store/b"))
            #expect(content.starts(with: "synchronized".utf8))
            #expect(next.paths.count == 1)
        }
    }

    @Test func `Losing everything loses what was not synchronized, and keeping everything keeps it`() throws {
        let file = try disk.createFile("/store/a")
        try file.write("one")
        try file.synchronize()
        try disk.synchronizeDirectory("/store")
        try file.write("two", at: 3)
        _ = try disk.createFile("/store/b")
        let without = disk.powerLoss(seed: 1, mode: .everythingLost)
        #expect(without.paths == ["/store/a"])
        #expect(without.content("/store/a") == Array("one".utf8))
        let with = disk.powerLoss(seed: 1, mode: .everythingKept)
        #expect(with.paths == ["/store/a", "/store/b"])
        #expect(with.content("/store/a") == Array("onetwo".utf8))
    }

    @Test func `Seeds produce every fate of a write: kept, lost, torn, garbled, a later one without an earlier one`() throws {
        let file = try disk.createFile("/store/a")
        let base = [UInt8](repeating: 0x2E, count: 4096)
        try file.write(base)
        try file.synchronize()
        try disk.synchronizeDirectory("/store")
        let first = [UInt8](repeating: 0x31, count: 2048)
        let second = [UInt8](repeating: 0x32, count: 1000)
        try file.write(first)
        try file.write(second, at: 2048)
        var seen: Set<String> = []
        for seed in 0 ..< 500 {
            let content = try #require(disk.powerLoss(seed: UInt64(seed)).content("/store/a"))
            #expect(content.count == 4096)
            #expect(content[3048...].allSatisfy { $0 == 0x2E })
            let earlier = content[..<2048]
            let later = content[2048 ..< 3048]
            if earlier.elementsEqual(first) { seen.insert("kept") }
            if earlier.allSatisfy({ $0 == 0x2E }) { seen.insert(later.elementsEqual(second) ? "reordered" : "lost") }
            if Set(earlier) == [0x2E, 0x31] {
                let kept = earlier.prefix { $0 == 0x31 }.count
                seen.insert(earlier[kept...].allSatisfy { $0 == 0x2E } ? "torn" : "scattered")
            }
            if Set(earlier).count > 2 { seen.insert("garbled") }
        }
        #expect(seen == ["kept", "lost", "reordered", "torn", "scattered", "garbled"])
    }

    @Test func `A file that grew can be found shorter, or grown and zero`() throws {
        let file = try disk.createFile("/store/a")
        try disk.synchronizeDirectory("/store")
        try file.write([UInt8](repeating: 0x31, count: 100))
        var sizes: Set<Int> = []
        var zeros = 0
        for seed in 0 ..< 300 {
            let content = try #require(disk.powerLoss(seed: UInt64(seed)).content("/store/a"))
            sizes.insert(content.count)
            if content == [UInt8](repeating: 0, count: 100) { zeros += 1 }
        }
        #expect(sizes.contains(0))
        #expect(sizes.contains(100))
        #expect(sizes.count > 10)
        #expect(zeros > 0)
    }

    @Test func `Names of one file come back in the order of their changes, and others independently`() throws {
        _ = try disk.createFile("/store/a.new")
        try disk.rename("/store/a.new", to: "/store/a")
        _ = try disk.createFile("/store/b")
        var seen: Set<[String]> = []
        for seed in 0 ..< 300 { seen.insert(disk.powerLoss(seed: UInt64(seed), mode: .independent).paths) }
        #expect(
            seen == [
                [], ["/store/a.new"], ["/store/a"], ["/store/b"], ["/store/a.new", "/store/b"],
                ["/store/a", "/store/b"],
            ])
        seen = []
        for seed in 0 ..< 300 { seen.insert(disk.powerLoss(seed: UInt64(seed), mode: .prefix).paths) }
        #expect(seen == [[], ["/store/a.new"], ["/store/a"], ["/store/a", "/store/b"]])
    }

    @Test func `An unlinked file comes back unless its directory was synchronized`() throws {
        let file = try disk.createFile("/store/a")
        try file.write("content")
        try file.synchronize()
        try disk.synchronizeDirectory("/store")
        try disk.unlink("/store/a")
        #expect(disk.powerLoss(seed: 1, mode: .everythingLost).content("/store/a") == Array("content".utf8))

        let other = disk.powerLoss(seed: 1, mode: .everythingLost)
        try other.unlink("/store/a")
        try other.synchronizeDirectory("/store")
        for mode in PowerLossMode.allCases { #expect(other.powerLoss(seed: 1, mode: mode).paths == []) }
    }

    @Test func `The end of the process loses nothing, and leaves it unsynchronized`() throws {
        let file = try disk.createFile("/store/a")
        try file.write("content")
        let lock = try disk.lock("/store/lock", holder: "the dead")
        let next = disk.processCrash()
        #expect(next.content("/store/a") == Array("content".utf8))
        _ = try next.lock("/store/lock", holder: "the living")
        #expect(next.powerLoss(seed: 1, mode: .everythingLost).paths == [])
        withExtendedLifetime(lock) {}
    }

    @Test func `After a crash the old disk is dead, and what it mapped stays readable`() throws {
        let file = try disk.createFile("/store/a")
        try file.write("content")
        let mapping = try file.map(byteCount: 7)
        let next = disk.powerLoss(seed: 1, mode: .everythingKept)
        let error = #expect(throws: FileSystemError.self) { try file.write("more") }
        #expect(error?.call == "crashed")
        #expect(throws: FileSystemError.self) { try file.synchronize() }
        #expect(throws: FileSystemError.self) { _ = try file.byteCount() }
        #expect(throws: FileSystemError.self) { _ = try disk.listFiles(inDirectory: "/store") }
        #expect(mapping.text == "content")
        #expect(next.content("/store/a") == Array("content".utf8))
    }

    @Test func `A crash cuts the effect with its number short and ends everything`() throws {
        var counts: Set<Int> = []
        for seed in 0 ..< 50 {
            let disk = SimulatedDisk(seed: UInt64(seed))
            try disk.createDirectory("/store")
            let file = try disk.createFile("/store/a")
            disk.crash(atEffect: disk.effectCount + 2)
            try file.write("1234")
            #expect(throws: FileSystemError.self) { try file.write("5678", at: 4) }
            #expect(disk.isDead)
            #expect(throws: FileSystemError.self) { try file.write("9", at: 8) }
            let content = try #require(disk.processCrash().content("/store/a"))
            #expect("12345678".utf8.starts(with: content))
            counts.insert(content.count)
        }
        #expect(counts == [4, 5, 6, 7, 8])
    }

    // MARK: Failing calls

    @Test func `A fault fails the call with its number, once or for ever`() throws {
        let file = try disk.createFile("/store/a")
        disk.inject(DiskFault([.synchronize], occurrence: 2, errno: EIO))
        #expect(errno { try file.synchronize() } == nil)
        #expect(errno { try file.synchronize() } == EIO)
        #expect(errno { try file.synchronize() } == nil)
        disk.inject(DiskFault([.synchronize, .write], pathFragment: "/a", isPermanent: true, errno: ENOSPC))
        let other = try disk.createFile("/store/b")
        #expect(errno { try other.synchronize() } == nil)
        #expect(errno { try file.synchronize() } == ENOSPC)
        #expect(errno { try file.write("x") } == ENOSPC)
        disk.clearFaults()
        #expect(errno { try file.write("x") } == nil)
    }

    @Test func `After a failed synchronization a later one that succeeds says nothing about what was written before`() throws {
        var wasLost = false
        var wasKept = false
        for seed in 0 ..< 50 {
            let disk = SimulatedDisk(seed: UInt64(seed))
            try disk.createDirectory("/store")
            let file = try disk.createFile("/store/a")
            try disk.synchronizeDirectory("/store")
            try file.write("12345")
            disk.inject(DiskFault([.synchronize], errno: EIO))
            #expect(errno { try file.synchronize() } == EIO)
            #expect(try file.readText(count: 5, at: 0) == "12345")
            try file.synchronize()
            let content = try #require(disk.powerLoss(seed: 1, mode: .everythingKept).content("/store/a"))
            if content == Array("12345".utf8) { wasKept = true } else { wasLost = true }
        }
        #expect(wasLost && wasKept)
    }

    @Test func `A full disk cuts a write where the space ends, and lets overwriting through`() throws {
        let disk = SimulatedDisk(seed: 1, byteCountLimit: 10)
        try disk.createDirectory("/store")
        var file: (any LogFile)? = try disk.createFile("/store/a")
        try file?.write("12345678")
        let other = try disk.createFile("/store/b")
        #expect(errno { try other.write("abcd") } == ENOSPC)
        #expect(disk.content("/store/b") == Array("ab".utf8))
        #expect(errno { try file?.write("87654321") } == nil)
        #expect(disk.usedByteCount == 10)

        try disk.unlink("/store/a")
        #expect(errno { try other.write("abcd") } == ENOSPC, "the file is still open")
        file = nil
        #expect(errno { try other.write("abcd") } == nil)
        disk.byteCountLimit = 3
        #expect(errno { try other.write("e", at: 4) } == ENOSPC)
        disk.byteCountLimit = 5
        #expect(errno { try other.write("e", at: 4) } == nil)
    }

    // MARK: Determinism

    @Test func `The same seed and the same calls have the same trace and the same outcome`() throws {
        func run(seed: UInt64) throws -> ([String], [String: [UInt8]]) {
            let disk = SimulatedDisk(seed: seed)
            try disk.createDirectory("/store")
            disk.inject(DiskFault([.write], occurrence: 3, errno: EIO))
            disk.crash(atEffect: 24)
            for number in 0 ..< 10 {
                guard let file = try? disk.createFile("/store/\(number)") else { continue }
                try? file.write(String(repeating: "\(number)", count: 700))
                if number % 3 == 0 { try? file.synchronize() }
            }
            let next = disk.powerLoss(seed: seed)
            var contents: [String: [UInt8]] = [:]
            for path in next.paths { contents[path] = next.content(path) }
            return (disk.trace, contents)
        }
        for seed in 0 ..< 20 as Range<UInt64> {
            let (trace, contents) = try run(seed: seed)
            let (sameTrace, sameContents) = try run(seed: seed)
            #expect(trace.count == 24)
            #expect(trace == sameTrace)
            #expect(contents == sameContents)
        }
        let (one, other) = try (run(seed: 1), run(seed: 2))
        #expect(one.1 != other.1)
    }

    @Test func `Calls that are held happen when they are let through`() throws {
        let file = try disk.createFile("/store/a")
        disk.hold([.write])
        // A thread of its own: one of the pool's that waits might be the one that another test needs.
        let thread = NamedThread("writes") { try? file.write("x") }
        disk.waitUntilHeld()
        #expect(disk.content("/store/a") == [])
        disk.letThrough()
        thread.join()
        #expect(disk.content("/store/a") == Array("x".utf8))
    }

    private func errno(_ body: () throws -> Void) -> Int32? {
        do {
            try body()
            return nil
        } catch {
            return (error as? FileSystemError)?.errno ?? -1
        }
    }
}

extension LogFile {
    func write(_ bytes: [UInt8], at offset: Int = 0) throws(FileSystemError) {
        let result = bytes.withUnsafeBytes { bytes in
            Result { () throws(FileSystemError) in try write([bytes], at: offset) }
        }
        try result.get()
    }

    func write(_ text: String, at offset: Int = 0) throws(FileSystemError) {
        try write(Array(text.utf8), at: offset)
    }

    func readText(count: Int, at offset: Int) throws -> String {
        var bytes = [UInt8](repeating: 0, count: count)
        let read = try bytes.withUnsafeMutableBytes { try self.read(into: $0, at: offset) }
        return String(decoding: bytes.prefix(read), as: UTF8.self)
    }
}

extension FileMapping {
    var text: String { String(decoding: bytes, as: UTF8.self) }
}
