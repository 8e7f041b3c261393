import DurableStreamsWire

/// The query of a read.
struct ReadQuery: Equatable {
    enum Offset: Equatable {
        /// `-1`.
        case start
        /// `now`.
        case now
        case token(OffsetToken)
    }

    enum Live: Equatable {
        case longPoll
        case eventStream
    }

    var offset: Offset?
    var live: Live?
    /// Nil also if it is no number.
    var cursor: UInt64?

    init() {}

    /// Names are case-sensitive; other parameters are ignored; a parameter of the protocol may occur only once.
    init(_ query: Substring?) throws(Refusal) {
        guard var query, !query.isEmpty else { return }
        let result: Result<ReadQuery, Refusal> = query.withUTF8 { bytes in
            Self.parse(UnsafeRawBufferPointer(bytes))
        }
        self = try result.get()
    }

    private static func parse(_ bytes: UnsafeRawBufferPointer) -> Result<ReadQuery, Refusal> {
        var query = ReadQuery()
        var seen = (offset: false, live: false, cursor: false)
        var start = 0
        let isPlain = QueryText.isPlain(bytes)
        do throws(Refusal) {
            while start <= bytes.count {
                var end = start
                var equals: Int?
                while end < bytes.count, bytes[end] != UInt8(ascii: "&") {
                    if equals == nil, bytes[end] == UInt8(ascii: "=") { equals = end }
                    end += 1
                }
                let nameEnd = equals ?? end
                let name = QueryText(bytes[start..<nameEnd], isPlain: isPlain)
                let value = QueryText(bytes[min(nameEnd + 1, end)..<end], isPlain: isPlain)
                if name.equals("offset") {
                    try once(&seen.offset, "offset")
                    query.offset = try offset(value)
                } else if name.equals("live") {
                    try once(&seen.live, "live")
                    query.live = try live(value)
                } else if name.equals("cursor") {
                    try once(&seen.cursor, "cursor")
                    query.cursor = value.withBytes { CursorClock.parse($0) }
                }
                start = end + 1
            }
            return .success(query)
        } catch {
            return .failure(error)
        }
    }

    private static func once(_ seen: inout Bool, _ name: String) throws(Refusal) {
        if seen { throw .badRequest("the query parameter '\(name)' occurs twice") }
        seen = true
    }

    private static func offset(_ value: QueryText) throws(Refusal) -> Offset {
        if value.equals("-1") { return .start }
        if value.equals("now") { return .now }
        guard let token = value.withBytes({ OffsetToken($0) }) else {
            throw .badRequest("the query parameter 'offset' is not an offset of a stream, -1 or now")
        }
        return .token(token)
    }

    private static func live(_ value: QueryText) throws(Refusal) -> Live {
        if value.equals("long-poll") { return .longPoll }
        if value.equals("sse") { return .eventStream }
        throw .badRequest("the query parameter 'live' is neither long-poll nor sse")
    }
}
