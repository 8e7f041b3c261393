public import DurableStreams
import DurableStreamsWire
public import NIOCore
import Synchronization

/// The Durable Streams protocol on a store: takes request values, gives response values. Opens no socket.
///
/// A transport fills in a ``ProtocolRequest``, asks ``admit(_:announcedByteCount:)`` before it receives a body, and
/// hands both to ``handle(_:body:on:reply:)``. All three happen on the executor of one lane, and so does the reply.
public final class ProtocolService: Sendable {
    public let configuration: ProtocolConfiguration

    /// For writing response heads.
    public let constants: ResponseConstants

    let store: StreamStore
    let environment: ProtocolEnvironment
    let base: BasePath
    let location: StreamLocation
    let cursorClock: CursorClock
    let compression = Compression()
    let bodies: BodyCache
    private let isShutDown = Atomic(false)
    private let lanes = Mutex<[ObjectIdentifier: LaneReaders]>([:])

    /// A body of more bytes is not looked at, nor copied, on an event loop.
    static let inlineBodyByteCountLimit = 256 << 10

    /// A body of at most so many bytes is received before anything is looked up: handling it tells what is wrong, and
    /// looking twice costs more than receiving it in vain.
    static let unexaminedBodyByteCountLimit = 64 << 10

    public convenience init(store: StreamStore, configuration: ProtocolConfiguration) {
        self.init(store: store, configuration: configuration, environment: ProtocolEnvironment())
    }

    init(store: StreamStore, configuration: ProtocolConfiguration, environment: ProtocolEnvironment) {
        self.store = store
        self.configuration = configuration
        self.environment = environment
        bodies = BodyCache(byteCountLimit: configuration.bodyCacheByteCountLimit)
        constants = ResponseConstants(allowedOrigin: configuration.allowedOrigin, now: environment.now)
        base = BasePath(configuration.basePath)
        location = StreamLocation(
            publicURL: configuration.publicURL,
            fallbackHost: configuration.fallbackHost,
            trustsForwardedHeaders: configuration.trustsForwardedHeaders,
            basePath: base.text
        )
        cursorClock = CursorClock(intervalSeconds: configuration.cursorIntervalSeconds)
    }

    /// Whether the target lies under the base path.
    public func owns(target: String) -> Bool {
        base.owns(target)
    }

    /// The answer for targets that nobody owns.
    public func unknownTarget() -> ProtocolResponse {
        .plainError(status: 404, "there is nothing at this URL")
    }

    /// Whether the body of a request is worth receiving; `announcedByteCount` is its `Content-Length`, if it has one.
    ///
    /// ``handle(_:body:on:reply:)`` checks everything again, so this is not needed for requests without a body.
    public func admit(_ request: ProtocolRequest, announcedByteCount: Int?) -> BodyAdmission {
        let byteCountLimit = configuration.bodyByteCountLimit
        if let announcedByteCount, announcedByteCount <= min(Self.unexaminedBodyByteCountLimit, byteCountLimit) {
            return .accept(byteCountLimit: byteCountLimit)
        }
        switch route(request) {
        case .answer(let response): return .reject(response)
        case .stream(let path, _):
            if request.method != .put, let absence = absence(of: path) { return .reject(finished(absence, request)) }
            do throws(Refusal) {
                try checkBeforeBody(request, path: path, announcedByteCount: announcedByteCount)
                return .accept(byteCountLimit: byteCountLimit)
            } catch {
                return .reject(finished(.plainError(status: error.status, error.message), request))
            }
        }
    }

    private func checkBeforeBody(
        _ request: ProtocolRequest, path: StreamPath, announcedByteCount: Int?
    ) throws(Refusal) {
        switch request.method {
        case .put:
            try request.checkHeader(hasBody: true)
            _ = try request.createRequest(path: path, base: base)
        case .post:
            try request.checkHeader(hasBody: true)
            _ = try request.appendRequest(hasBody: true)
        case .get, .head, .delete, .options, .other:
            break
        }
        if let announcedByteCount, announcedByteCount > configuration.bodyByteCountLimit {
            throw Refusal(status: 413, message: "the body is longer than \(configuration.bodyByteCountLimit) bytes")
        }
    }

    /// Answers a request.
    ///
    /// `reply` runs once, on the lane's executor, possibly before this returns. If the exchange that is returned is
    /// cancelled first, it never runs. Without an exchange there is nothing to cancel: the reply has been given, or the
    /// store is at work and completes what it began.
    public func handle(
        _ request: ProtocolRequest,
        body: ByteBuffer?,
        on lane: DeliveryLane,
        reply: @escaping @Sendable (ProtocolReply) -> Void
    ) -> ProtocolExchange? {
        switch route(request) {
        case .answer(let response):
            reply(.response(response))
            return nil
        case .stream(let path, let query):
            switch request.method {
            case .post: append(request, body: body, to: path, on: lane, reply: reply)
            case .put: create(request, body: body, at: path, on: lane, reply: reply)
            case .get: return read(request, body: body, path: path, query: query, on: lane, reply: reply)
            case .head: reply(.response(metadata(request, body: body, path: path)))
            case .delete: delete(request, body: body, at: path, on: lane, reply: reply)
            case .options, .other: preconditionFailure("answered by the route")
            }
            return nil
        }
    }

    /// Ends all waiting: long-polls answer 204, event streams end; later live reads answer at once. Any thread.
    public func shutDown() {
        isShutDown.store(true, ordering: .sequentiallyConsistent)
        for readers in lanes.withLock({ Array($0.values) }) {
            readers.lane.run { readers.endAll() }
        }
    }

    /// After ``shutDown()``. A reader that is entered into its lane's list before it asks is either told or sees it.
    var endsLiveReads: Bool {
        isShutDown.load(ordering: .sequentiallyConsistent)
    }

    /// What the readers of one lane share. The lanes of a process are few and stay.
    func readers(of lane: DeliveryLane) -> LaneReaders {
        lanes.withLock { lanes in
            if let readers = lanes[ObjectIdentifier(lane)] { return readers }
            let readers = LaneReaders(lane: lane)
            lanes[ObjectIdentifier(lane)] = readers
            return readers
        }
    }
}
