/// Ranges of a body in ascending order, the usual single one without an allocation.
///
/// The ranges after the first are kept as pairs of numbers in 7-bit groups: the gap before the range and its length.
/// A range takes at least a byte of the body and a gap two, so the pairs are never longer than the body.
struct JSONMessageRanges {
    private var first: Range<Int>?
    private var others: [UInt8] = []
    /// The range that the next message may still extend.
    private var last: Range<Int>?
    private var encodedEnd = 0

    /// The memory that the ranges after the first take.
    var encodedByteCount: Int { others.count }

    /// Adds a message behind all others.
    @inline(__always)
    mutating func add(_ message: Range<Int>) {
        guard let last else {
            self.last = message
            return
        }
        // One byte between two messages is their comma.
        if message.lowerBound == last.upperBound + 1 {
            self.last = last.lowerBound..<message.upperBound
        } else {
            encode(last)
            self.last = message
        }
    }

    /// Ends the adding. Call before ``forEach(_:)``.
    mutating func finish() {
        if let last { encode(last) }
        last = nil
    }

    private mutating func encode(_ range: Range<Int>) {
        if first == nil {
            first = range
        } else {
            append(range.lowerBound - encodedEnd)
            append(range.count)
        }
        encodedEnd = range.upperBound
    }

    private mutating func append(_ number: Int) {
        var rest = UInt(number)
        while rest >= 0x80 {
            others.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        others.append(UInt8(rest))
    }

    /// The only range, if there is one only. Call after ``finish()``.
    var single: Range<Int>? { others.isEmpty ? first : nil }

    @inline(__always)
    func forEach(_ body: (Range<Int>) -> Void) {
        guard let first else { return }
        body(first)
        var end = first.upperBound
        var index = 0
        while index < others.count {
            let start = end + readNumber(at: &index)
            end = start + readNumber(at: &index)
            body(start..<end)
        }
    }

    @inline(__always)
    private func readNumber(at index: inout Int) -> Int {
        var number = 0
        var shift = 0
        while true {
            let group = others[index]
            index += 1
            number |= Int(group & 0x7F) << shift
            if group < 0x80 { return number }
            shift += 7
        }
    }
}
