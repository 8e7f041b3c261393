public import DurableStreams
internal import DurableStreamsHTTP
public import Logging
public import NIOCore
internal import NIOPosix
public import ServiceLifecycle
internal import Synchronization

/// A Durable Streams server: opens a store, listens, and serves the protocol over HTTP/1.1.
///
/// Run it in a `ServiceGroup`, or by ``start()`` and ``stop()``.
public final class DurableStreamsServer: Service, Sendable {
    public let configuration: ServerConfiguration
    private let logger: Logger
    private let phase = Mutex(Phase.new)

    private enum Phase {
        case new
        case starting
        case running(RunningServer)
        case stopped(StreamStore?)
    }

    /// Checks the configuration; opens nothing yet.
    public init(configuration: ServerConfiguration, logger: Logger) throws {
        try configuration.validate()
        self.configuration = configuration
        self.logger = logger
    }

    /// The store behind the server. Only once it has been started.
    public var store: StreamStore {
        let store: StreamStore? = phase.withLock { phase in
            switch phase {
            case .running(let running): running.store
            case .stopped(let store): store
            case .new, .starting: nil
            }
        }
        guard let store else { preconditionFailure("the server has to be started before its store can be used") }
        return store
    }

    /// Opens the store and begins to serve. Returns the address, of which the port may have been left to the system.
    @discardableResult
    public func start() async throws -> SocketAddress {
        let isNew = phase.withLock { phase in
            guard case .new = phase else { return false }
            phase = .starting
            return true
        }
        guard isNew else { throw ServerError.alreadyStarted }
        do {
            let running = try await RunningServer.start(configuration, logger: logger)
            phase.withLock { $0 = .running(running) }
            return running.address
        } catch {
            phase.withLock { $0 = .stopped(nil) }
            throw error
        }
    }

    /// Stops accepting, lets running requests finish, ends live readers, and closes the store. Within
    /// ``ServerConfiguration/shutdownMilliseconds``; at once, with what is running cut, if the task is cancelled.
    public func stop() async {
        let running = phase.withLock { phase -> RunningServer? in
            guard case .running(let running) = phase else { return nil }
            phase = .stopped(running.store)
            return running
        }
        await running?.stop()
    }

    /// Serves until the service group shuts down.
    public func run() async throws {
        try await start()
        // Thrown when the task is cancelled, which only means to be quicker about the same.
        try? await gracefulShutdown()
        await stop()
    }
}

extension ServerConfiguration {
    /// Throws for what can't work; ``DurableStreamsServer`` asks this first.
    public func validate() throws(ServerError) {
        func require(_ condition: Bool, _ reason: String) throws(ServerError) {
            guard condition else { throw .invalidConfiguration(reason: reason) }
        }
        try require((0...65_535).contains(port), "the port has to be from 0 to 65535")
        try require((eventLoopThreads ?? 1) > 0, "there has to be at least one thread")
        try require((connectionLimit ?? 1) > 0, "there has to be at least one connection")
        try require(backlog > 0, "the backlog has to be at least 1")
        try require(headByteCountLimit >= 1_024, "the limit of a request's head has to be at least 1,024 bytes")
        let day = 86_400_000
        let times = [
            headTimeoutMilliseconds, idleTimeoutMilliseconds, bodyTimeoutMilliseconds, bodyMemoryTimeoutMilliseconds,
            stalledWriteTimeoutMilliseconds, lingerTimeoutMilliseconds,
            protocolConfiguration.eventStreamKeepAliveMilliseconds,
        ]
        try require(times.allSatisfy { (1...day).contains($0) }, "a timeout has to be from 1 ms to a day")
        let waits = [
            protocolConfiguration.longPollTimeoutMilliseconds, protocolConfiguration.eventStreamDurationMilliseconds,
            shutdownMilliseconds,
        ]
        try require(waits.allSatisfy { (0...day).contains($0) }, "a time has to be from 0 ms to a day")
        try require(protocolConfiguration.cursorIntervalSeconds > 0, "the cursor's interval has to be at least 1 s")
        let base = protocolConfiguration.basePath
        try require(base.hasPrefix("/") && base.hasSuffix("/"), "the base path has to begin and end with a slash")
        try require(!HealthEndpoint.path.hasPrefix(base), "the base path would hide \(HealthEndpoint.path)")
        try require(
            (1...(1 << 30)).contains(protocolConfiguration.bodyByteCountLimit),
            "the limit of a body has to be from 1 byte to 1 GiB")
        try require(protocolConfiguration.bodyCacheByteCountLimit >= 0, "the memory for bodies can't be negative")
        try require(protocolConfiguration.chunkByteCountLimit > 0, "the limit of a chunk has to be at least 1 byte")
    }
}
