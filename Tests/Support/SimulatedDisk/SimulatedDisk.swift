public import SegmentedLog
internal import Synchronization

/// A disk in memory that loses, tears and refuses what a real one may.
///
/// # Fault model
///
/// **Files.** A file has content that would survive a power failure, and a list of the writes since then, in order.
/// `synchronize` makes exactly the writes to that file durable. Reads and mappings see everything that was written
/// (the page cache). Nothing else touches synchronized bytes: a write that is torn does no harm to its neighbours, and
/// writing again what is already durable at that place changes nothing there, whatever becomes of the write. (A disk
/// writes whole sectors, so that the end of a log is written again with every append.)
///
/// **Directories.** Creating, renaming and unlinking is visible at once and durable after `synchronizeDirectory` of
/// that directory. Synchronizing a file makes its content durable and not its name. The content of a file that was
/// unlinked without synchronization can come back whole. `createDirectory` is durable at once.
///
/// **Power failure** (``powerLoss(seed:mode:)``). Each write that was not synchronized is, independently of the others
/// (so a later one may be found without an earlier one): kept; lost; torn at any byte, its beginning kept; kept only in
/// some of its sectors; garbled by random bytes in all or part of its range; or lost with the file grown to the size
/// it would have had. Of the directory operations, depending on the seed, the first so many are kept (as ext4's
/// metadata journal does), or each on its own, where only operations on the same name keep their order. Content and
/// names are decided independently: a new name may lead to a file that has no content. A rename between two directories
/// happens in one step; it is durable when both are synchronized.
///
/// **End of the process** (``processCrash()``). Everything that was written is there, as unsynchronized as before.
///
/// Both leave the old disk dead: every call on it, and on the files opened from it, fails with the call `crashed`;
/// what was mapped stays readable. They may be asked for several times, each giving another disk with the same past.
/// The new disk has no locks, no faults planned, and the space in use that its files have.
///
/// **Crash at an effect** (``crash(atEffect:)``). The effect with that number is cut short (a write: any beginning of
/// it may have happened; everything else happened or did not) and the disk is dead from then on.
///
/// **Failing calls** (``inject(_:)``): see ``DiskFault``.
///
/// **Full disk** (``byteCountLimit``). The bytes of all files together have a limit. A file takes as many as its size,
/// zeros too; overwriting takes none. A write that does not fit is cut where the space ends and fails with ENOSPC. The
/// space of an unlinked file is free once it is no longer open or mapped.
///
/// # Determinism
///
/// Everything random follows from the seed, and for each file from its path, so that the same calls in the same order
/// have the same results. Calls are safe from any thread; what is drawn at a crash does not depend on how threads that
/// work on different files took turns.
public final class SimulatedDisk: FileSystem {
    let state: Mutex<DiskState>
    private let gate = Gate()

    /// - Parameters:
    ///   - byteCountLimit: How many bytes all files together can have.
    ///   - fileByteCountLimit: How many bytes a file can have. Address space of this size is reserved for each.
    ///   - recordsTrace: Whether ``trace`` is kept; it costs more than the rest of the simulation.
    public init(
        seed: UInt64, byteCountLimit: Int = .max, fileByteCountLimit: Int = 8 << 20, recordsTrace: Bool = true
    ) {
        state = Mutex(
            DiskState(
                seed: seed, byteCountLimit: byteCountLimit, fileByteCountLimit: fileByteCountLimit,
                recordsTrace: recordsTrace))
    }

    private init(state: consuming sending DiskState) {
        self.state = Mutex(state)
    }

    // MARK: Crashing

    /// Cuts the effect with this number short, counted from 1 since the disk was made, and every call after it.
    public func crash(atEffect number: Int) {
        state.withLock { $0.crashingEffect = number }
    }

    /// Whether a crash has happened: every call fails.
    public var isDead: Bool { state.withLock { $0.isDead } }

    /// The disk that is found when the power is back. This one is dead from now on.
    public func powerLoss(seed: UInt64, mode: PowerLossMode = .seeded) -> SimulatedDisk {
        let disk = SimulatedDisk(state: state.withLock { $0.afterPowerLoss(seed: seed, mode: mode) })
        gate.hold([])
        return disk
    }

    /// The disk that the next process finds after this one was killed. This one is dead from now on.
    public func processCrash() -> SimulatedDisk {
        let disk = SimulatedDisk(
            state: state.withLock { state in
                state.isDead = true
                return state.afterProcessCrash()
            })
        gate.hold([])
        return disk
    }

    /// A disk like the one that the next process would find. This one lives on.
    public func processCopy() -> SimulatedDisk {
        SimulatedDisk(state: state.withLock { $0.afterProcessCrash() })
    }

    // MARK: Failing

    public func inject(_ fault: DiskFault) {
        state.withLock { $0.faults.append((fault, 0)) }
    }

    /// Takes back all faults that were injected.
    public func clearFaults() {
        state.withLock { $0.faults = [] }
    }

    /// How many bytes all files together can have. May be set below what is in use.
    public var byteCountLimit: Int {
        get { state.withLock { $0.byteCountLimit } }
        set { state.withLock { $0.byteCountLimit = newValue } }
    }

    /// The bytes of all files together.
    public var usedByteCount: Int { state.withLock { $0.usedByteCount } }

    /// What mappings answer when they are asked whether reading would wait.
    public var mappingsAreResident: Bool {
        get { state.withLock { $0.mappingsAreResident } }
        set { state.withLock { $0.mappingsAreResident = newValue } }
    }

    /// Calls of these kinds wait, before they do anything, until ``letThrough()``,
    /// ``powerLoss(seed:mode:)`` or ``processCrash()``.
    public func hold(_ calls: Set<DiskCall>) { gate.hold(calls) }

    /// Waits until so many calls are held.
    public func waitUntilHeld(_ count: Int = 1) { gate.waitUntilHeld(count) }

    public func letThrough() { gate.hold([]) }

    // MARK: Watching

    /// The calls so far, those that fail too.
    public func callCount(_ call: DiskCall) -> Int { state.withLock { $0.callCounts[call, default: 0] } }

    /// The effects so far.
    public var effectCount: Int { state.withLock { $0.effectCount } }

    /// The effects so far, by what was done to which kind of file.
    public var effectCounts: [EffectKind: Int] { state.withLock { $0.effectCounts } }

    /// The effects so far, each with its number, its operands and a fingerprint of the bytes.
    public var trace: [String] { state.withLock { $0.trace } }

    /// The writes to a file that a power failure could take.
    public func unsynchronizedWriteCount(_ path: String) -> Int {
        state.withLock { $0.names[path]?.unsynchronized.count ?? 0 }
    }

    // MARK: From outside

    /// The paths of all files, in order.
    public var paths: [String] { state.withLock { $0.names.keys.sorted() } }

    /// What is in a file; nil if there is none.
    public func content(_ path: String) -> [UInt8]? { state.withLock { $0.names[path]?.content } }

    /// Puts a file there, or replaces its content, durably and without any call being counted. Only on a disk on which
    /// nothing is mapped.
    public func setContent(_ path: String, _ content: [UInt8]) {
        state.withLock { $0.setContent(path, content) }
    }

    /// Changes bytes of a file in place, durably, as damage does: mappings see it.
    public func damage(_ path: String, at offset: Int, _ change: (UInt8) -> UInt8 = { ~$0 }) {
        state.withLock { state in
            guard let inode = state.names[path], offset < inode.byteCount else {
                preconditionFailure("\(path) has no byte \(offset)")
            }
            inode.damage(at: offset, change)
        }
    }

    /// Removes a file, durably.
    public func remove(_ path: String) {
        state.withLock { $0.remove(path) }
    }

    // MARK: Inside

    /// Lets a call through the gate, and then happen.
    func perform<Value: Sendable>(
        _ call: DiskCall, _ body: (inout sending DiskState) throws(FileSystemError) -> sending Value
    ) throws(FileSystemError) -> Value {
        gate.pass(call)
        return try state.withLock(body)
    }
}
