/// What was said of a stream when it was created, fixed from then on, and where it belongs. Streams that are alike
/// share one object, which spares each of them a reference to their store.
final class StreamConfiguration: Sendable {
    let contentType: ContentType
    let lifetime: Lifetime?
    let isClosedAtCreation: Bool
    /// Nil for what the store's configuration says.
    let retention: Retention?
    let context: StoreContext

    init(_ request: CreateRequest, in context: StoreContext) {
        contentType = request.contentType
        lifetime = request.lifetime
        isClosedAtCreation = request.closed
        retention = request.retention
        self.context = context
    }

    /// Whether a request to create the stream again asks for what is there.
    func matches(_ request: CreateRequest) -> Bool {
        contentType.matches(request.contentType) && lifetime == request.lifetime
            && isClosedAtCreation == request.closed && (request.retention == nil || request.retention == retention)
    }
}

/// Keeps one configuration of each kind. Not thread-safe; see ``StoreContext``.
struct StreamConfigurationTable {
    /// More kinds than this are not shared: what clients invent must not pile up here.
    private static let limit = 1_024

    private var known: [Key: StreamConfiguration] = [:]

    private struct Key: Hashable {
        var contentType: String
        var isClosedAtCreation: Bool
        var slidingSeconds: UInt64?
        var retention: Retention?

        /// Nil for a kind of which there is hardly more than one: an instant is seldom that of many streams.
        init?(_ request: CreateRequest) {
            switch request.lifetime {
            case nil: break
            case .sliding(let seconds): slidingSeconds = seconds
            case .until: return nil
            }
            contentType = request.contentType.text
            isClosedAtCreation = request.closed
            retention = request.retention
        }
    }

    mutating func configuration(for request: CreateRequest, in context: StoreContext) -> StreamConfiguration {
        guard let key = Key(request) else { return StreamConfiguration(request, in: context) }
        if let configuration = known[key] { return configuration }
        let new = StreamConfiguration(request, in: context)
        if known.count < Self.limit { known[key] = new }
        return new
    }
}
