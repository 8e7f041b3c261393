internal import DurableStreamsHTTP

/// The head of a request in the form in which nearly all of them come, read from its bytes at once: no text is made of
/// fields that nobody asks for. That costs a fifth of what a general decoder costs.
///
/// This is a subset of RFC 9112 without a doubtful case in it. What is not in the subset may be a fine request, a bad one,
/// or not there yet: that is for the decoder to say, which knows all of the grammar.
struct PlainRequest {
    let request: ProtocolRequest
    let facts: RequestFacts
    let headByteCount: Int
    /// `Content-Length`.
    let bodyByteCount: Int

    /// Whoever sends more in a head is in no hurry.
    static let headByteCountLimit = 4 << 10

    /// - Parameters:
    ///   - bytes: What has been received since the last request ended.
    ///   - byteCountLimit: Of the head; at most so much is looked at.
    /// - Returns: nil if the bytes don't begin with a whole head in the plain form.
    static func read(_ bytes: UnsafeRawBufferPointer, byteCountLimit: Int) -> PlainRequest? {
        var reader = Reader(UnsafeRawBufferPointer(rebasing: bytes.prefix(byteCountLimit)))
        guard let method = reader.method(), let target = reader.target() else { return nil }
        var request = ProtocolRequest(method: method, target: target)
        var facts = RequestFacts()
        facts.hostCount = 0
        while !reader.isAtEndOfHead {
            guard let (name, value) = reader.field(), facts.notePlain(name, value) else { return nil }
            request.addHeader(name: name, value: value)
        }
        guard facts.hostCount == 1 else { return nil }
        return PlainRequest(
            request: request, facts: facts, headByteCount: reader.place + 2,
            bodyByteCount: facts.announcedByteCount ?? 0)
    }

    /// Whether the bytes begin with a request line that is wrong in a way that the decoder does not mind: two spaces where
    /// one has to be (RFC 9112 section 3), or another protocol's name.
    static func hasMalformedLine(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let line = bytes.prefix { $0 != 0x0D && $0 != 0x0A }
        if line.indices.dropFirst().contains(where: { line[$0] == 0x20 && line[$0 - 1] == 0x20 }) { return true }
        let isWhole = line.count < bytes.count
        return isWhole && !line.isEmpty && !line.suffix(9).dropLast(3).elementsEqual(" HTTP/".utf8)
    }
}

extension RequestFacts {
    /// False if the field makes the request more than plain.
    fileprivate mutating func notePlain(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool {
        switch name.count {
        case 4 where name.equals("host"): hostCount += 1
        case 6 where name.equals("expect"), 7 where name.equals("upgrade"), 16 where name.equals("proxy-connection"),
            17 where name.equals("transfer-encoding"):
            return false
        case 10 where name.equals("connection"): return value.equals("keep-alive")
        case 14 where name.equals("content-length"):
            guard announcedByteCount == nil, let byteCount = value.plainNumber else { return false }
            announcedByteCount = byteCount
        default: break
        }
        return true
    }
}

/// Goes over the bytes once. Each function gives nil where they are not plain.
private struct Reader {
    private let bytes: UnsafeRawBufferPointer
    private(set) var place = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Only asked where a line begins.
    var isAtEndOfHead: Bool {
        place + 1 < bytes.count && bytes[place] == UInt8(ascii: "\r") && bytes[place + 1] == UInt8(ascii: "\n")
    }

    mutating func method() -> ProtocolRequest.Method? {
        guard bytes.count > 8 else { return nil }
        switch bytes[0] {
        case UInt8(ascii: "G") where skip("GET "): return .get
        case UInt8(ascii: "H") where skip("HEAD "): return .head
        case UInt8(ascii: "P") where skip("POST "): return .post
        case UInt8(ascii: "P") where skip("PUT "): return .put
        case UInt8(ascii: "D") where skip("DELETE "): return .delete
        case UInt8(ascii: "O") where skip("OPTIONS "): return .options
        default: return otherMethod()
        }
    }

    /// Any token is a method (RFC 9110 section 9.1), though the decoder knows only the registered ones. Not CONNECT, after
    /// which the decoder reads nothing.
    private mutating func otherMethod() -> ProtocolRequest.Method? {
        while place < bytes.count, bytes[place].isTokenCharacter { place += 1 }
        let name = String(decoding: bytes[..<place], as: UTF8.self)
        return place > 0 && skip(" ") && name != "CONNECT" ? .other(name) : nil
    }

    /// In origin form, in printable ASCII, without a fragment.
    mutating func target() -> String? {
        guard place < bytes.count, bytes[place] == UInt8(ascii: "/") else { return nil }
        let start = place
        while place < bytes.count, bytes[place] > 0x20, bytes[place] < 0x7F, bytes[place] != UInt8(ascii: "#") {
            place += 1
        }
        let end = place
        guard skip(" HTTP/1.1\r\n") else { return nil }
        return String(decoding: bytes[start..<end], as: UTF8.self)
    }

    /// A field line, without the white space around its value.
    mutating func field() -> (name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)? {
        let start = place
        while place < bytes.count, bytes[place].isTokenCharacter { place += 1 }
        guard place > start, place < bytes.count, bytes[place] == UInt8(ascii: ":") else { return nil }
        let name = UnsafeRawBufferPointer(rebasing: bytes[start..<place])
        place += 1
        while place < bytes.count, bytes[place].isBlank { place += 1 }
        let valueStart = place
        while place < bytes.count, bytes[place] >= 0x20 && bytes[place] != 0x7F || bytes[place] == 0x09 { place += 1 }
        var end = place
        guard skip("\r\n") else { return nil }
        while end > valueStart, bytes[end - 1].isBlank { end -= 1 }
        return (name, UnsafeRawBufferPointer(rebasing: bytes[valueStart..<end]))
    }

    private mutating func skip(_ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        guard bytes.count - place >= count else { return false }
        for index in 0..<count where bytes[place + index] != text.utf8Start[index] { return false }
        place += count
        return true
    }
}

extension UInt8 {
    fileprivate var isBlank: Bool { self == 0x20 || self == 0x09 }

    /// RFC 9110 section 5.6.2.
    var isTokenCharacter: Bool {
        // One bit for each character below and above 64.
        let low: UInt64 = 0x03FF_6CFA_0000_0000
        let high: UInt64 = 0x57FF_FFFF_C7FF_FFFE
        return self < 128 && (self < 64 ? low : high) >> UInt64(self & 63) & 1 == 1
    }
}

extension UnsafeRawBufferPointer {
    /// Compares with a text in lower case, letter case of ASCII aside.
    fileprivate func equals(_ lowercase: StaticString) -> Bool {
        guard count == lowercase.utf8CodeUnitCount else { return false }
        for index in 0..<count {
            let byte = self[index]
            guard (byte &- 0x41 < 26 ? byte | 0x20 : byte) == lowercase.utf8Start[index] else { return false }
        }
        return true
    }

    /// One to nine digits.
    fileprivate var plainNumber: Int? {
        guard 1...9 ~= count else { return nil }
        var value = 0
        for byte in self {
            guard 0x30...0x39 ~= byte else { return nil }
            value = value * 10 + Int(byte - 0x30)
        }
        return value
    }
}
