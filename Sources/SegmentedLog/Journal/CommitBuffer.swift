/// Bytes that grow at their end, in one block of memory that is kept when they are cleared. Not thread-safe.
struct CommitBuffer: ~Copyable {
    private(set) var base: UnsafeMutableRawPointer
    private(set) var byteCount = 0
    private var capacity: Int

    init(capacity: Int) {
        base = .allocate(byteCount: capacity, alignment: 16)
        self.capacity = capacity
    }

    deinit { base.deallocate() }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: byteCount) }

    /// Makes room for `count` more bytes and returns where they go. Valid until the next call.
    mutating func extend(by count: Int) -> UnsafeMutableRawPointer {
        if byteCount + count > capacity { grow(to: byteCount + count) }
        defer { byteCount += count }
        return base + byteCount
    }

    /// Forgets the bytes, and gives memory back that an unusually large commit needed.
    mutating func clear(keepingAtMost capacityLimit: Int) {
        byteCount = 0
        if capacity > capacityLimit {
            base.deallocate()
            base = .allocate(byteCount: capacityLimit, alignment: 16)
            capacity = capacityLimit
        }
    }

    private mutating func grow(to needed: Int) {
        let newCapacity = max(needed, capacity * 2)
        let newBase = UnsafeMutableRawPointer.allocate(byteCount: newCapacity, alignment: 16)
        newBase.copyMemory(from: base, byteCount: byteCount)
        base.deallocate()
        base = newBase
        capacity = newCapacity
    }
}

/// A payload in memory of its own, handed to the log without being copied again.
public final class OwnedBytes: @unchecked Sendable {
    /// Written only by `init`; valid as long as this object lives.
    public let bytes: UnsafeRawBufferPointer

    /// Allocates `byteCount` bytes and lets `fill` write all of them.
    public init(byteCount: Int, fill: (UnsafeMutableRawBufferPointer) -> Void) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 16)
        fill(memory)
        bytes = UnsafeRawBufferPointer(memory)
    }

    deinit { bytes.deallocate() }
}

/// The bytes that an append adds to its stream.
public enum LogPayload {
    /// Nothing: only the annotation counts.
    case none
    /// These bytes, copied during the call, and then `terminator` if there is one. One entry.
    case borrowed(UnsafeRawBufferPointer, terminator: UInt8?)
    /// These bytes, kept until they are written. Cut into entries that end at `partEnds`, which rise and end with the
    /// byte count. All of them are in one commit.
    case owned(OwnedBytes, partEnds: [Int])

    /// Above this many bytes a copy under the log's lock would hold up other appends: use ``owned(_:partEnds:)``.
    public static let borrowedByteCountLimit = 128 << 10

    public var byteCount: Int {
        switch self {
        case .none: 0
        case .borrowed(let bytes, let terminator): bytes.count + (terminator == nil ? 0 : 1)
        case .owned(let owned, _): owned.bytes.count
        }
    }

    var entryCount: Int {
        switch self {
        case .none, .borrowed: 1
        case .owned(_, let partEnds): partEnds.count
        }
    }
}
