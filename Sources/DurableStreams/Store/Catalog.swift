internal import SegmentedLog
internal import Synchronization

/// Which stream is at which path, pending creations and deletions included. In shards, so that growing one of the
/// tables, or going through it, holds nobody up for long: with a million streams a shard has about 4,000.
final class Catalog: Sendable {
    private static let shardCount = 256
    private let shards: [Shard]

    private final class Shard: Sendable {
        let streams = Mutex(PathTable<Stream>())
    }

    init() { shards = (0..<Self.shardCount).map { _ in Shard() } }

    subscript(path: StreamPath) -> Stream? {
        path.withBytes { bytes in
            let (shard, hash) = place(of: bytes)
            return shard.streams.withLock { streams in
                streams.place(of: bytes, hash: hash).map { streams[$0] }
            }
        }
    }

    /// Looks at what is at a path and may put another stream there, with nobody in between. Takes nothing away.
    func update<Result: Sendable>(
        _ path: StreamPath, _ body: (inout Stream?) -> Result
    ) -> Result {
        path.withBytes { bytes in
            let (shard, hash) = place(of: bytes)
            return shard.streams.withLock { streams in
                let place = streams.place(of: bytes, hash: hash)
                var stream = place.map { streams[$0] }
                let result = body(&stream)
                guard let stream else { return result }
                if let place { streams[place] = stream } else { streams.insert(stream, hash: hash) }
                return result
            }
        }
    }

    /// Adds a stream that was read back from the log. Of two at one path only the newer is in the catalog afterwards; the
    /// other one is returned.
    func insert(_ stream: Stream) -> Stream? {
        stream.withPathBytes { bytes in
            let (shard, hash) = place(of: bytes)
            return shard.streams.withLock { streams in
                guard let place = streams.place(of: bytes, hash: hash) else {
                    streams.insert(stream, hash: hash)
                    return nil
                }
                let other = streams[place]
                guard other.number.rawValue < stream.number.rawValue else { return stream }
                streams[place] = stream
                return other
            }
        }
    }

    /// Removes a stream, unless another one has taken its path.
    func remove(_ stream: Stream) {
        stream.withPathBytes { bytes in
            let (shard, hash) = place(of: bytes)
            shard.streams.withLock { streams in
                guard let place = streams.place(of: bytes, hash: hash), streams[place] === stream else { return }
                streams.remove(at: place)
            }
        }
    }

    /// Calls back with every stream that is wanted, in no particular order. One that is there all the while is met
    /// exactly once. `isWanted` is called under a shard's lock, so it must be quick and must not call the catalog.
    func forEach(where isWanted: (Stream) -> Bool, _ body: (Stream) -> Void) {
        for shard in shards {
            let wanted = shard.streams.withLock { streams in
                var wanted: [Stream] = []
                streams.forEach { if isWanted($0) { wanted.append($0) } }
                return wanted
            }
            wanted.forEach(body)
        }
    }

    /// Lets go of all streams, which hold the store that holds them.
    func removeAll() {
        var forks: [Stream] = []
        forEach(where: { $0.configuration.fork != nil }) { forks.append($0) }
        for shard in shards { shard.streams.withLock { $0 = PathTable() } }
        // One by one, each before its source, so that long chains do not end each other in each other's deinitializers.
        forks.sort { $0.number.rawValue < $1.number.rawValue }
        while forks.popLast() != nil {}
    }

    private func place(of path: UnsafeRawBufferPointer) -> (shard: Shard, hash: UInt32) {
        // Seeded anew in every process: whoever chooses the paths can not make them collide.
        var hasher = Hasher()
        hasher.combine(bytes: path)
        let hash = UInt64(bitPattern: Int64(hasher.finalize()))
        let low = UInt32(truncatingIfNeeded: hash)
        return (shards[Int(hash >> 56)], low == 0 ? 1 : low)
    }
}
