internal import DurableStreams
internal import DurableStreamsHTTP
internal import Logging
internal import NIOCore
internal import NIOPosix

/// What a started server consists of, and how it is taken down again.
struct RunningServer: Sendable {
    let configuration: ServerConfiguration
    let logger: Logger
    let store: StreamStore
    let service: ProtocolService
    let gate: ConnectionGate
    let group: MultiThreadedEventLoopGroup
    let loops: [ServingLoop]
    let listener: any Channel
    let address: SocketAddress

    static func start(_ configuration: ServerConfiguration, logger: Logger) async throws -> RunningServer {
        let store = try await openStore(configuration, logger: logger)
        let threads = configuration.eventLoopThreads ?? System.coreCount
        let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        do {
            return try await start(configuration, logger: logger, store: store, group: group)
        } catch {
            await close(store)
            try? await group.shutdownGracefully()
            throw error
        }
    }

    private static func start(
        _ configuration: ServerConfiguration,
        logger: Logger,
        store: StreamStore,
        group: MultiThreadedEventLoopGroup
    ) async throws -> RunningServer {
        var protocolConfiguration = configuration.protocolConfiguration
        protocolConfiguration.fallbackHost = protocolConfiguration.fallbackHost ?? configuration.authority
        let service = ProtocolService(store: store, configuration: protocolConfiguration)
        let gate = ConnectionGate(limit: configuration.connectionLimit ?? ConnectionGate.limitOfOpenFiles())
        let bodyByteCountLimit = configuration.protocolConfiguration.bodyByteCountLimit
        let shared = ServerShared(
            store: store,
            service: service,
            // The longest body has to fit, capacities being powers of two.
            bodyMemory: BodyMemory(byteLimit: max(configuration.bodyMemoryByteLimit, 2 * bodyByteCountLimit)),
            gate: gate,
            metrics: ServerMetrics(durability: "\(store.statistics.durability)"),
            timeouts: ConnectionTimeouts(configuration),
            headByteCountLimit: configuration.headByteCountLimit,
            logger: logger,
            casualBodyByteCount: min(BodyCollector.freeByteCount, bodyByteCountLimit)
        )
        let loops = group.makeIterator().enumerated().map { index, eventLoop in
            ServingLoop(eventLoop: eventLoop, shared: shared, isFirst: index == 0)
        }
        let listener = try await Listener.bind(
            host: configuration.host, port: configuration.port, backlog: configuration.backlog, group: group,
            loops: loops)
        for loop in loops { loop.eventLoop.execute { loop.start() } }
        guard let address = listener.localAddress else {
            throw ServerError.cannotListen(host: configuration.host, port: configuration.port, reason: "no address")
        }
        let running = RunningServer(
            configuration: configuration, logger: logger, store: store, service: service, gate: gate, group: group,
            loops: loops, listener: listener, address: address)
        running.announce()
        return running
    }

    private func announce() {
        let host = address.ipAddress.map { $0.contains(":") ? "[\($0)]" : $0 } ?? configuration.host
        let basePath = configuration.protocolConfiguration.basePath
        let statistics = store.statistics
        logger.info(
            "serving http://\(host):\(address.port ?? configuration.port)\(basePath)",
            metadata: [
                "data-directory": "\(configuration.dataDirectory)",
                "durability": "\(statistics.durability)",
                "streams": "\(statistics.streamCount)",
                "threads": "\(loops.count)",
                "connection-limit": "\(gate.limit)",
            ])
    }
}

// MARK: Store

extension RunningServer {
    /// Opening reads the log: it blocks, so it gets a thread.
    private static func openStore(_ configuration: ServerConfiguration, logger: Logger) async throws -> StreamStore {
        var storeConfiguration = configuration.store
        // Whatever the protocol lets in has to fit.
        storeConfiguration.appendByteCountLimit = max(
            storeConfiguration.appendByteCountLimit, configuration.protocolConfiguration.bodyByteCountLimit)
        let configuredHandler = storeConfiguration.eventHandler
        storeConfiguration.eventHandler = { event in
            logger.log(event)
            configuredHandler(event)
        }
        return try await NIOThreadPool.singleton.runIfActive { [storeConfiguration] in
            try StreamStore.open(directory: configuration.dataDirectory, configuration: storeConfiguration)
        }
    }

    /// Drains and syncs: it blocks, so it gets a thread. In a task of its own, since a cancelled one gets none.
    private static func close(_ store: StreamStore) async {
        await Task { try? await NIOThreadPool.singleton.runIfActive { store.close() } }.value
    }
}

// MARK: Shutdown

extension RunningServer {
    /// What of the time for a shutdown is left for the store.
    private static let storeShareMilliseconds = 2_000

    func stop() async {
        let began = NIODeadline.now()
        let patience = max(configuration.shutdownMilliseconds - Self.storeShareMilliseconds, 0)
        logger.info("shutting down", metadata: ["connections": "\(gate.connectionCount)"])
        try? await listener.close().get()
        // First, so that the answers that the service then gives to live readers say that they are the last.
        for loop in loops { try? await loop.eventLoop.submit { loop.drain() }.get() }
        service.shutDown()
        let isDrained = await drainConnections(until: began + .milliseconds(Int64(patience)))
        let cutCount = gate.connectionCount
        for loop in loops { try? await loop.eventLoop.submit { loop.stop() }.get() }
        await Self.close(store)
        let statistics = store.statistics
        try? await group.shutdownGracefully()
        logger.info(
            "stopped",
            metadata: [
                "drained": "\(isDrained)",
                "connections-cut": "\(isDrained ? 0 : cutCount)",
                "commits": "\(statistics.commitCount)",
                "syncs": "\(statistics.syncCount)",
                "appends": "\(statistics.entryCount)",
                "milliseconds": "\((NIODeadline.now() - began).nanoseconds / 1_000_000)",
            ])
    }

    /// Returns whether all connections have closed by themselves.
    private func drainConnections(until deadline: NIODeadline) async -> Bool {
        while gate.connectionCount > 0 {
            // A cancelled task doesn't sleep: somebody wants it done now.
            guard NIODeadline.now() < deadline, (try? await Task.sleep(for: .milliseconds(5))) != nil else {
                return false
            }
        }
        return true
    }
}

extension Logger {
    fileprivate func log(_ event: StoreEvent) {
        let level: Logger.Level =
            switch event.level {
            case .info: .info
            case .warning: .warning
            case .error: .error
            }
        log(level: level, "\(event.message)", metadata: event.metadata.mapValues { "\($0)" })
    }
}
