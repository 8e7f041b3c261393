/// JSON as RFC 8259 writes its grammar down: one recursive function for each rule. Slow, and shares no code with the
/// validator.
struct ReferenceJSON {
    private struct Invalid: Error {}

    private let bytes: [UInt8]
    private var offset = 0

    /// The messages of a body, or nil if it is not valid.
    static func messages(of bytes: [UInt8]) -> [[UInt8]]? {
        var reader = ReferenceJSON(bytes: bytes)
        do {
            return try reader.text()
        } catch {
            return nil
        }
    }

    /// Each message and a comma.
    static func stored(_ messages: [[UInt8]]) -> [UInt8] {
        messages.flatMap { $0 + [UInt8(ascii: ",")] }
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private var next: Character? {
        offset < bytes.count ? Character(Unicode.Scalar(bytes[offset])) : nil
    }

    private mutating func take(_ character: Character) -> Bool {
        guard next == character, bytes[offset] < 0x80 else { return false }
        offset += 1
        return true
    }

    private mutating func expect(_ text: String) throws {
        for character in text {
            guard take(character) else { throw Invalid() }
        }
    }

    private mutating func whiteSpace() {
        while offset < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[offset]) { offset += 1 }
    }

    private mutating func text() throws -> [[UInt8]] {
        whiteSpace()
        let start = offset
        let elements = try value()
        let whole = Array(bytes[start..<offset])
        whiteSpace()
        guard offset == bytes.count else { throw Invalid() }
        return elements ?? [whole]
    }

    /// The elements if the value is an array.
    @discardableResult
    private mutating func value() throws -> [[UInt8]]? {
        switch next {
        case "{": try object()
        case "[": return try array()
        case "\"": try string()
        case "t": try expect("true")
        case "f": try expect("false")
        case "n": try expect("null")
        default: try number()
        }
        return nil
    }

    private mutating func array() throws -> [[UInt8]] {
        try expect("[")
        whiteSpace()
        if take("]") { return [] }
        var elements: [[UInt8]] = []
        repeat {
            whiteSpace()
            let start = offset
            try value()
            elements.append(Array(bytes[start..<offset]))
            whiteSpace()
        } while take(",")
        try expect("]")
        return elements
    }

    private mutating func object() throws {
        try expect("{")
        whiteSpace()
        if take("}") { return }
        repeat {
            whiteSpace()
            try string()
            whiteSpace()
            try expect(":")
            whiteSpace()
            try value()
            whiteSpace()
        } while take(",")
        try expect("}")
    }

    private mutating func number() throws {
        _ = take("-")
        if !take("0") { try digits() }
        if take(".") { try digits() }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            try digits()
        }
    }

    private mutating func digits() throws {
        let start = offset
        while offset < bytes.count, (0x30...0x39).contains(bytes[offset]) { offset += 1 }
        guard offset > start else { throw Invalid() }
    }

    private mutating func string() throws {
        try expect("\"")
        let start = offset
        while !take("\"") {
            guard offset < bytes.count, bytes[offset] >= 0x20 else { throw Invalid() }
            if take("\\") {
                if take("u") {
                    for _ in 0..<4 {
                        guard let next, next.isASCII, next.isHexDigit else { throw Invalid() }
                        offset += 1
                    }
                } else {
                    guard let next, "\"\\/bfnrt".contains(next) else { throw Invalid() }
                    offset += 1
                }
            } else {
                offset += 1
            }
        }
        guard Self.isUTF8(bytes[start..<offset]) else { throw Invalid() }
    }

    private static func isUTF8(_ bytes: ArraySlice<UInt8>) -> Bool {
        if bytes.allSatisfy({ $0 < 0x80 }) { return true }
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        while true {
            switch decoder.decode(&iterator) {
            case .scalarValue: continue
            case .emptyInput: return true
            case .error: return false
            }
        }
    }
}
