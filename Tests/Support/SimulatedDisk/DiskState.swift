internal import Glibc
internal import SegmentedLog

/// Everything that a simulated disk is. One mutex guards it all.
struct DiskState {
    let seed: UInt64
    let fileByteCountLimit: Int
    let recordsTrace: Bool
    var byteCountLimit: Int

    /// Directories are never removed here, and durable at once.
    var directories: Set<String> = []
    /// What every call sees.
    var names: [String: Inode] = [:]
    /// What would survive a power failure if no operation since then did.
    var durableNames: [String: Inode] = [:]
    var operations: [DirectoryOperation] = []
    /// All files that take space.
    var inodes: [Inode] = []
    /// The holders of the locks, by path.
    var locks: [String: String] = [:]
    /// How many hold the lock for reading, by path.
    var readLockCounts: [String: Int] = [:]

    var isDead = false
    var crashingEffect: Int?
    /// Each with the number of calls that it has seen.
    var faults: [(fault: DiskFault, seenCount: Int)] = []
    var mappingsAreResident = true

    var callCounts: [DiskCall: Int] = [:]
    var effectCount = 0
    /// The effects that were asked for, by call and path.
    var effectPathCounts: [DiskCall: [String: Int]] = [:]
    var trace: [String] = []

    init(seed: UInt64, byteCountLimit: Int, fileByteCountLimit: Int, recordsTrace: Bool) {
        self.seed = seed
        self.byteCountLimit = byteCountLimit
        self.fileByteCountLimit = fileByteCountLimit
        self.recordsTrace = recordsTrace
    }

    // MARK: Which calls happen

    enum Verdict {
        case happens
        /// Cut short by a crash; the generator decides where.
        case crashes(SeededGenerator)
        case fails(FileSystemError, SeededGenerator)
    }

    /// Counts a call and says what becomes of it.
    mutating func judge(_ call: DiskCall, _ path: String) throws(FileSystemError) -> Verdict {
        if isDead { throw Self.crashed(path) }
        callCounts[call, default: 0] += 1
        if call.isEffect {
            effectCount += 1
            effectPathCounts[call, default: [:]][path, default: 0] += 1
            if effectCount == crashingEffect {
                isDead = true
                return .crashes(SeededGenerator(seed: seed &+ UInt64(effectCount), purpose: "crash"))
            }
        }
        var errno: Int32?
        for index in faults.indices where faults[index].fault.concerns(call, path) {
            faults[index].seenCount += 1
            let (fault, seenCount) = faults[index]
            if seenCount == fault.occurrence || (fault.isPermanent && seenCount > fault.occurrence) {
                errno = errno ?? fault.errno
            }
        }
        guard let errno else { return .happens }
        let error = FileSystemError(call: call.rawValue, path: path, errno: errno)
        return .fails(error, SeededGenerator(seed: seed &+ UInt64(effectCount), purpose: "failure of \(call.rawValue)"))
    }

    /// A call that happens whole or not at all.
    mutating func attempt<Value>(
        _ call: DiskCall, _ path: String, note: String = "",
        _ body: (inout DiskState) throws(FileSystemError) -> Value
    ) throws(FileSystemError) -> Value {
        switch try judge(call, path) {
        case .happens:
            let value = try body(&self)
            if call.isEffect { record(call, path, note) }
            return value
        case .crashes(var generator):
            let happened = generator.chance(1, outOf: 2)
            if happened { _ = try? body(&self) }
            record(call, path, note, happened ? "happens, then the crash" : "crashes")
            throw Self.crashed(path)
        case .fails(let error, _):
            record(call, path, note, "fails with \(error.errno)")
            throw error
        }
    }

    var effectCounts: [EffectKind: Int] {
        var counts: [EffectKind: Int] = [:]
        for (call, paths) in effectPathCounts {
            for (path, count) in paths { counts[EffectKind(call, path), default: 0] += count }
        }
        return counts
    }

    mutating func record(_ call: DiskCall, _ path: String, _ note: String = "", _ result: String = "") {
        guard recordsTrace else { return }
        trace.append("\(effectCount) \(call.rawValue) \(path) \(note) \(result)")
    }

    static func crashed(_ path: String) -> FileSystemError {
        FileSystemError(call: "crashed", path: path, errno: EIO)
    }

    // MARK: Files

    var usedByteCount: Int { inodes.reduce(0) { $0 + $1.byteCount } }

    mutating func add(_ inode: Inode, _ path: String) {
        names[path] = inode
        inodes.append(inode)
    }

    /// Forgets files that nothing leads to any more.
    mutating func collect() {
        inodes.removeAll { !$0.isLinked && $0.referenceCount == 0 }
    }

    mutating func write(_ bytes: [UInt8], to inode: Inode, _ path: String, at offset: Int) throws(FileSystemError) {
        let note = recordsTrace ? "@\(offset) +\(bytes.count) \(hexadecimal(bytes))" : ""
        switch try judge(.write, path) {
        case .happens: break
        case .crashes(var generator):
            let count = generator.integer(below: bytes.count + 1)
            inode.write(Array(bytes[..<count]), at: offset)
            record(.write, path, note, "crashes after \(count) bytes")
            throw Self.crashed(path)
        case .fails(let error, var generator):
            let count = generator.integer(below: bytes.count + 1)
            inode.write(Array(bytes[..<count]), at: offset)
            record(.write, path, note, "fails with \(error.errno) after \(count) bytes")
            throw error
        }
        guard offset >= 0, offset + bytes.count <= fileByteCountLimit else {
            throw FileSystemError(call: "write", path: path, errno: EFBIG, detail: "the simulation's limit")
        }
        let free = max(0, byteCountLimit - usedByteCount)
        let growth = offset + bytes.count - inode.byteCount
        guard growth <= free else {
            let count = max(0, min(bytes.count, inode.byteCount + free - offset))
            inode.write(Array(bytes[..<count]), at: offset)
            record(.write, path, note, "full after \(count) bytes")
            throw FileSystemError(call: "write", path: path, errno: ENOSPC)
        }
        inode.write(bytes, at: offset)
        record(.write, path, note)
    }

    mutating func synchronize(_ inode: Inode, _ path: String) throws(FileSystemError) {
        switch try judge(.synchronize, path) {
        case .happens:
            inode.synchronize()
            record(.synchronize, path)
        case .crashes(var generator):
            let happened = generator.chance(1, outOf: 2)
            if happened { inode.synchronize() }
            record(.synchronize, path, "", happened ? "happens, then the crash" : "crashes")
            throw Self.crashed(path)
        case .fails(let error, var generator):
            inode.failSynchronization(&generator)
            record(.synchronize, path, "", "fails with \(error.errno)")
            throw error
        }
    }

    private func hexadecimal(_ bytes: [UInt8]) -> String {
        String(bytes.withUnsafeBytes { $0.fingerprint }, radix: 16)
    }

    // MARK: From outside

    mutating func setContent(_ path: String, _ content: [UInt8]) {
        directories.insert(SimulatedDisk.parent(of: path))
        if let inode = names[path] {
            inode.replaceContent(content)
        } else {
            add(Inode(byteCountLimit: fileByteCountLimit, content: content), path)
        }
        operations.removeAll { $0.names.contains(path) }
        durableNames[path] = names[path]
    }

    mutating func remove(_ path: String) {
        names.removeValue(forKey: path)?.isLinked = false
        durableNames[path] = nil
        operations.removeAll { $0.names.contains(path) }
        collect()
    }

    // MARK: After a crash

    mutating func afterPowerLoss(seed: UInt64, mode: PowerLossMode) -> DiskState {
        isDead = true
        var generator = SeededGenerator(seed: seed, purpose: "power loss")
        let mode = mode.resolved(&generator)
        let survivors = DirectoryOperation.survivors(
            of: operations, on: durableNames, mode: mode, generator: &generator)
        var next = emptySuccessor(seed: seed)
        for (path, inode) in survivors {
            var survival = WriteSurvival(mode: mode, generator: SeededGenerator(seed: seed, purpose: path))
            let content = survival.survivors(of: inode.unsynchronized, on: inode.durable)
            next.add(Inode(byteCountLimit: fileByteCountLimit, content: content), path)
        }
        next.durableNames = next.names
        return next
    }

    func afterProcessCrash() -> DiskState {
        var next = emptySuccessor(seed: seed &+ 1)
        // A file can be known by several names at once, the visible one and those that a power failure may bring back.
        var copies: [ObjectIdentifier: Inode] = [:]
        func copy(_ inode: Inode) -> Inode {
            let copy = copies[ObjectIdentifier(inode)] ?? inode.copy()
            copies[ObjectIdentifier(inode)] = copy
            return copy
        }
        for (path, inode) in names { next.add(copy(inode), path) }
        next.durableNames = durableNames.mapValues(copy)
        next.operations = operations.map { operation in
            guard case .create(let name, let inode) = operation.change else { return operation }
            return DirectoryOperation(operation.directories, .create(name, copy(inode)))
        }
        return next
    }

    private func emptySuccessor(seed: UInt64) -> DiskState {
        var next = DiskState(
            seed: seed, byteCountLimit: byteCountLimit, fileByteCountLimit: fileByteCountLimit,
            recordsTrace: recordsTrace)
        next.directories = directories
        next.mappingsAreResident = mappingsAreResident
        return next
    }
}
