/// A name or value of a query, percent-decoded (and `+` read as a space) while it is looked at.
///
/// Nothing that the protocol looks for is longer than ``byteCountLimit``; a longer text equals nothing.
struct QueryText {
    /// An offset has 33 bytes.
    private static let byteCountLimit = 40

    private let raw: UnsafeRawBufferPointer
    /// There is nothing to decode.
    private let isPlain: Bool

    /// The bytes are borrowed.
    init(_ raw: Slice<UnsafeRawBufferPointer>, isPlain: Bool) {
        self.raw = UnsafeRawBufferPointer(rebasing: raw)
        self.isPlain = isPlain
    }

    /// Whether a query has to be decoded.
    static func isPlain(_ query: UnsafeRawBufferPointer) -> Bool {
        !query.contains { $0 == UInt8(ascii: "%") || $0 == UInt8(ascii: "+") }
    }

    func equals(_ text: StaticString) -> Bool {
        // Decoding makes nothing longer.
        if raw.count < text.utf8CodeUnitCount { return false }
        if isPlain { return Self.equal(raw, text) }
        return withBytes { Self.equal($0, text) } ?? false
    }

    private static func equal(_ bytes: UnsafeRawBufferPointer, _ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount else { return false }
        for index in bytes.indices where bytes[index] != text.utf8Start[index] { return false }
        return true
    }

    /// Nil if the text is too long, or has a malformed escape.
    func withBytes<Value>(_ body: (UnsafeRawBufferPointer) -> Value?) -> Value? {
        if isPlain { return raw.count <= Self.byteCountLimit ? body(raw) : nil }
        return withUnsafeTemporaryAllocation(byteCount: Self.byteCountLimit, alignment: 1) { memory in
            guard let byteCount = decode(into: memory) else { return nil }
            return body(UnsafeRawBufferPointer(rebasing: memory[..<byteCount]))
        }
    }

    private func decode(into memory: UnsafeMutableRawBufferPointer) -> Int? {
        var written = 0
        var index = 0
        while index < raw.count {
            guard written < memory.count else { return nil }
            switch raw[index] {
            case UInt8(ascii: "%"):
                guard index + 2 < raw.count, let high = Self.digit(raw[index + 1]),
                    let low = Self.digit(raw[index + 2])
                else { return nil }
                memory[written] = high << 4 | low
                index += 3
            case UInt8(ascii: "+"):
                memory[written] = UInt8(ascii: " ")
                index += 1
            case let byte:
                memory[written] = byte
                index += 1
            }
            written += 1
        }
        return written
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
