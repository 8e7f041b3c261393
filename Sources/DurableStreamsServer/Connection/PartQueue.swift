internal import NIOCore
internal import NIOHTTP1

/// What a client sent ahead, in order, until its turn comes. Costs nothing while empty.
///
/// Reads are withheld as soon as something waits here, so it holds what one read brought; only the end of a connection
/// brings all that the kernel has at once, and then ``byteCountLimit`` cuts it.
struct PartQueue {
    enum Item {
        case part(HTTPServerRequestPart)
        /// Nothing after this can be understood.
        case failure(InputFailure)
    }

    /// More than the kernel holds for one connection, so that only swarms of tiny requests are ever cut.
    static let byteCountLimit = 8 << 20
    /// What a queued head or end is taken to cost.
    private static let partByteCount = 1 << 10

    private var items: [Item] = []
    private var firstIndex = 0
    private var byteCount = 0
    private var isCut = false

    var isEmpty: Bool { firstIndex == items.count }

    /// Adds an item. If there is no room, the queue ends in a failure instead: what is before it gets its answers, what
    /// comes after it means nothing any more.
    mutating func append(_ item: Item) {
        guard !isCut else { return }
        byteCount += Self.size(of: item)
        if byteCount > Self.byteCountLimit {
            isCut = true
            items.append(.failure(.tooMuchAhead))
        } else {
            items.append(item)
        }
    }

    mutating func popFirst() -> Item? {
        guard firstIndex < items.count else { return nil }
        let item = items[firstIndex]
        byteCount -= Self.size(of: item)
        firstIndex += 1
        if firstIndex == items.count {
            removeAll()
        } else if firstIndex >= 64 && firstIndex * 2 > items.count {
            items.removeFirst(firstIndex)
            firstIndex = 0
        }
        return item
    }

    mutating func removeAll() {
        items = []
        firstIndex = 0
        byteCount = 0
    }

    private static func size(of item: Item) -> Int {
        if case .part(.body(let bytes)) = item { return bytes.readableBytes + 64 }
        return partByteCount
    }
}
