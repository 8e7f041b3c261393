import Testing

/// Gives a suite one server, shared by all its tests and nested suites, and stops it after the last one.
struct RunningServer: SuiteTrait, TestScoping {
    let settings: ServerSettings

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable () async throws -> Void
    ) async throws {
        if let external = try Endpoint.external {
            return try await Endpoint.$running.withValue(external) { try await function() }
        }
        try await Transport.current.server.serving(settings) { endpoint in
            try await Endpoint.$running.withValue(endpoint) { try await function() }
        }
    }
}

extension Trait where Self == RunningServer {
    /// The suite needs nothing special of the server.
    static var standardServer: RunningServer { RunningServer(settings: .standard) }

    /// The suite needs a server with these settings. Combine with `.ownServerOnly`.
    static func server(_ settings: ServerSettings) -> RunningServer { RunningServer(settings: settings) }
}

extension Trait where Self == ConditionTrait {
    /// Leaves the suite out when the tests run against a server that they did not start.
    static var ownServerOnly: ConditionTrait {
        .disabled(if: Endpoint.isExternal, "needs a server with special settings")
    }
}

/// Gives one test a server of its own with these settings.
func withServer(_ settings: ServerSettings, _ body: @Sendable () async throws -> Void) async throws {
    try await Transport.current.server.serving(settings) { endpoint in
        try await Endpoint.$running.withValue(endpoint) { try await body() }
    }
}

/// All tests of the protocol page, as a client sees it through a socket.
///
/// Suites that need nothing special share the server of this one.
@Suite(.wantedTransport, .standardServer) enum BlackBox {}
