internal import Synchronization

/// Which stream is at which path, pending creations and deletions included. In shards, so that growing one of the
/// tables holds nobody up for long.
final class Catalog: Sendable {
    private static let shardCount = 64
    private let shards: [Shard]
    private let configurations = Mutex(StreamConfigurationTable())

    private final class Shard: Sendable {
        let streams = Mutex<[StreamPath: Stream]>([:])
    }

    init() { shards = (0..<Self.shardCount).map { _ in Shard() } }

    subscript(path: StreamPath) -> Stream? { shard(path).streams.withLock { $0[path] } }

    /// Looks at what is at a path and may put another stream there, with nobody in between.
    func update<Result: Sendable>(
        _ path: StreamPath, _ body: (inout Stream?) -> Result
    ) -> Result {
        shard(path).streams.withLock { body(&$0[path]) }
    }

    func insert(_ stream: Stream) { shard(stream.path).streams.withLock { $0[stream.path] = stream } }

    /// Removes a stream, unless another one has taken its path.
    func remove(_ stream: Stream) {
        shard(stream.path).streams.withLock { streams in
            if streams[stream.path] === stream { streams[stream.path] = nil }
        }
    }

    /// The streams that have a lifetime, to look for expired ones.
    func streamsWithLifetime() -> [Stream] {
        shards.flatMap { shard in
            shard.streams.withLock { streams in streams.values.filter { $0.lifetime != nil } }
        }
    }

    func configuration(for request: CreateRequest) -> StreamConfiguration {
        configurations.withLock { $0.configuration(for: request) }
    }

    private func shard(_ path: StreamPath) -> Shard {
        shards[Int(UInt(bitPattern: path.hashValue) % UInt(Self.shardCount))]
    }
}
