/// The messages of one request body, checked, and how they are stored.
///
/// The stored form is each message with its own bytes, followed by one comma; white space between messages is dropped.
/// An array is flattened by one level, so its elements are the messages; any other value is one message.
///
/// A batch remembers where the messages are, in at most the size of the body, and not their bytes.
struct JSONBatch {
    /// A part of the stored form has at most so many bytes, unless it is a single message.
    static let partByteCount = 65_536

    /// 0 for an empty array.
    private(set) var messageCount = 0

    /// The length of the stored form.
    private(set) var storedByteCount = 0

    /// Where to cut the stored form into parts of whole messages: the end of each part, in ascending order.
    /// The last one is ``storedByteCount``. Empty if there are no messages.
    private(set) var parts: [Int] = []

    /// Where the messages are in the body. A range covers those between which there is nothing but a comma.
    private var ranges = JSONMessageRanges()

    private init() {}

    /// Checks a body: RFC 8259, UTF-8 without byte order mark, nested at most 10,000 deep, an array to be flattened
    /// included. Takes one pass over the bytes.
    static func parse(_ body: UnsafeRawBufferPointer) throws(JSONSyntaxError) -> JSONBatch {
        let validator = JSONValidator(body)
        let start = validator.skipWhiteSpace(from: 0)
        guard start < body.count else { throw validator.endError }
        // Where white space may be, a byte order mark is refused like anything else; here it gets its name.
        if validator.startsWithByteOrderMark { throw JSONSyntaxError(byteOffset: 0, reason: .byteOrderMark) }

        var batch = JSONBatch()
        var end = start
        if validator.byte(at: start) == UInt8(ascii: "[") {
            end = try batch.addElements(from: start, validator)
        } else {
            end = try validator.skipValue(from: start, enclosingDepth: 0)
            batch.addMessage(start..<end)
        }
        end = validator.skipWhiteSpace(from: end)
        guard end == body.count else { throw JSONSyntaxError(byteOffset: end, reason: .trailingBytes) }

        batch.ranges.finish()
        if batch.parts.last ?? 0 < batch.storedByteCount { batch.parts.append(batch.storedByteCount) }
        return batch
    }

    /// Adds the elements of the array that begins at `openingBracket` and returns the offset behind it.
    private mutating func addElements(
        from openingBracket: Int, _ validator: JSONValidator
    ) throws(JSONSyntaxError) -> Int {
        var offset = validator.skipWhiteSpace(from: openingBracket + 1)
        guard offset < validator.bytes.count else { throw validator.endError }
        if validator.byte(at: offset) == UInt8(ascii: "]") { return offset + 1 }
        while true {
            let end = try validator.skipValue(from: offset, enclosingDepth: 1)
            addMessage(offset..<end)
            offset = validator.skipWhiteSpace(from: end)
            guard offset < validator.bytes.count else { throw validator.endError }
            switch validator.byte(at: offset) {
            case UInt8(ascii: ","): offset = validator.skipWhiteSpace(from: offset + 1)
            case UInt8(ascii: "]"): return offset + 1
            default: throw JSONSyntaxError(byteOffset: offset, reason: .commaOrClosingBracketExpected)
            }
        }
    }

    @inline(__always)
    private mutating func addMessage(_ range: Range<Int>) {
        let partStart = parts.last ?? 0
        if storedByteCount > partStart, storedByteCount + range.count + 1 - partStart > Self.partByteCount {
            parts.append(storedByteCount)
        }
        messageCount += 1
        storedByteCount += range.count + 1
        ranges.add(range)
    }

    /// The part of the body that is the stored form but for its last comma, if no white space lies between messages.
    var contiguousRange: Range<Int>? { ranges.single }

    /// Writes the stored form, from the body that was parsed, into ``storedByteCount`` bytes.
    func write(into stored: UnsafeMutableRawBufferPointer, from body: UnsafeRawBufferPointer) {
        precondition(stored.count == storedByteCount, "the stored form has another length")
        var offset = 0
        ranges.forEach { range in
            UnsafeMutableRawBufferPointer(rebasing: stored[offset..<offset + range.count])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: body[range]))
            stored[offset + range.count] = UInt8(ascii: ",")
            offset += range.count + 1
        }
    }
}
