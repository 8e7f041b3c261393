/// Decoded blocks of sealed segments, at most so many bytes of them. Those that were used least recently go first. Safe
/// to use from any thread; whoever asks for a block that another thread is decoding waits for that one.
///
/// The cache is cut into shards, each with a lock and an equal share of the bytes, so that readers seldom meet at a
/// lock. A small cache is one shard: a share must hold several of the largest blocks.
final class BlockCache: Sendable {
    private let shards: [BlockCacheShard]
    /// Blocks above this are not kept: one of them would drive out too many others.
    private let blockByteCountLimit: Int

    static let shardCountLimit = 16
    static let shardByteCountMinimum = 1 << 20

    /// - Parameter byteCountLimit: The most memory that the blocks in it take, in bytes. Blocks that are still in use
    ///   after they had to go count no more.
    init(byteCountLimit: Int) {
        precondition(byteCountLimit >= 0)
        var shardCount = 1
        while shardCount < Self.shardCountLimit, byteCountLimit / (2 * shardCount) >= Self.shardByteCountMinimum {
            shardCount *= 2
        }
        let shardByteCountLimit = byteCountLimit / shardCount
        shards = (0..<shardCount).map { _ in BlockCacheShard(byteCountLimit: shardByteCountLimit) }
        blockByteCountLimit = byteCountLimit / 8
    }

    /// A block of a segment, decoded now unless it is there. May wait for the disk, or for another thread that does. A
    /// fault is told to all who wait for the block, and forgotten.
    func block(_ index: Int, of segment: SealedSegment) throws(LogReadError) -> DecodedBlock {
        let key = BlockKey(segment: segment.serialNumber, index: index)
        let shard = shard(of: key)
        switch shard.find(key) {
        case .block(let block): return block
        case .isDecoded(let decoding): return try decoding.wait().get()
        case .mustDecode(let decoding):
            let result = Result { () throws(LogReadError) in try segment.decode(segment.block(at: index)) }
            shard.didDecode(key, decoding, try? result.get(), blockByteCountLimit: blockByteCountLimit)
            decoding.finish(result)
            return try result.get()
        }
    }

    /// Whether the block is there now. Is no use of it.
    func contains(_ index: Int, of segment: SealedSegment) -> Bool {
        let key = BlockKey(segment: segment.serialNumber, index: index)
        return shard(of: key).contains(key)
    }

    /// Forgets all blocks of a segment that nobody will ask for again. Takes time in proportion to the blocks in the
    /// cache.
    func removeAll(of segment: SealedSegment) {
        for shard in shards { shard.removeAll(ofSegment: segment.serialNumber) }
    }

    /// How often a block was there already (or was being decoded), how often one had to be decoded, and the memory
    /// that the blocks take, in bytes.
    var statistics: (hitCount: Int, missCount: Int, byteCount: Int) {
        var sum = (hitCount: 0, missCount: 0, byteCount: 0)
        for shard in shards {
            let statistics = shard.statistics
            sum.hitCount += statistics.hitCount
            sum.missCount += statistics.missCount
            sum.byteCount += statistics.byteCount
        }
        return sum
    }

    private func shard(of key: BlockKey) -> BlockCacheShard {
        // Neighbouring blocks go to different shards. The same in every process, so that a simulation can be repeated.
        let mixed = (key.segment &* 0x9E37_79B9_7F4A_7C15 ^ UInt64(key.index)) &* 0xD6E8_FEB8_6659_FD93
        return shards[Int(mixed >> 32) & (shards.count - 1)]
    }
}

/// One block of one opened segment.
struct BlockKey: Hashable, Sendable {
    /// ``SealedSegment/serialNumber``
    var segment: UInt64
    var index: Int
}
