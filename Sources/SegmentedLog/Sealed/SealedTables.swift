/// Goes through the stream tables of several sealed segments at once, by stream number.
struct SealedTables {
    private let segments: [SealedSegment]
    private var rows: [Int]
    /// The number in the next row of each; nil at its end.
    private var heads: [UInt64?]

    init(_ segments: [SealedSegment]) {
        self.segments = segments
        rows = segments.map { _ in 0 }
        heads = segments.map { $0.streamCount > 0 ? $0.stream(at: 0).number.rawValue : nil }
    }

    /// The smallest number that was not passed yet.
    var nextNumber: StreamNumber? {
        var smallest: UInt64?
        for head in heads {
            if let head, head < smallest ?? .max { smallest = head }
        }
        return smallest.map { StreamNumber(rawValue: $0) }
    }

    /// Calls with each segment that has a row of this stream, in their order.
    func forEachRow(of number: StreamNumber, _ body: (_ segment: Int, _ row: Int, SealedStream) -> Void) {
        for index in segments.indices where heads[index] == number.rawValue {
            body(index, rows[index], segments[index].stream(at: rows[index]))
        }
    }

    mutating func advance(past number: StreamNumber) {
        for index in segments.indices where heads[index] == number.rawValue {
            rows[index] += 1
            heads[index] =
                rows[index] < segments[index].streamCount ? segments[index].stream(at: rows[index]).number.rawValue : nil
        }
    }
}
