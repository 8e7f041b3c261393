/// A server-sent event as a browser would dispatch it.
struct ServerEvent: Sendable, Equatable {
    var type: String
    var data: String
}

/// The event stream interpretation of the WHATWG HTML standard, section 9.2.6, byte by byte.
///
/// Lines end with CR LF, LF or CR. Exactly one space after the colon is dropped. An event without a `data` field is
/// not dispatched; nor is one that the end of the stream cuts off.
struct EventStreamParser: Sendable {
    private var line: [UInt8] = []
    private var lastWasCarriageReturn = false
    private var isFirstLine = true
    private var type = ""
    private var data: [UInt8]?
    /// Fields other than `event` and `data`, which this protocol never sends.
    private(set) var otherFields: [String] = []

    mutating func parse(_ bytes: some Sequence<UInt8>) -> [ServerEvent] {
        var events: [ServerEvent] = []
        for byte in bytes {
            let followsCarriageReturn = lastWasCarriageReturn
            lastWasCarriageReturn = byte == 0x0d
            if byte == 0x0a, followsCarriageReturn { continue }
            if byte == 0x0a || byte == 0x0d {
                if let event = endLine() { events.append(event) }
            } else {
                line.append(byte)
            }
        }
        return events
    }

    private mutating func endLine() -> ServerEvent? {
        var bytes = line[...]
        line = []
        if isFirstLine, bytes.starts(with: [0xef, 0xbb, 0xbf]) { bytes = bytes.dropFirst(3) }
        isFirstLine = false
        if bytes.isEmpty { return dispatch() }
        let colon = bytes.firstIndex(of: 0x3a)
        if colon == bytes.startIndex { return nil }
        let name = String(decoding: bytes[..<(colon ?? bytes.endIndex)], as: UTF8.self)
        var value = colon.map { bytes[($0 + 1)...] } ?? []
        if value.first == 0x20 { value = value.dropFirst() }
        switch name {
        case "event": type = String(decoding: value, as: UTF8.self)
        case "data": data = (data ?? []) + Array(value) + [0x0a]
        default: otherFields.append(name)
        }
        return nil
    }

    private mutating func dispatch() -> ServerEvent? {
        defer {
            type = ""
            data = nil
        }
        guard let data else { return nil }
        let text = String(decoding: data.dropLast(), as: UTF8.self)
        return ServerEvent(type: type.isEmpty ? "message" : type, data: text)
    }
}
