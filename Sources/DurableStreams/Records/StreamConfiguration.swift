/// What was said of a stream when it was created, fixed from then on, and where it belongs. Streams that are alike
/// share one object, which spares each of them a reference to their store.
final class StreamConfiguration: Sendable {
    let contentType: ContentType
    let lifetime: Lifetime?
    let isClosedAtCreation: Bool
    let context: StoreContext

    init(contentType: ContentType, lifetime: Lifetime?, isClosedAtCreation: Bool, context: StoreContext) {
        self.context = context
        self.contentType = contentType
        self.lifetime = lifetime
        self.isClosedAtCreation = isClosedAtCreation
    }

    /// Whether a request to create the stream again asks for what is there.
    func matches(_ request: CreateRequest) -> Bool {
        contentType.matches(request.contentType) && lifetime == request.lifetime
            && isClosedAtCreation == request.closed
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
    }

    mutating func configuration(for request: CreateRequest, in context: StoreContext) -> StreamConfiguration {
        let new = StreamConfiguration(
            contentType: request.contentType, lifetime: request.lifetime, isClosedAtCreation: request.closed,
            context: context)
        guard request.lifetime == nil else { return new }
        let key = Key(contentType: request.contentType.text, isClosedAtCreation: request.closed)
        if let configuration = known[key] { return configuration }
        if known.count < Self.limit { known[key] = new }
        return new
    }
}
