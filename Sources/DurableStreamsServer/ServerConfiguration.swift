public import DurableStreams
public import DurableStreamsHTTP

/// How a ``DurableStreamsServer`` listens, how much it takes in, and how patient it is. The defaults suit a server on
/// one machine behind nothing.
public struct ServerConfiguration: Sendable {
    /// The name or address to listen on.
    public var host = "127.0.0.1"
    /// The port to listen on; 0: any free one.
    public var port = 4437
    /// The directory of the store, created if it is not there.
    public var dataDirectory = "./durable-streams-data"
    /// How the store keeps what it is given, durability first of all.
    public var store = StoreConfiguration()
    /// How the protocol behaves.
    public var protocolConfiguration = ProtocolConfiguration()

    /// Threads that serve connections; `nil`: one for each core.
    public var eventLoopThreads: Int?
    /// Connections that the kernel keeps for us until they are accepted.
    public var backlog = 1_024
    /// Connections beyond this many are answered 503 and closed. `nil`: as many as the process may have open files,
    /// less some for the store, and at most 65,000.
    public var connectionLimit: Int?
    /// The memory that the request bodies of all connections may take together while they arrive. Bodies of up to
    /// 64 KiB are free. When it is used up, connections are read from more slowly. Never less than the longest body.
    public var bodyMemoryByteLimit = 256 << 20
    /// The most bytes of a request line and header fields together.
    public var headByteCountLimit = 64 << 10

    /// A request's line and fields have to arrive within this time of its first byte.
    public var headTimeoutMilliseconds = 30_000
    /// A connection without a request is closed after this time.
    public var idleTimeoutMilliseconds = 75_000
    /// A request's body has to make progress within this time.
    public var bodyTimeoutMilliseconds = 30_000
    /// A body waits for memory at most this long; then 503.
    public var bodyMemoryTimeoutMilliseconds = 60_000
    /// A client that has taken no byte of a response for this long is disconnected.
    public var stalledWriteTimeoutMilliseconds = 300_000
    /// After an answer that ends a connection early, what the client still sends is read and dropped for at most this
    /// long, so that it gets to see the answer.
    public var lingerTimeoutMilliseconds = 5_000
    /// What a graceful shutdown may take: running requests, then the store. Connections that are still open then are
    /// cut.
    public var shutdownMilliseconds = 10_000

    public init() {}
    /// Host and port as a client on the same machine would name them.
    var authority: String? {
        guard port != 0 else { return nil }
        return (host.contains(":") ? "[\(host)]" : host) + ":\(port)"
    }
}
