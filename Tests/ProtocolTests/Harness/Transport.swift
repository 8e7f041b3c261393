import Foundation
import Testing

/// What brings the protocol to the socket. These sources are built twice, once for each transport.
enum Transport: String {
    case nio, hummingbird

    /// Names the only transport to test.
    static let variable = "DURABLE_STREAMS_TEST_TRANSPORT"

    #if HUMMINGBIRD_TRANSPORT
    static let current = Transport.hummingbird
    #else
    static let current = Transport.nio
    #endif

    var server: any InProcessServer.Type {
        switch self {
        case .nio: PackagedServer.self
        case .hummingbird: HummingbirdServer.self
        }
    }

    /// Answers to what can not be parsed are those of the HTTP layer, which is Hummingbird's in an app.
    var answersWhatIsNoRequest: Bool { self == .nio }

    /// Outside the base path an app has its own routes.
    var ownsEveryPath: Bool { self == .nio }

    /// Apps get what Hummingbird makes of a target in absolute form: only its path.
    var seesWholeTarget: Bool { self == .nio }

    /// Whether the tests are to be run with this transport. A server that the tests did not start is tested once.
    var isWanted: Bool {
        if Endpoint.isExternal { return self == .nio }
        return ProcessInfo.processInfo.environment[Self.variable].map { $0 == rawValue } ?? true
    }
}

extension Trait where Self == ConditionTrait {
    static var wantedTransport: ConditionTrait {
        .enabled(if: Transport.current.isWanted, "\(Transport.variable) names another transport")
    }

    /// Leaves a test out where the app around the streams decides.
    static func notUpToApps(_ reason: Comment) -> ConditionTrait {
        .disabled(if: Transport.current == .hummingbird, reason)
    }
}
