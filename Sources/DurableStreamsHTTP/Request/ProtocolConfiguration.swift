/// How a ``ProtocolService`` behaves. Every quantity has its unit in its name.
public struct ProtocolConfiguration: Sendable {
    /// Everything under this path is a stream URL. Begins and ends with a slash.
    public var basePath = "/v1/stream/"
    /// Scheme, host and, behind a proxy that strips one, path prefix for `Location`, such as `https://example.com`.
    /// `nil`: built from the request's `Host`.
    public var publicURL: String?
    /// Host and port for `Location` where a request names none, such as `127.0.0.1:4437`. `nil`: `Location` is the path alone.
    public var fallbackHost: String?
    /// Whether `X-Forwarded-Proto` and `X-Forwarded-Host` may decide the scheme and host of `Location`.
    public var trustsForwardedHeaders = false
    /// How long a long-poll waits for data before it answers 204.
    public var longPollTimeoutMilliseconds = 20_000
    /// After about this long the server ends an event stream between two events (jitter of 10 % either way, never
    /// within the first second); 0: only when the stream ends.
    public var eventStreamDurationMilliseconds = 60_000
    /// An event stream that had nothing to say for this long repeats its control event.
    public var eventStreamKeepAliveMilliseconds = 15_000
    /// A response holds at most this many stored bytes; a single longer JSON message is sent whole.
    public var chunkByteCountLimit = 1 << 20
    /// A longer request body is 413.
    public var bodyByteCountLimit = 64 << 20
    /// `Cache-Control: private` instead of `public` on reads.
    public var cacheIsPrivate = false
    /// Length of the intervals that cursors count.
    public var cursorIntervalSeconds = 20
    /// Whether bodies of 1 KiB and more are compressed for clients that accept it.
    public var compression = true
    /// The memory for bodies of large or compressed reads that several clients ask for, in bytes; 0: none is kept.
    public var bodyCacheByteCountLimit = 64 << 20
    /// Value of `Access-Control-Allow-Origin`.
    public var allowedOrigin = "*"

    public init() {}
}
