import DurableStreams
import DurableStreamsHTTP

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
    var basePath = "/v1/stream/"
    var store = StoreConfiguration()

    static let standard = ServerSettings()

    /// Waiting readers wait until something happens.
    static let patient = ServerSettings {
        $0.longPollTimeoutMilliseconds = 120_000
        $0.eventStreamDurationMilliseconds = 240_000
    }

    init(_ change: (inout ServerSettings) -> Void = { _ in }) {
        change(&self)
    }

    var protocolConfiguration: ProtocolConfiguration {
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
        rules.basePath = basePath
        return rules
    }
}
