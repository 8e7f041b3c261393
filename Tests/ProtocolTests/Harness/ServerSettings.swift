import DurableStreamsServer
import DurableStreamsHTTP
import DurableStreams
import Foundation
import Logging

/// What a suite may want to be different. Times are short, so that the tests are.
struct ServerSettings: Sendable {
    var longPollTimeoutMilliseconds = 300
    var eventStreamDurationMilliseconds = 3_000
    var eventStreamKeepAliveMilliseconds = 300
    var chunkByteCountLimit = 1 << 20
    var bodyByteCountLimit = 64 << 20
    var cursorIntervalSeconds = 20
    var connectionLimit: Int?
    var cacheIsPrivate = false
    var compression = true
    var publicURL: String?
    var trustsForwardedHeaders = false
    var allowedOrigin = "*"

    static let standard = ServerSettings()

    /// Waiting readers wait until something happens.
    static let patient = ServerSettings {
        $0.longPollTimeoutMilliseconds = 120_000
        $0.eventStreamDurationMilliseconds = 240_000
    }

    init(_ change: (inout ServerSettings) -> Void = { _ in }) {
        change(&self)
    }

    func configuration(dataDirectory: String) -> ServerConfiguration {
        var rules = ProtocolConfiguration()
        rules.longPollTimeoutMilliseconds = longPollTimeoutMilliseconds
        rules.eventStreamDurationMilliseconds = eventStreamDurationMilliseconds
        rules.eventStreamKeepAliveMilliseconds = eventStreamKeepAliveMilliseconds
        rules.chunkByteCountLimit = chunkByteCountLimit
        rules.bodyByteCountLimit = bodyByteCountLimit
        rules.cursorIntervalSeconds = cursorIntervalSeconds
        rules.cacheIsPrivate = cacheIsPrivate
        rules.compression = compression
        rules.publicURL = publicURL
        rules.trustsForwardedHeaders = trustsForwardedHeaders
        rules.allowedOrigin = allowedOrigin
        var configuration = ServerConfiguration()
        configuration.host = "127.0.0.1"
        configuration.port = 0
        configuration.dataDirectory = dataDirectory
        configuration.protocolConfiguration = rules
        if let connectionLimit {
            configuration.connectionLimit = connectionLimit
        }
        return configuration
    }
}

/// A server in this process, on a port and in a directory of its own.
struct InProcessServer {
    let endpoint: Endpoint
    private let server: DurableStreamsServer
    private let directory: URL

    init(_ settings: ServerSettings) async throws {
        directory = FileManager.default.temporaryDirectory.appending(path: "protocol-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        var logger = Logger(label: "protocol-tests")
        logger.logLevel = .critical
        let configuration = settings.configuration(dataDirectory: directory.path)
        server = try DurableStreamsServer(configuration: configuration, logger: logger)
        let address = try await server.start()
        // The description ends with the port; reading it needs no dependency on the networking library.
        guard let digits = "\(address)".split(separator: ":").last, let port = UInt16(digits) else {
            throw ClientError.malformed("server address \(address)")
        }
        endpoint = Endpoint(host: "127.0.0.1", port: port, basePath: configuration.protocolConfiguration.basePath)
    }

    func stop() async {
        await server.stop()
        try? FileManager.default.removeItem(at: directory)
    }
}
