import DurableStreamsWire

/// The strong entity tag of a range of a stream: different for every stream that ever was at a URL, every range,
/// whether the stream is known to end there, and every coding.
struct EntityTag: Sendable, Hashable {
    var streamNumber: UInt64
    /// Numbers are not reused within a store, but a store may be replaced by a new one behind the same URL.
    var createdAtMilliseconds: Int64
    var start: UInt64
    var end: UInt64
    var isClosedAtEnd: Bool
    var coding: ContentCoding

    /// Including the quotes: four numbers of 16 digits and six letters and signs, at most.
    static let byteCountLimit = 2 + 4 * 16 + 3 + 4

    func write(into writer: inout RawByteWriter) {
        writer.write("\"")
        writer.write(hexadecimal: streamNumber)
        writer.write("-")
        writer.write(hexadecimal: UInt64(bitPattern: createdAtMilliseconds))
        writer.write("-")
        writer.write(hexadecimal: start)
        writer.write("-")
        writer.write(hexadecimal: end)
        if isClosedAtEnd { writer.write("-c") }
        switch coding {
        case .identity: break
        case .gzip: writer.write("-g")
        case .deflate: writer.write("-d")
        }
        writer.write("\"")
    }

    /// Whether an `If-None-Match` names this tag: by weak comparison, in a list, or by `*` (RFC 9110 section 13.1.2).
    /// From a malformed member on, a list names nothing.
    func isNamed(by ifNoneMatch: String) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: Self.byteCountLimit, alignment: 1) { memory in
            var writer = RawByteWriter(memory)
            write(into: &writer)
            let tag = UnsafeRawBufferPointer(rebasing: memory[..<writer.count])
            var field = ifNoneMatch
            return field.withUTF8 { EntityTagList(UnsafeRawBufferPointer($0)).contains(tag) }
        }
    }
}

/// The value of an `If-None-Match` field.
private struct EntityTagList {
    private let bytes: UnsafeRawBufferPointer

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    func contains(_ tag: UnsafeRawBufferPointer) -> Bool {
        var index = 0
        skipSeparators(&index)
        if index < bytes.count, bytes[index] == UInt8(ascii: "*") { return index + 1 == bytes.count }
        while index < bytes.count {
            if bytes.count - index > 2, bytes[index] == UInt8(ascii: "W"), bytes[index + 1] == UInt8(ascii: "/") {
                index += 2
            }
            guard index < bytes.count, bytes[index] == UInt8(ascii: "\""),
                let end = bytes[(index + 1)...].firstIndex(of: UInt8(ascii: "\""))
            else { return false }
            if bytes[index...end].elementsEqual(tag) { return true }
            index = end + 1
            guard index == bytes.count || skipSeparators(&index) else { return false }
        }
        return false
    }

    /// Commas and white space; false if there were no commas before something else.
    @discardableResult
    private func skipSeparators(_ index: inout Int) -> Bool {
        var sawComma = false
        while index < bytes.count {
            if bytes[index] == UInt8(ascii: ",") {
                sawComma = true
            } else if !HeaderValue.isWhiteSpace(bytes[index]) {
                return sawComma
            }
            index += 1
        }
        return true
    }
}
