internal import Glibc

/// The status and the few header fields that a client of the protocol looks at.
struct ResponseHead {
    var status = 0
    var contentLength: Int?
    var isChunked = false
    /// The server closes the connection after this response.
    var closes = false
    var isUpToDate = false
    var isClosed = false
    var isEventStream = false
    /// Whether data events are base64.
    var hasBase64Events = false
    var isEncoded = false
    var producerSequence: Int?
    /// The bytes of Stream-Next-Offset and Stream-Cursor; empty if there is none.
    var nextOffset: [UInt8] = []
    var cursor: [UInt8] = []

    /// Keeps the memory for the next response.
    mutating func reset() {
        status = 0
        contentLength = nil
        isChunked = false
        closes = false
        isUpToDate = false
        isClosed = false
        isEventStream = false
        hasBase64Events = false
        isEncoded = false
        producerSequence = nil
        nextOffset.removeAll(keepingCapacity: true)
        cursor.removeAll(keepingCapacity: true)
    }

    /// `HTTP/1.1 200 OK`
    mutating func readStatusLine(_ line: UnsafeRawBufferPointer) throws(ResponseError) {
        guard line.count >= 12, memcmp(line.baseAddress!, "HTTP/1.1 ", 9) == 0,
            let status = Self.number(line[9..<12]), status >= 100, line.count == 12 || line[12] == UInt8(ascii: " ")
        else { throw .statusLine }
        self.status = status
    }

    mutating func readField(_ line: UnsafeRawBufferPointer) throws(ResponseError) {
        guard let colon = memchr(line.baseAddress!, CInt(UInt8(ascii: ":")), line.count) else { throw .field }
        let nameCount = UnsafeRawPointer(colon) - line.baseAddress!
        guard nameCount > 0, line[nameCount - 1] > UInt8(ascii: " ") else { throw .field }
        // The length decides for most of the fields that don't matter here.
        switch nameCount {
        case 10 where Self.isName(line, "connection"): closes = Self.isValue(line, nameCount, "close")
        case 12 where Self.isName(line, "content-type"):
            isEventStream = Self.hasPrefix(line, nameCount, "text/event-stream")
        case 12 where Self.isName(line, "producer-seq"):
            producerSequence = Self.number(Self.value(line, nameCount))
        case 13 where Self.isName(line, "stream-closed"): isClosed = Self.isValue(line, nameCount, "true")
        case 13 where Self.isName(line, "stream-cursor"): cursor.append(contentsOf: Self.value(line, nameCount))
        case 14 where Self.isName(line, "content-length"):
            guard contentLength == nil, let count = Self.number(Self.value(line, nameCount)) else {
                throw .contentLength
            }
            contentLength = count
        case 16 where Self.isName(line, "content-encoding"): isEncoded = true
        case 17 where Self.isName(line, "transfer-encoding"):
            guard Self.isValue(line, nameCount, "chunked") else { throw .transferEncoding }
            isChunked = true
        case 17 where Self.isName(line, "stream-up-to-date"): isUpToDate = Self.isValue(line, nameCount, "true")
        case 18 where Self.isName(line, "stream-next-offset"):
            nextOffset.append(contentsOf: Self.value(line, nameCount))
        case 24 where Self.isName(line, "stream-sse-data-encoding"):
            hasBase64Events = Self.isValue(line, nameCount, "base64")
        default: break
        }
    }

    /// Decimal digits and nothing else, at most 15 of them.
    private static func number(_ digits: Slice<UnsafeRawBufferPointer>) -> Int? {
        guard (1...15).contains(digits.count) else { return nil }
        var number = 0
        for digit in digits {
            guard digit >= UInt8(ascii: "0"), digit <= UInt8(ascii: "9") else { return nil }
            number = number &* 10 &+ Int(digit &- UInt8(ascii: "0"))
        }
        return number
    }

    /// Without the white space around it.
    private static func value(_ line: UnsafeRawBufferPointer, _ nameCount: Int) -> Slice<UnsafeRawBufferPointer> {
        func isSpace(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }
        var (start, end) = (nameCount + 1, line.count)
        while start < end, isSpace(line[start]) { start += 1 }
        while end > start, isSpace(line[end - 1]) { end -= 1 }
        return line[start..<end]
    }

    /// Whether the line begins with the name, which is in lower case, in any case.
    private static func isName(_ line: UnsafeRawBufferPointer, _ name: StaticString) -> Bool {
        strncasecmp(line.baseAddress!.assumingMemoryBound(to: CChar.self), name.chars, name.utf8CodeUnitCount) == 0
    }

    private static func isValue(_ line: UnsafeRawBufferPointer, _ nameCount: Int, _ text: StaticString) -> Bool {
        value(line, nameCount).count == text.utf8CodeUnitCount && hasPrefix(line, nameCount, text)
    }

    private static func hasPrefix(_ line: UnsafeRawBufferPointer, _ nameCount: Int, _ text: StaticString) -> Bool {
        let value = UnsafeRawBufferPointer(rebasing: value(line, nameCount))
        return value.count >= text.utf8CodeUnitCount && isName(value, text)
    }
}

extension StaticString {
    fileprivate var chars: UnsafePointer<CChar> { UnsafeRawPointer(utf8Start).assumingMemoryBound(to: CChar.self) }
}
