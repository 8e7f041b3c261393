import DurableStreams
import DurableStreamsHTTP
import DurableStreamsServer
import Foundation
import Logging

/// A server in this process, on a port and in a directory of its own.
protocol InProcessServer: Sendable {
    /// Serves the streams in the directory, which exists and is empty.
    init(_ settings: ServerSettings, dataDirectory: String) async throws
    var port: UInt16 { get }
    func stop() async
}

extension InProcessServer {
    /// Starts a server for as long as `body` runs.
    static func serving(
        _ settings: ServerSettings, _ body: @Sendable (Endpoint) async throws -> Void
    ) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "protocol-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let server = try await Self(settings, dataDirectory: directory.path)
        let basePath = settings.protocolConfiguration.basePath
        let outcome: Result<Void, any Error>
        do {
            try await body(Endpoint(host: "127.0.0.1", port: server.port, basePath: basePath))
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        await server.stop()
        try outcome.get()
    }
}

extension Logger {
    /// Tests provoke what would fill pages.
    static var nearlySilent: Logger {
        var logger = Logger(label: "protocol-tests")
        logger.logLevel = .critical
        return logger
    }
}

/// The packaged server.
struct PackagedServer: InProcessServer {
    let port: UInt16
    private let server: DurableStreamsServer

    init(_ settings: ServerSettings, dataDirectory: String) async throws {
        var configuration = ServerConfiguration()
        // More than one event loop, however few cores there are: what meets across them is to be tested too.
        configuration.eventLoopThreads = 2
        configuration.host = "127.0.0.1"
        configuration.port = 0
        configuration.dataDirectory = dataDirectory
        configuration.store = settings.store
        configuration.protocolConfiguration = settings.protocolConfiguration
        if let connectionLimit = settings.connectionLimit { configuration.connectionLimit = connectionLimit }
        server = try DurableStreamsServer(configuration: configuration, logger: .nearlySilent)
        let address = try await server.start()
        // The description ends with the port; reading it needs no dependency on the networking library.
        guard let digits = "\(address)".split(separator: ":").last, let port = UInt16(digits) else {
            throw ClientError.malformed("server address \(address)")
        }
        self.port = port
    }

    func stop() async {
        await server.stop()
    }
}
