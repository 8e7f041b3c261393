import DurableStreams
import DurableStreamsHTTP
import DurableStreamsHummingbird
import Hummingbird
import HummingbirdCore
import Logging
import ServiceLifecycle

/// Somebody's Hummingbird app that serves streams among other things.
struct HummingbirdServer: InProcessServer {
    let port: UInt16
    let store: StreamStore
    private let services: ServiceGroup
    private let running: Task<Void, any Error>

    init(_ settings: ServerSettings, dataDirectory: String) async throws {
        let rules = settings.protocolConfiguration
        try await self.init(dataDirectory: dataDirectory, store: settings.store) { store in
            let router = Router(context: BasicDurableStreamsRequestContext.self)
            router.get("hello") { _, _ in "hello" }
            router.addDurableStreams(store, at: rules.basePath, configuration: rules)
            return router
        }
    }

    init<Context: RequestContext>(
        dataDirectory: String, store configuration: StoreConfiguration = StoreConfiguration(),
        router: (StreamStore) -> Router<Context>
    ) async throws where Context.Source == ApplicationRequestContextSource {
        let store = try StreamStore.open(directory: dataDirectory, configuration: configuration)
        let (ports, portSource) = AsyncStream<Int>.makeStream()
        // As generous with heads as the packaged server.
        let decoder = HTTP1Channel.Configuration.DecoderConfiguration(
            maxHeaderFieldSize: 64 << 10, maxHeaderListSize: 64 << 10, maxHeaderFieldCount: 64 << 10)
        let app = Application(
            router: router(store),
            server: .http1(configuration: HTTP1Channel.Configuration(httpDecoderConfiguration: decoder)),
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in
                portSource.yield(channel.localAddress?.port ?? 0)
                portSource.finish()
            },
            logger: .nearlySilent
        )
        let services = ServiceGroup(
            configuration: ServiceGroupConfiguration(services: [app], logger: .nearlySilent))
        running = Task {
            defer { portSource.finish() }
            try await services.run()
        }
        guard let port = await ports.first(where: { _ in true }), let port = UInt16(exactly: port), port > 0 else {
            try await running.value
            throw ClientError.malformed("the app has no port")
        }
        self.port = port
        self.store = store
        self.services = services
    }

    func stop() async {
        // Clients that keep their connections are not waited for long.
        _ = await stop(within: .seconds(2))
    }

    /// Shuts down gracefully. False if that took longer, and what was running was cut.
    func stop(within timeLimit: Duration) async -> Bool {
        await services.triggerGracefulShutdown()
        let impatience = Task {
            try await Task.sleep(for: timeLimit)
            running.cancel()
            return
        }
        _ = await running.result
        impatience.cancel()
        let isGraceful = (try? await impatience.value) == nil
        store.close()
        return isGraceful
    }
}
