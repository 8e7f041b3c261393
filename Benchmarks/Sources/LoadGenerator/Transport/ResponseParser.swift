internal import Glibc

/// What is wrong with bytes that ought to be a response.
enum ResponseError: Error, CustomStringConvertible {
    case statusLine, field, contentLength, transferEncoding, lineEnd, chunkSize, chunkEnd, headTooLong, unexpected, cut

    var description: String {
        switch self {
        case .statusLine: "a response does not begin with a status line of HTTP/1.1"
        case .field: "a header line is no field"
        case .contentLength: "Content-Length is no number, is there twice or beside Transfer-Encoding"
        case .transferEncoding: "a transfer encoding that nobody asked for"
        case .lineEnd: "a line of the head does not end with CR LF"
        case .chunkSize: "the size of a chunk is no hexadecimal number"
        case .chunkEnd: "a chunk does not end where its size says"
        case .headTooLong: "the head of a response is longer than 64 KiB"
        case .unexpected: "bytes that no request has asked for"
        case .cut: "the connection ended within a response"
        }
    }
}

enum ResponseEvent {
    /// The head is complete, see ``ResponseParser/head``.
    case head
    /// A piece of the body, without chunk framing. Valid until the bytes that were given are overwritten.
    case body(UnsafeRawBufferPointer)
    case end
}

/// Takes the bytes of one connection as they come and gives responses, strictly by RFC 9112.
///
/// Bytes are looked at where they lie; only a head that has not arrived whole is kept, so that a connection that waits
/// costs next to nothing.
struct ResponseParser {
    private enum State {
        case head
        case fixed(remaining: Int)
        case chunkSize(value: Int, digitCount: Int, phase: ChunkSizePhase)
        case chunk(remaining: Int)
        case chunkEnd(hasCarriageReturn: Bool)
        case trailer(lineCount: Int, hasCarriageReturn: Bool)
        case untilClose
        case end
    }

    private enum ChunkSizePhase { case digits, parameters, carriageReturn }

    static let headByteCountLimit = 64 << 10
    private static let chunkStart = State.chunkSize(value: 0, digitCount: 0, phase: .digits)

    private(set) var head = ResponseHead()
    /// Whether the requests on this connection are HEAD, whose answers have no body whatever they announce.
    var answersHead = false
    /// Whether a request has been sent to which no answer has begun: bytes without one are an error.
    var expectsResponse = false
    private var state = State.head
    private var incompleteHead: [UInt8] = []

    /// Whether a response has begun and not ended.
    var isInResponse: Bool {
        if case .head = state { !incompleteHead.isEmpty } else { true }
    }

    /// The next event in the bytes, which are advanced past it; nil when all have been taken.
    mutating func next(_ bytes: inout UnsafeRawBufferPointer) throws(ResponseError) -> ResponseEvent? {
        while true {
            switch state {
            case .head:
                guard !bytes.isEmpty else { return nil }
                guard expectsResponse else { throw .unexpected }
                guard try takeHead(&bytes) else { return nil }
                // Interim responses announce the one that counts.
                if (100..<200).contains(head.status) { continue }
                expectsResponse = false
                state = try stateAfterHead()
                return .head
            case .fixed(let remaining):
                if remaining == 0 {
                    state = .head
                    return .end
                }
                guard let piece = Self.take(remaining, &bytes) else { return nil }
                state = .fixed(remaining: remaining - piece.count)
                return .body(piece)
            case .chunk(let remaining):
                guard let piece = Self.take(remaining, &bytes) else { return nil }
                let missing = remaining - piece.count
                state = missing == 0 ? .chunkEnd(hasCarriageReturn: false) : .chunk(remaining: missing)
                return .body(piece)
            case .untilClose:
                guard let piece = Self.take(.max, &bytes) else { return nil }
                return .body(piece)
            case .end:
                state = .head
                return .end
            case .chunkSize, .chunkEnd, .trailer:
                guard let byte = bytes.first else { return nil }
                bytes = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
                try takeFraming(byte)
            }
        }
    }

    /// The connection has ended. Returns whether that ends a response.
    mutating func finish() throws(ResponseError) -> Bool {
        if case .untilClose = state {
            state = .head
            return true
        }
        if isInResponse { throw .cut }
        return false
    }

    private mutating func takeHead(_ bytes: inout UnsafeRawBufferPointer) throws(ResponseError) -> Bool {
        if incompleteHead.isEmpty {
            guard let count = try readHead(bytes) else {
                guard bytes.count <= Self.headByteCountLimit else { throw .headTooLong }
                incompleteHead.append(contentsOf: bytes)
                bytes = UnsafeRawBufferPointer(rebasing: bytes[bytes.count...])
                return false
            }
            bytes = UnsafeRawBufferPointer(rebasing: bytes[count...])
            return true
        }
        let knownCount = incompleteHead.count
        incompleteHead.append(contentsOf: bytes)
        var whole: [UInt8] = []
        swap(&whole, &incompleteHead)
        let outcome = whole.withUnsafeBytes { pointer in
            Result { () throws(ResponseError) in try readHead(pointer) }
        }
        guard let count = try outcome.get() else {
            guard whole.count <= Self.headByteCountLimit else { throw .headTooLong }
            swap(&whole, &incompleteHead)
            bytes = UnsafeRawBufferPointer(rebasing: bytes[bytes.count...])
            return false
        }
        bytes = UnsafeRawBufferPointer(rebasing: bytes[(count - knownCount)...])
        return true
    }

    /// Reads a head if it is there whole, and returns its length.
    private mutating func readHead(_ bytes: UnsafeRawBufferPointer) throws(ResponseError) -> Int? {
        head.reset()
        var start = 0
        while true {
            guard start < bytes.count,
                let lineFeed = memchr(bytes.baseAddress! + start, CInt(UInt8(ascii: "\n")), bytes.count - start)
            else { return nil }
            let end = UnsafeRawPointer(lineFeed) - bytes.baseAddress!
            guard end > start, bytes[end - 1] == UInt8(ascii: "\r") else { throw .lineEnd }
            let line = UnsafeRawBufferPointer(rebasing: bytes[start..<(end - 1)])
            if line.isEmpty {
                guard start > 0 else { throw .statusLine }
                return end + 1
            }
            if start == 0 { try head.readStatusLine(line) } else { try head.readField(line) }
            start = end + 1
        }
    }

    private func stateAfterHead() throws(ResponseError) -> State {
        if head.isChunked, head.contentLength != nil { throw .contentLength }
        if answersHead || head.status == 204 || head.status == 304 { return .end }
        if head.isChunked { return Self.chunkStart }
        if let count = head.contentLength { return .fixed(remaining: count) }
        return .untilClose
    }

    /// One byte of what stands around chunks.
    private mutating func takeFraming(_ byte: UInt8) throws(ResponseError) {
        switch state {
        case .chunkSize(let value, let digitCount, let phase):
            state = try stateInChunkSize(value, digitCount, phase, byte)
        case .chunkEnd(let hasCarriageReturn):
            guard byte == UInt8(ascii: hasCarriageReturn ? "\n" : "\r") else { throw .chunkEnd }
            state = hasCarriageReturn ? Self.chunkStart : .chunkEnd(hasCarriageReturn: true)
        case .trailer(let lineCount, let hasCarriageReturn):
            switch (hasCarriageReturn, byte) {
            case (true, UInt8(ascii: "\n")):
                state = lineCount == 0 ? .end : .trailer(lineCount: 0, hasCarriageReturn: false)
            case (true, _), (false, UInt8(ascii: "\n")): throw .lineEnd
            case (false, UInt8(ascii: "\r")): state = .trailer(lineCount: lineCount, hasCarriageReturn: true)
            case (false, _):
                guard lineCount < Self.headByteCountLimit else { throw .headTooLong }
                state = .trailer(lineCount: lineCount + 1, hasCarriageReturn: false)
            }
        case .head, .fixed, .chunk, .untilClose, .end: preconditionFailure("not in the framing of chunks")
        }
    }

    private func stateInChunkSize(
        _ value: Int, _ digitCount: Int, _ phase: ChunkSizePhase, _ byte: UInt8
    ) throws(ResponseError) -> State {
        switch (phase, byte) {
        case (.carriageReturn, UInt8(ascii: "\n")):
            return value == 0 ? .trailer(lineCount: 0, hasCarriageReturn: false) : .chunk(remaining: value)
        case (.carriageReturn, _): throw .chunkSize
        case (_, UInt8(ascii: "\r")) where digitCount > 0:
            return .chunkSize(value: value, digitCount: digitCount, phase: .carriageReturn)
        case (.parameters, 0x20...): return .chunkSize(value: value, digitCount: digitCount, phase: .parameters)
        case (.digits, UInt8(ascii: ";")) where digitCount > 0:
            return .chunkSize(value: value, digitCount: digitCount, phase: .parameters)
        case (.digits, _):
            guard let digit = HexadecimalDigits.value(of: byte), digitCount < 12 else { throw .chunkSize }
            return .chunkSize(value: value << 4 | digit, digitCount: digitCount + 1, phase: .digits)
        default: throw .chunkSize
        }
    }

    private static func take(_ limit: Int, _ bytes: inout UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        guard !bytes.isEmpty else { return nil }
        let piece = UnsafeRawBufferPointer(rebasing: bytes.prefix(limit))
        bytes = UnsafeRawBufferPointer(rebasing: bytes[piece.count...])
        return piece
    }
}
