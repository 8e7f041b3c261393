/// What was said of a stream when it was created, fixed from then on, and where it belongs. Streams that are alike
/// share one object, which spares each of them a reference to their store.
final class StreamConfiguration: Sendable {
    let contentType: ContentType
    let lifetime: Lifetime?
    let isClosedAtCreation: Bool
    /// Nil for what the store's configuration says.
    let retention: Retention?
    /// Nil for a stream of its own.
    let fork: ForkOrigin?
    let context: StoreContext

    init(_ creation: StreamRow, _ fork: ForkOrigin?, in context: StoreContext) {
        contentType = creation.contentType
        lifetime = creation.lifetime
        isClosedAtCreation = creation.isClosedAtCreation
        retention = creation.retention
        self.fork = fork
        self.context = context
    }

    /// Whether a request to create the stream again asks for what is there.
    func matches(_ request: CreateRequest) -> Bool {
        let requestedLifetime = fork?.row.inheritsLifetime ?? false ? nil : lifetime
        return matchesContentType(request) && requestedLifetime == request.lifetime
            && isClosedAtCreation == request.closed && (request.retention == nil || request.retention == retention)
            && matchesFork(request.fork)
    }

    private func matchesContentType(_ request: CreateRequest) -> Bool {
        guard let given = request.contentType else { return fork != nil || contentType.matches(.octetStream) }
        return contentType.matches(given)
    }

    private func matchesFork(_ request: ForkRequest?) -> Bool {
        guard let request, let row = fork?.row else { return request == nil && fork == nil }
        return request.source == row.sourcePath && request.subOffset == row.subOffset
            && (request.offset == nil || request.offset == row.offset)
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
        init?(_ creation: StreamRow) {
            guard creation.fork == nil else { return nil }
            switch creation.lifetime {
            case nil: break
            case .sliding(let seconds): slidingSeconds = seconds
            case .until: return nil
            }
            contentType = creation.contentType.text
            isClosedAtCreation = creation.isClosedAtCreation
            retention = creation.retention
        }
    }

    /// - Parameter fork: With the creation's fork row, if it has one.
    mutating func configuration(
        for creation: StreamRow, _ fork: ForkOrigin?, in context: StoreContext
    ) -> StreamConfiguration {
        guard let key = Key(creation) else { return StreamConfiguration(creation, fork, in: context) }
        if let configuration = known[key] { return configuration }
        let new = StreamConfiguration(creation, nil, in: context)
        if known.count < Self.limit { known[key] = new }
        return new
    }
}
