internal import Glibc

/// An event of `text/event-stream`, as servers of the protocol send them.
enum StreamEvent {
    /// The lines of a data event, joined by line feeds. Valid until the bytes that were given are overwritten.
    case data(UnsafeRawBufferPointer)
    case control(UnsafeRawBufferPointer)
}

enum EventStreamError: Error, CustomStringConvertible {
    case unknownField, unknownEvent, eventWithoutData, eventTooLong

    var description: String {
        switch self {
        case .unknownField: "a line of the event stream is no event:, data: or comment"
        case .unknownEvent: "an event that is neither data nor control"
        case .eventWithoutData: "an event without a data line"
        case .eventTooLong: "an event is longer than 64 MiB"
        }
    }
}

/// Takes the body of an event stream as it comes and gives events. Lines end with LF or CR LF.
///
/// An event of one data line that lies whole in the given bytes is not copied.
struct EventStreamParser {
    private enum Kind { case none, data, control }

    private static let byteCountLimit = 64 << 20

    private var kind = Kind.none
    private var dataLineCount = 0
    /// The data line of an event that has not ended yet, where it lies in the bytes that were given.
    private var line: UnsafeRawBufferPointer?
    /// The data lines of the event, once they had to be copied.
    private var lines = CopiedLines()
    private var incompleteLine: [UInt8] = []

    /// Whether an event has begun and not ended.
    var isInEvent: Bool { kind != .none || dataLineCount > 0 || !incompleteLine.isEmpty }

    mutating func reset() { self = EventStreamParser() }

    /// The next event in the bytes, which are advanced past it; nil when all have been taken.
    mutating func next(_ bytes: inout UnsafeRawBufferPointer) throws(EventStreamError) -> StreamEvent? {
        while !bytes.isEmpty {
            guard let lineFeed = memchr(bytes.baseAddress!, CInt(UInt8(ascii: "\n")), bytes.count) else {
                guard incompleteLine.count + bytes.count <= Self.byteCountLimit else { throw .eventTooLong }
                incompleteLine.append(contentsOf: bytes)
                bytes = UnsafeRawBufferPointer(rebasing: bytes[bytes.count...])
                break
            }
            let count = UnsafeRawPointer(lineFeed) - bytes.baseAddress!
            let found = UnsafeRawBufferPointer(rebasing: bytes[..<count])
            bytes = UnsafeRawBufferPointer(rebasing: bytes[(count + 1)...])
            if incompleteLine.isEmpty {
                if let event = try take(found, mayBorrow: true) { return event }
            } else {
                var whole: [UInt8] = []
                swap(&whole, &incompleteLine)
                whole.append(contentsOf: found)
                let outcome = whole.withUnsafeBytes { pointer in
                    Result { () throws(EventStreamError) in try take(pointer, mayBorrow: false) }
                }
                whole.removeAll(keepingCapacity: whole.count < 4_096)
                incompleteLine = whole
                if let event = try outcome.get() { return event }
            }
        }
        // The bytes are about to be overwritten.
        keepLine()
        return nil
    }

    private mutating func take(
        _ line: UnsafeRawBufferPointer, mayBorrow: Bool
    ) throws(EventStreamError) -> StreamEvent? {
        let line = line.last == UInt8(ascii: "\r") ? UnsafeRawBufferPointer(rebasing: line.dropLast()) : line
        if line.isEmpty { return try endEvent() }
        if line.count >= 5, memcmp(line.baseAddress!, "data:", 5) == 0 {
            takeData(Self.value(line, after: 5), mayBorrow)
        } else if line.count >= 6, memcmp(line.baseAddress!, "event:", 6) == 0 {
            let name = Self.value(line, after: 6)
            if name.elementsEqual("data".utf8) {
                kind = .data
            } else if name.elementsEqual("control".utf8) {
                kind = .control
            } else {
                throw .unknownEvent
            }
        } else if line[0] != UInt8(ascii: ":") {
            throw .unknownField
        }
        return nil
    }

    private mutating func takeData(_ value: UnsafeRawBufferPointer, _ mayBorrow: Bool) {
        if dataLineCount == 0, mayBorrow {
            line = value
        } else {
            keepLine()
            if dataLineCount == 0 { lines.removeAll() } else { lines.append([UInt8(ascii: "\n")]) }
            lines.append(value)
        }
        dataLineCount += 1
    }

    private mutating func keepLine() {
        guard let line else { return }
        lines.removeAll()
        lines.append(line)
        self.line = nil
    }

    private mutating func endEvent() throws(EventStreamError) -> StreamEvent? {
        let ended = kind
        guard ended != .none || dataLineCount > 0 else { return nil }
        guard dataLineCount > 0 else { throw .eventWithoutData }
        kind = .none
        dataLineCount = 0
        let data = line ?? lines.bytes
        line = nil
        switch ended {
        case .data: return .data(data)
        case .control: return .control(data)
        case .none: throw .unknownEvent
        }
    }

    /// What follows the colon, without the one space that may follow it.
    private static func value(_ line: UnsafeRawBufferPointer, after count: Int) -> UnsafeRawBufferPointer {
        let start = line.count > count && line[count] == UInt8(ascii: " ") ? count + 1 : count
        return UnsafeRawBufferPointer(rebasing: line[start...])
    }
}

/// Bytes at an address that stays until they change, so that an event can lend them out.
private struct CopiedLines {
    private final class Storage {
        var buffer: UnsafeMutableRawBufferPointer
        init(capacity: Int) { buffer = .allocate(byteCount: capacity, alignment: 1) }
        deinit { buffer.deallocate() }
    }

    private var storage: Storage?
    private var count = 0

    var bytes: UnsafeRawBufferPointer {
        guard let storage else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(storage.buffer)[..<count])
    }

    mutating func removeAll() { count = 0 }

    mutating func append(_ more: some Collection<UInt8>) {
        let needed = count + more.count
        if needed > storage?.buffer.count ?? 0 {
            let larger = Storage(capacity: max(256, 2 * needed))
            larger.buffer.copyBytes(from: bytes)
            storage = larger
        }
        guard let storage, !more.isEmpty else { return }
        UnsafeMutableRawBufferPointer(rebasing: storage.buffer[count...]).copyBytes(from: more)
        count = needed
    }
}

/// What a control event says, as far as a reader needs it.
struct ControlEvent {
    var nextOffset: [UInt8]
    var isUpToDate: Bool

    /// Nil if there is no offset in it. Reads the one flat object that the protocol defines, in any order of its
    /// members.
    init?(_ bytes: UnsafeRawBufferPointer) {
        let text = Array(bytes)
        guard text.first == UInt8(ascii: "{"), text.last == UInt8(ascii: "}"),
            let offset = Self.member("\"streamNextOffset\":\"", in: text),
            let end = text[offset...].firstIndex(of: UInt8(ascii: "\""))
        else { return nil }
        nextOffset = Array(text[offset..<end])
        isUpToDate = Self.member("\"upToDate\":true", in: text) != nil
    }

    /// Where the text after this begins.
    private static func member(_ name: String, in text: [UInt8]) -> Int? {
        let name = Array(name.utf8)
        guard text.count >= name.count else { return nil }
        for start in 0...(text.count - name.count) where text[start] == name[0] {
            if text[start..<(start + name.count)].elementsEqual(name) { return start + name.count }
        }
        return nil
    }
}
