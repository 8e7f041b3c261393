public import SegmentedLog

/// What a listing tells of a stream: durable facts at the moment when the listing came by.
public struct StreamListing: Sendable, Equatable {
    public var path: StreamPath
    public var contentType: ContentType
    /// Behind the last byte of the stored form.
    public var tail: StreamPosition
    /// Whether the tail is final.
    public var isClosed: Bool
    public var createdAt: WallClockTime
}

/// Part of a listing, in the order of the paths.
public struct StreamListingPage: Sendable, Equatable {
    public var streams: [StreamListing]
    /// Where the next page goes on: to be given as `after`. Nil if nothing is left.
    public var cursor: StreamPath?
}

extension StreamStore {
    /// The most streams of one page, whatever is asked for.
    public static let listingLimit = 100_000

    /// Lists streams by their paths, byte by byte in that order, a page at a time. Deleted and expired streams are not
    /// in it, and being listed does not renew a lifetime.
    ///
    /// A page costs a look at every path of the store, about a fifth of a second for a million, and memory only for
    /// itself. So this form is for threads that may take that long (``offload(_:)``); the `async` one goes there by
    /// itself.
    /// Streams that are created or deleted meanwhile may be in a page or not; all others are in exactly one.
    ///
    /// - Parameters:
    ///   - prefix: How the paths begin, as in the normalized text: `chats/` for all below it.
    ///   - cursor: The ``StreamListingPage/cursor`` of the page before, or any path: only later ones are listed.
    ///   - limit: The most streams in the page, 1 to ``listingLimit``; what is outside counts as the nearest of these.
    public func streams(
        withPrefix prefix: String = "", after cursor: StreamPath? = nil, limit: Int = 1_000
    ) -> StreamListingPage {
        let limit = min(max(limit, 1), Self.listingLimit)
        var prefix = prefix
        // One more than asked for, to know whether anything is left.
        var smallest = SmallestPaths(limit: limit + 1)
        prefix.withUTF8 { prefix in
            Self.withBytes(of: cursor) { cursor in
                context.catalog.forEach { stream in
                    stream.withPathBytes { path in
                        path.starts(with: UnsafeRawBufferPointer(prefix)) && cursor?.precedes(path) ?? true
                            && smallest.mayTake(path)
                    }
                } _: { stream in
                    if let visible = stream.visible, !visible.isSoftDeleted { smallest.add(visible) }
                }
            }
        }
        let found = smallest.sorted()
        let streams = found.prefix(limit).map(StreamListing.init)
        return StreamListingPage(streams: streams, cursor: found.count > limit ? streams.last?.path : nil)
    }

    /// Lists streams, on one of the store's threads: see the other form.
    public func streams(
        withPrefix prefix: String = "", after cursor: StreamPath? = nil, limit: Int = 1_000
    ) async -> StreamListingPage {
        await withCheckedContinuation { continuation in
            offload {
                continuation.resume(returning: self.streams(withPrefix: prefix, after: cursor, limit: limit))
            }
        }
    }

    private static func withBytes<Result>(
        of path: StreamPath?, _ body: (UnsafeRawBufferPointer?) -> Result
    ) -> Result {
        guard let path else { return body(nil) }
        return path.withBytes { body($0) }
    }
}

extension StreamListing {
    init(_ stream: Stream) {
        let snapshot = stream.snapshot
        self.init(
            path: stream.path, contentType: stream.contentType, tail: snapshot.tail, isClosed: snapshot.isClosed,
            createdAt: stream.createdAt)
    }
}

/// Keeps those streams that have the smallest paths, in memory for twice as many at most.
private struct SmallestPaths {
    private let limit: Int
    private var streams: [Stream] = []
    /// Nothing at or above the path of this one is of use any more.
    private var bound: Stream?

    init(limit: Int) { self.limit = limit }

    func mayTake(_ path: UnsafeRawBufferPointer) -> Bool {
        bound?.withPathBytes { path.precedes($0) } ?? true
    }

    mutating func add(_ stream: Stream) {
        streams.append(stream)
        guard streams.count >= 2 * limit else { return }
        sort()
        streams.removeSubrange(limit...)
        bound = streams.last
    }

    mutating func sorted() -> ArraySlice<Stream> {
        sort()
        return streams.prefix(limit)
    }

    private mutating func sort() {
        streams.sort { left, right in
            left.withPathBytes { left in right.withPathBytes { left.precedes($0) } }
        }
    }
}
