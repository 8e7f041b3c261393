import Foundation
import Testing

/// What hostile clients turn against: the real program, or an app in the process of the tests.
///
/// What an attack costs can be told of the program only; in an app's process other tests run at the same time, and only
/// its answers count.
struct AttackedServer: Sendable {
    let endpoint: Endpoint
    let directory: URL
    #if !HUMMINGBIRD_TRANSPORT
    let program: ServerProgram
    #endif

    struct Settings: Sendable {
        var bodyByteCountLimit = 64 << 20
        var idleTimeoutMilliseconds = 75_000
    }

    /// Runs one for a test, in a directory of its own.
    static func run(
        _ settings: Settings = Settings(), _ body: @Sendable (AttackedServer) async throws -> Void
    ) async throws {
        #if HUMMINGBIRD_TRANSPORT
        let directory = FileManager.default.temporaryDirectory.appending(path: "attacked-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: directory) }
        let serverSettings = ServerSettings {
            $0.bodyByteCountLimit = settings.bodyByteCountLimit
            $0.compression = false
        }
        let server = try await HummingbirdServer(serverSettings, dataDirectory: directory.path)
        let endpoint = Endpoint(host: "127.0.0.1", port: server.port, basePath: serverSettings.basePath)
        let attacked = AttackedServer(endpoint: endpoint, directory: directory)
        let outcome: Result<Void, any Error>
        do {
            try await Endpoint.$running.withValue(endpoint) { try await body(attacked) }
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        await server.stop()
        try outcome.get()
        #else
        let arguments = [
            "--body-limit-bytes", "\(settings.bodyByteCountLimit)", "--compression", "false",
            "--idle-timeout-ms", "\(settings.idleTimeoutMilliseconds)",
        ]
        try await withServerProgram(arguments) { program in
            try await body(
                AttackedServer(endpoint: program.endpoint, directory: program.directory, program: program))
        }
        #endif
    }

    /// Expects that the program's own memory grows by less than this while `body` runs, and at its end.
    func expectGrowth(
        below byteCount: Int, sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
    ) async throws {
        #if HUMMINGBIRD_TRANSPORT
        try await body()
        #else
        try await program.expectGrowth(below: byteCount, sourceLocation: sourceLocation, body)
        #endif
    }

    /// Expects that the descriptors of clients that come while `body` runs are given back.
    func expectDescriptorsBack(
        sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> Void
    ) async throws {
        #if HUMMINGBIRD_TRANSPORT
        try await body()
        #else
        let count = try program.descriptorCount
        try await body()
        try await program.expectDescriptors(atMost: count + 8, sourceLocation: sourceLocation)
        #endif
    }
}
