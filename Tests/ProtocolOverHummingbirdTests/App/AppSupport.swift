import DurableStreamsHTTP
import DurableStreamsHummingbird
import Foundation
import Hummingbird
import Testing

@testable import DurableStreams

/// An app of a test, and its store.
struct TestApp {
    let server: HummingbirdServer
    let endpoint: Endpoint
    var store: StreamStore { server.store }

    func connect() async throws -> Connection { try await Connection(to: endpoint) }

    /// A target below the base path.
    func target(_ name: String) -> String { endpoint.basePath + name }

    /// Creates a stream of text in the store.
    func createStream(_ name: String) async throws -> DurableStreams.Stream {
        let path = try StreamPath(name)
        let contentType = try #require(ContentType("text/plain"))
        _ = try await store.create(CreateRequest(path: path, contentType: contentType))
        return try #require(store.stream(at: path))
    }
}

/// Runs an app for one test.
func withApp<Context: RequestContext>(
    basePath: String = "/v1/stream/",
    router: (StreamStore) -> Router<Context>,
    _ body: (TestApp) async throws -> Void
) async throws where Context.Source == ApplicationRequestContextSource {
    let directory = FileManager.default.temporaryDirectory.appending(path: "app-tests-\(UUID().uuidString)").path
    defer { try? FileManager.default.removeItem(atPath: directory) }
    let server = try await HummingbirdServer(dataDirectory: directory, router: router)
    let endpoint = Endpoint(host: "127.0.0.1", port: server.port, basePath: basePath)
    let outcome: Result<Void, any Error>
    do {
        try await body(TestApp(server: server, endpoint: endpoint))
        outcome = .success(())
    } catch {
        outcome = .failure(error)
    }
    await server.stop()
    try outcome.get()
}

/// An app with nothing but streams. Whoever waits, waits for long.
func withApp(
    _ change: (inout ProtocolConfiguration) -> Void = { _ in }, _ body: (TestApp) async throws -> Void
) async throws {
    var configuration = ProtocolConfiguration()
    configuration.longPollTimeoutMilliseconds = 120_000
    configuration.eventStreamDurationMilliseconds = 240_000
    change(&configuration)
    try await withApp(
        router: { store in
            Router(context: BasicDurableStreamsRequestContext.self)
                .addDurableStreams(store, configuration: configuration)
        }, body)
}

extension DurableStreams.Stream {
    /// Whether anybody follows the stream.
    var isFollowed: Bool { withState { !$0.watchers.isEmpty } }

    /// Waits until somebody follows the stream, or until nobody does. Whether that stays so is not asked: a connection that
    /// was closed at once may be served, and noticed to be gone, a little later.
    func expectFollowed(_ isFollowed: Bool, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let deadline = ContinuousClock.now + .seconds(20)
        while self.isFollowed != isFollowed {
            guard ContinuousClock.now < deadline else {
                Issue.record("isFollowed is still \(!isFollowed)", sourceLocation: sourceLocation)
                return
            }
            try await Task.sleep(for: .milliseconds(10))
        }
    }
}
