public import DurableStreams
public import DurableStreamsHTTP
internal import HTTPTypes
public import Hummingbird

extension RouterMethods where Context: DurableStreamsRequestContext {
    /// Serves the streams of a store under a path, all methods of the protocol.
    ///
    ///     let router = Router(context: BasicDurableStreamsRequestContext.self)
    ///     router.add(middleware: LogRequestsMiddleware(.info))
    ///     router.addDurableStreams(store, at: "/v1/stream")
    ///
    /// Middleware that was added before runs in front of every request. It sees the decoded request of Hummingbird; the
    /// protocol itself looks at the request target as it was sent. Whoever opened the store closes it, after the
    /// server has stopped. Live reads end when the service that runs the app shuts down gracefully.
    ///
    /// - Parameters:
    ///   - store: Open, and open for as long as the server runs. For bodies of more than 64 MiB its
    ///     `appendByteCountLimit` has to be raised along with the configuration's `bodyByteCountLimit`.
    ///   - path: Where the streams are, below this router or group. Without parameters and wildcards.
    ///   - groupPath: The path of the group that this is called on, with those of the groups around it, if they have
    ///     any: a group does not tell, and the URLs of the streams begin with it.
    ///   - configuration: How the protocol behaves. Its `basePath` is not used: the paths here say it.
    @discardableResult
    public func addDurableStreams(
        _ store: StreamStore,
        at path: String = "/v1/stream",
        inGroupAt groupPath: String = "",
        configuration: ProtocolConfiguration = ProtocolConfiguration()
    ) -> Self {
        let responder = DurableStreamsResponder<Context>(
            store: store, basePath: "\(groupPath)/\(path)", configuration: configuration)
        let base = RouterPath(path)
        for method in DurableStreamsResponder<Context>.methods {
            // A wildcard stands for at least one segment. What comes after the base path is the protocol's business.
            on(base, method: method, responder: responder)
            on(base.appendingPath("**"), method: method, responder: responder)
        }
        return self
    }
}

extension DurableStreamsResponder {
    /// The methods to register: a router has no way to say "any". The protocol has six; all others that NIO's decoder
    /// lets through are there to be answered 405 instead of 404.
    public static var methods: [HTTPRequest.Method] {
        let known = [
            "GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "CONNECT", "ACL", "BIND", "CHECKOUT",
            "COPY", "LINK", "LOCK", "M-SEARCH", "MERGE", "MKACTIVITY", "MKCALENDAR", "MKCOL", "MOVE", "MSEARCH",
            "NOTIFY", "PROPFIND", "PROPPATCH", "PURGE", "QUERY", "REBIND", "REPORT", "SEARCH", "SOURCE", "SUBSCRIBE",
            "UNBIND", "UNLINK", "UNLOCK", "UNSUBSCRIBE",
        ]
        return known.compactMap { HTTPRequest.Method($0) }
    }
}
