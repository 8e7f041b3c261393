internal import Glibc
internal import NIOCore
internal import NIOPosix

/// Accepts connections and gives each its handlers.
enum Listener {
    /// The most bytes that are read at once.
    static let receiveByteCountLimit = 64 << 10

    /// Binds and begins to accept. Connections are spread over the loops.
    static func bind(
        host: String,
        port: Int,
        backlog: Int,
        group: any EventLoopGroup,
        loops: [ServingLoop]
    ) async throws(ServerError) -> any Channel {
        let loopsByIdentity = Dictionary(uniqueKeysWithValues: loops.map { (ObjectIdentifier($0.eventLoop), $0) })
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: Int32(clamping: backlog))
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            // Accept in bursts: many clients reconnect at once after a restart.
            .serverChannelOption(.maxMessagesPerRead, value: 64)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            // One read for each turn bounds what a client can have processed or queued before others get theirs.
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(
                .recvAllocator,
                value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 1_024, maximum: receiveByteCountLimit)
            )
            .childChannelInitializer { channel in
                guard let loop = loopsByIdentity[ObjectIdentifier(channel.eventLoop)] else {
                    return channel.close()
                }
                return channel.eventLoop.makeCompletedFuture { try addHandlers(to: channel, of: loop) }
            }
        do {
            return try await bootstrap.bind(host: host, port: port).get()
        } catch {
            throw .cannotListen(host: host, port: port, reason: reason(of: error))
        }
    }

    private static func reason(of error: any Error) -> String {
        guard let error = error as? IOError, let text = strerror(error.errnoCode) else { return "\(error)" }
        return String(cString: text)
    }

    private static func addHandlers(to channel: any Channel, of loop: ServingLoop) throws {
        let connection = ConnectionHandler(loop: loop, admission: loop.shared.gate.enter())
        let plainRequests = PlainRequestReader(
            connection, headByteCountLimit: loop.shared.headByteCountLimit,
            bodyByteCountLimit: loop.shared.casualBodyByteCount, makeDecoder: loop.makeDecoder)
        try channel.pipeline.syncOperations.addHandler(plainRequests)
        try channel.pipeline.syncOperations.addHandler(connection)
    }
}
