/// How caches may treat a response.
enum CacheControl: Sendable {
    case unstated
    case noStore
    /// For event streams.
    case noCache
    /// A range of a stream: its bytes never change, but one that reaches the tail may become longer.
    case range(isPrivate: Bool)

    var value: StaticString? {
        switch self {
        case .unstated: nil
        case .noStore: "no-store"
        case .noCache: "no-cache"
        case .range(isPrivate: false): "public, max-age=60, stale-while-revalidate=300"
        case .range(isPrivate: true): "private, max-age=60, stale-while-revalidate=300"
        }
    }
}
