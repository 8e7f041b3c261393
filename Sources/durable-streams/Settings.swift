import ArgumentParser
import Configuration
import DurableStreams
import DurableStreamsHTTP
import DurableStreamsServer
import Logging

/// Everything that can be set, from the command line, else from the environment, else as the libraries have it.
struct Settings {
    var server = ServerConfiguration()
    var logLevel = Logger.Level.info
    var logFormat = LogFormat.text

    init(command: ServeCommand, environment: EnvironmentValues) throws {
        try readPlace(command.place, environment)
        try readStorage(command.storage, environment)
        try readProtocol(command.behaviour, environment)
        try readProcess(command.process, environment)
        do {
            try server.validate()
        } catch {
            throw ValidationError("\(error)")
        }
    }

    private mutating func readPlace(_ options: PlaceOptions, _ environment: EnvironmentValues) throws {
        try set(&server.host, options.host, environment.text("host"))
        try set(&server.port, options.port, environment.number("port"))
        try set(&server.dataDirectory, options.dataDir, environment.text("data-dir"))
        try set(&server.protocolConfiguration.basePath, options.basePath, environment.text("base-path"))
        try set(&server.protocolConfiguration.publicURL, options.publicURL, environment.text("public-url"))
        try set(
            &server.protocolConfiguration.trustsForwardedHeaders, options.trustForwardedHeaders,
            environment.flag("trust-forwarded-headers"))
    }

    private mutating func readStorage(_ options: StorageOptions, _ environment: EnvironmentValues) throws {
        if let text = options.durability ?? environment.text("durability") {
            guard let durability = Durability(text) else {
                throw ValidationError(
                    "'\(text)' is no durability: it is sync, none, or interval:MS with 1 to 3600000 milliseconds.")
            }
            server.store.durability = durability
        }
        try set(&server.store.segmentByteCount, options.segmentBytes, environment.number("segment-bytes"))
        try set(
            &server.store.blockCacheByteCountLimit, options.blockCacheBytes, environment.number("block-cache-bytes"))
        try set(
            &server.store.maintenanceBytesPerSecond, options.maintenanceBytesPerSecond,
            environment.number("maintenance-bytes-per-second"))
        server.store.retention = Retention(
            ageLimitSeconds: try limit("retention-seconds", options.retentionSeconds, environment),
            byteCountLimit: try limit("retention-bytes", options.retentionBytes, environment))
    }

    private func limit(_ name: String, _ option: Int?, _ environment: EnvironmentValues) throws -> UInt64? {
        guard let value = try option ?? environment.number(name) else { return nil }
        guard value > 0 else { throw ValidationError("The value '\(value)' of --\(name) is not at least 1.") }
        return UInt64(value)
    }

    private mutating func readProtocol(_ options: ProtocolOptions, _ environment: EnvironmentValues) throws {
        var values = server.protocolConfiguration
        try set(
            &values.longPollTimeoutMilliseconds, options.longPollTimeoutMs,
            environment.number("long-poll-timeout-ms"))
        try set(&values.eventStreamDurationMilliseconds, options.sseDurationMs, environment.number("sse-duration-ms"))
        try set(
            &values.eventStreamKeepAliveMilliseconds, options.sseKeepAliveMs, environment.number("sse-keep-alive-ms"))
        try set(&values.chunkByteCountLimit, options.chunkBytes, environment.number("chunk-bytes"))
        try set(&values.bodyCacheByteCountLimit, options.bodyCacheBytes, environment.number("body-cache-bytes"))
        try set(&values.bodyByteCountLimit, options.bodyLimitBytes, environment.number("body-limit-bytes"))
        try set(&values.compression, options.compression, environment.flag("compression"))
        try set(&values.cacheIsPrivate, options.privateCache, environment.flag("private-cache"))
        try set(&values.allowedOrigin, options.allowedOrigin, environment.text("allowed-origin"))
        server.protocolConfiguration = values
    }

    private mutating func readProcess(_ options: ProcessOptions, _ environment: EnvironmentValues) throws {
        try set(&server.eventLoopThreads, options.threads, environment.number("threads"))
        try set(&server.connectionLimit, options.connectionLimit, environment.number("connection-limit"))
        try set(&server.bodyMemoryByteLimit, options.bodyMemoryBytes, environment.number("body-memory-bytes"))
        try set(&server.idleTimeoutMilliseconds, options.idleTimeoutMs, environment.number("idle-timeout-ms"))
        try set(&server.shutdownMilliseconds, options.shutdownMs, environment.number("shutdown-ms"))
        if let text = options.logLevel ?? environment.text("log-level") {
            guard let level = Logger.Level(rawValue: text.lowercased()) else {
                throw ValidationError(
                    "'\(text)' is no log level: it is trace, debug, info, notice, warning, error or critical.")
            }
            logLevel = level
        }
        if let text = options.logFormat ?? environment.text("log-format") {
            guard let format = LogFormat(rawValue: text.lowercased()) else {
                throw ValidationError("'\(text)' is no log format: it is text or json.")
            }
            logFormat = format
        }
    }

    private func set<Value>(
        _ target: inout Value, _ option: Value?, _ fallback: @autoclosure () throws -> Value?
    ) throws {
        if let value = try option ?? fallback() { target = value }
    }

    private func set<Value>(
        _ target: inout Value?, _ option: Value?, _ fallback: @autoclosure () throws -> Value?
    ) throws {
        if let value = try option ?? fallback() { target = value }
    }
}

/// The environment's `DURABLE_STREAMS_…` under the names of the options.
struct EnvironmentValues {
    private let reader: ConfigReader

    init(provider: EnvironmentVariablesProvider) {
        reader = ConfigReader(provider: provider).scoped(to: "durable.streams")
    }

    static var process: EnvironmentValues { EnvironmentValues(provider: EnvironmentVariablesProvider()) }

    func text(_ name: String) -> String? {
        // An empty variable is as good as none: that is how compose files spell "not set".
        reader.string(forKey: ConfigKey([name])).flatMap { $0.isEmpty ? nil : $0 }
    }

    func number(_ name: String) throws -> Int? {
        try text(name).map { text in
            guard let number = Int(text) else { throw invalid(name, text, "a whole number") }
            return number
        }
    }

    func flag(_ name: String) throws -> Bool? {
        try text(name).map { text in
            switch text.lowercased() {
            case "true", "yes", "on", "1": true
            case "false", "no", "off", "0": false
            default: throw invalid(name, text, "true or false")
            }
        }
    }

    private func invalid(_ name: String, _ text: String, _ expected: String) -> ValidationError {
        let variable = "DURABLE_STREAMS_" + name.uppercased().replacing("-", with: "_")
        return ValidationError("The value '\(text)' of \(variable) is not \(expected).")
    }
}
