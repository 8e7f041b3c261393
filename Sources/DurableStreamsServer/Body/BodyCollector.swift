internal import NIOCore

/// The body of one request as it arrives.
///
/// A body that comes in one part is handed on as the slice of the receive buffer that it is. One that comes in several
/// is copied together into a buffer that grows with what has arrived, never with what was merely announced.
struct BodyCollector {
    /// Bodies up to this size are not counted against the memory that all bodies share.
    static let freeByteCount = 64 << 10

    private(set) var bytes: ByteBuffer?
    /// `bytes` is a buffer of our own, not a slice of a receive buffer.
    private var isOwned = false
    /// The most that can still be useful: the announced length or the limit.
    var byteCountLimit: Int

    init(byteCountLimit: Int) {
        self.byteCountLimit = byteCountLimit
    }

    /// The capacity that the buffer has to grow to before a part of this size can be added; 0 if it needs none.
    func capacityNeeded(forPartOf byteCount: Int) -> Int {
        guard let bytes else { return 0 }
        let total = bytes.readableBytes + byteCount
        if isOwned && total <= bytes.storageCapacity { return 0 }
        return Self.capacity(forByteCount: max(total, min(2 * total, byteCountLimit)))
    }

    /// A ByteBuffer's capacities are powers of two.
    static func capacity(forByteCount byteCount: Int) -> Int {
        byteCount <= 1 ? 1 : 1 << (Int.bitWidth - (byteCount - 1).leadingZeroBitCount)
    }

    /// Adds a part.
    /// - Parameter capacity: what ``capacityNeeded(forPartOf:)`` said; the caller has made sure that it may be had.
    mutating func append(_ part: ByteBuffer, growingTo capacity: Int, allocator: ByteBufferAllocator) {
        guard var collected = bytes.take() else {
            bytes = part
            return
        }
        if !isOwned {
            var owned = allocator.buffer(capacity: capacity)
            owned.writeImmutableBuffer(collected)
            collected = owned
            isOwned = true
        } else if capacity > 0 {
            collected.reserveCapacity(capacity)
        }
        collected.writeImmutableBuffer(part)
        bytes = collected
    }
}
