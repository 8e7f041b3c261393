internal import Dispatch
internal import Synchronization

/// A part of a ``BlockCache``, with a lock of its own that is never held while a block is decoded or freed.
final class BlockCacheShard: Sendable {
    private let state: Mutex<State>

    private struct State {
        let byteCountLimit: Int
        var blocks = RecencyList()
        var decodings: [BlockKey: BlockDecoding] = [:]
        var hitCount = 0
        var missCount = 0
    }

    enum Finding: Sendable {
        case block(DecodedBlock)
        /// Another thread is at it: wait for the decoding.
        case isDecoded(BlockDecoding)
        /// The caller has to decode it, and call ``BlockCacheShard/didDecode(_:_:_:blockByteCountLimit:)`` and then
        /// ``BlockDecoding/finish(_:)``.
        case mustDecode(BlockDecoding)
    }

    init(byteCountLimit: Int) {
        state = Mutex(State(byteCountLimit: byteCountLimit))
    }

    func find(_ key: BlockKey) -> Finding {
        state.withLock { state in
            if let block = state.blocks.use(key) {
                state.hitCount += 1
                return .block(block)
            }
            if let decoding = state.decodings[key] {
                state.hitCount += 1
                return .isDecoded(decoding)
            }
            state.missCount += 1
            let decoding = BlockDecoding()
            state.decodings[key] = decoding
            return .mustDecode(decoding)
        }
    }

    /// Keeps the block, if there is one and it is not too large, unless its segment was removed meanwhile.
    func didDecode(_ key: BlockKey, _ decoding: BlockDecoding, _ block: DecodedBlock?, blockByteCountLimit: Int) {
        // What had to go is freed after the lock.
        _ = state.withLock { state -> [DecodedBlock] in
            guard state.decodings[key] === decoding else { return [] }
            state.decodings[key] = nil
            guard let block, block.byteCount <= blockByteCountLimit else { return [] }
            state.blocks.insert(key, block)
            var evicted: [DecodedBlock] = []
            while state.blocks.byteCount > state.byteCountLimit, let block = state.blocks.removeOldest() {
                evicted.append(block)
            }
            return evicted
        }
    }

    func contains(_ key: BlockKey) -> Bool {
        state.withLock { $0.blocks.contains(key) }
    }

    func removeAll(ofSegment segment: UInt64) {
        _ = state.withLock { state in
            // Whoever is decoding a block of it goes on, for those who wait, but what comes of it is not kept.
            state.decodings = state.decodings.filter { $0.key.segment != segment }
            return state.blocks.removeAll { $0.segment == segment }
        }
    }

    var statistics: (hitCount: Int, missCount: Int, byteCount: Int) {
        state.withLock { ($0.hitCount, $0.missCount, $0.blocks.byteCount) }
    }
}

/// A block that one thread decodes and others may wait for.
final class BlockDecoding: Sendable {
    private let state = Mutex(State())
    private let isDone = DispatchSemaphore(value: 0)

    private struct State {
        var result: Result<DecodedBlock, LogReadError>?
        var waiterCount = 0
    }

    func wait() -> Result<DecodedBlock, LogReadError> {
        let early = state.withLock { state in
            if state.result == nil { state.waiterCount += 1 }
            return state.result
        }
        if let early { return early }
        isDone.wait()
        return state.withLock { $0.result! }
    }

    func finish(_ result: Result<DecodedBlock, LogReadError>) {
        let waiterCount = state.withLock { state in
            state.result = result
            return state.waiterCount
        }
        for _ in 0..<waiterCount { isDone.signal() }
    }
}

/// Blocks in the order of their last use. All operations but removing those of a segment take constant time. Not
/// thread-safe.
struct RecencyList {
    /// The slots are linked in a ring. Slot 0 has no block: the newest block is older than it, and it is older than the
    /// oldest one.
    private var slots = [Slot(newer: 0, older: 0)]
    private var free: [Int] = []
    private var slotOfKey: [BlockKey: Int] = [:]
    /// The memory that the blocks take.
    private(set) var byteCount = 0

    private struct Slot {
        var key = BlockKey(segment: 0, index: 0)
        var block: DecodedBlock?
        var newer: Int
        var older: Int
    }

    func contains(_ key: BlockKey) -> Bool { slotOfKey[key] != nil }

    /// The block, which is the newest from now on.
    mutating func use(_ key: BlockKey) -> DecodedBlock? {
        guard let slot = slotOfKey[key] else { return nil }
        unlink(slot)
        linkAsNewest(slot)
        return slots[slot].block
    }

    /// Adds a block that is not there, as the newest.
    mutating func insert(_ key: BlockKey, _ block: DecodedBlock) {
        let slot = free.popLast() ?? slots.count
        if slot == slots.count { slots.append(Slot(newer: 0, older: 0)) }
        slots[slot].key = key
        slots[slot].block = block
        let replaced = slotOfKey.updateValue(slot, forKey: key)
        precondition(replaced == nil)
        byteCount += block.byteCount
        linkAsNewest(slot)
    }

    mutating func removeOldest() -> DecodedBlock? {
        let oldest = slots[0].newer
        return oldest == 0 ? nil : remove(oldest)
    }

    mutating func removeAll(where isRemoved: (BlockKey) -> Bool) -> [DecodedBlock] {
        let removed = slotOfKey.filter { isRemoved($0.key) }.values
        return removed.map { remove($0)! }
    }

    private mutating func remove(_ slot: Int) -> DecodedBlock? {
        unlink(slot)
        slotOfKey[slots[slot].key] = nil
        free.append(slot)
        byteCount -= slots[slot].block?.byteCount ?? 0
        return slots[slot].block.take()
    }

    private mutating func linkAsNewest(_ slot: Int) {
        let second = slots[0].older
        slots[slot].newer = 0
        slots[slot].older = second
        slots[second].newer = slot
        slots[0].older = slot
    }

    private mutating func unlink(_ slot: Int) {
        let (newer, older) = (slots[slot].newer, slots[slot].older)
        slots[newer].older = older
        slots[older].newer = newer
    }
}
