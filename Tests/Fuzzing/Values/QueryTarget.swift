/// Queries of reads. One that is taken is taken again when it is written plainly.
enum QueryTarget: FuzzTarget {
    static let name = "query"

    static func seeds() -> [[UInt8]] {
        [
            "offset=-1", "offset=now&live=sse", "live=long-poll&cursor=123&offset=0000000000000000_0000000000000012",
            "o%66fset=%2d1&x=%zz&&=&cursor=+", "cursor=999999999999999&cursor=1", "live=",
        ].map { Array($0.utf8) }
    }

    static func run(_ bytes: UnsafeRawBufferPointer) {
        guard let query = try? ReadQuery(Substring(bytes.text)) else { return }
        var parts: [String] = []
        switch query.offset {
        case .start: parts.append("offset=-1")
        case .now: parts.append("offset=now")
        case .token(let token): parts.append("offset=\(token)")
        case nil: break
        }
        if let live = query.live { parts.append("live=" + (live == .longPoll ? "long-poll" : "sse")) }
        if let cursor = query.cursor { parts.append("cursor=\(cursor)") }
        let text = parts.joined(separator: "&")
        guard let again = try? ReadQuery(Substring(text)) else { fail("a plain query is refused: \(text)") }
        expect(again == query, "a plain query is another one: \(text)")
    }
}
