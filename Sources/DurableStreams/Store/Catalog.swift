internal import SegmentedLog
internal import Synchronization

/// Which stream is at which path, pending creations and deletions included. In shards, so that growing one of the
/// tables holds nobody up for long.
final class Catalog: Sendable {
    private static let shardCount = 64
    private let shards: [Shard]
    /// Those that may expire, so that looking for expired ones does not cost a look at all the others.
    private let mortals = Mutex<[StreamNumber: Stream]>([:])
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
        shard(path).streams.withLock { streams in
            let result = body(&streams[path])
            if let stream = streams[path] { note(stream) }
            return result
        }
    }

    func insert(_ stream: Stream) {
        shard(stream.path).streams.withLock { $0[stream.path] = stream }
        note(stream)
    }

    private func note(_ stream: Stream) {
        if stream.lifetime != nil { mortals.withLock { $0[stream.number] = stream } }
    }

    /// Removes a stream, unless another one has taken its path.
    func remove(_ stream: Stream) {
        shard(stream.path).streams.withLock { streams in
            if streams[stream.path] === stream { streams[stream.path] = nil }
        }
        if stream.lifetime != nil { mortals.withLock { _ = $0.removeValue(forKey: stream.number) } }
    }

    /// The streams that have a lifetime, to look for expired ones.
    func streamsWithLifetime() -> [Stream] { mortals.withLock { Array($0.values) } }

    func configuration(for request: CreateRequest) -> StreamConfiguration {
        configurations.withLock { $0.configuration(for: request) }
    }

    private func shard(_ path: StreamPath) -> Shard {
        shards[Int(UInt(bitPattern: path.hashValue) % UInt(Self.shardCount))]
    }
}
