/// Checks JSON texts against RFC 8259, strictly: one look at each byte, no recursion, no tree.
///
/// The bytes are borrowed; they must outlive the validator. Functions take the offset to begin at and return the
/// offset behind what they checked.
struct JSONValidator {
    /// How many arrays and objects may be open at the same time.
    static let depthLimit = 10_000

    let bytes: UnsafeRawBufferPointer

    @inline(__always)
    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    /// The byte at an offset that was compared with the count before.
    @inline(__always)
    func byte(at offset: Int) -> UInt8 {
        assert(offset >= 0 && offset < bytes.count)
        // The subscript would check the bounds again, at a third of the speed of everything here.
        return bytes.baseAddress.unsafelyUnwrapped.load(fromByteOffset: offset, as: UInt8.self)
    }

    /// The eight bytes from an offset on, the first one in the lowest place. The caller has compared the count.
    @inline(__always)
    func word(at offset: Int) -> UInt64 {
        assert(offset >= 0 && offset + 8 <= bytes.count)
        let word = bytes.baseAddress.unsafelyUnwrapped.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
        return UInt64(littleEndian: word)
    }

    @inline(__always)
    func skipWhiteSpace(from start: Int) -> Int {
        var offset = start
        while offset < bytes.count {
            let byte = byte(at: offset)
            // Most texts have none, and in the others a line break and its indentation are the rule.
            if byte > 0x20 { return offset }
            switch byte {
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"):
                offset += 1
            case UInt8(ascii: "\n"):
                offset += 1
                while offset + 8 <= bytes.count, word(at: offset) == ByteWord.repeating(UInt8(ascii: " ")) {
                    offset += 8
                }
            default:
                return offset
            }
        }
        return offset
    }

    /// Checks the value that begins exactly at `start`, with `enclosingDepth` arrays and objects open around it.
    func skipValue(from start: Int, enclosingDepth: Int) throws(JSONSyntaxError) -> Int {
        var containers = ContainerStack(enclosingDepth: enclosingDepth)
        var offset = start
        nextValue: while true {
            guard offset < bytes.count else { throw endError }
            switch byte(at: offset) {
            case UInt8(ascii: "\""):
                offset = try skipString(from: offset + 1)
            case UInt8(ascii: "{"):
                try open(.object, in: &containers, at: offset)
                offset = skipWhiteSpace(from: offset + 1)
                guard offset < bytes.count, byte(at: offset) == UInt8(ascii: "}") else {
                    offset = try skipName(from: offset)
                    continue nextValue
                }
                containers.close()
                offset += 1
            case UInt8(ascii: "["):
                try open(.array, in: &containers, at: offset)
                offset = skipWhiteSpace(from: offset + 1)
                guard offset < bytes.count, byte(at: offset) == UInt8(ascii: "]") else { continue nextValue }
                containers.close()
                offset += 1
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                offset = try skipNumber(from: offset)
            case UInt8(ascii: "t"):
                offset = try skipLiteral("true", from: offset)
            case UInt8(ascii: "f"):
                offset = try skipLiteral("false", from: offset)
            case UInt8(ascii: "n"):
                offset = try skipLiteral("null", from: offset)
            default:
                throw JSONSyntaxError(byteOffset: offset, reason: .valueExpected)
            }

            // The value is complete, and with it perhaps the containers that it is the last value of.
            while let container = containers.innermost {
                offset = skipWhiteSpace(from: offset)
                guard offset < bytes.count else { throw endError }
                let byte = byte(at: offset)
                if byte == UInt8(ascii: ",") {
                    offset = skipWhiteSpace(from: offset + 1)
                    if container == .object { offset = try skipName(from: offset) }
                    continue nextValue
                }
                guard byte == container.closingByte else {
                    throw JSONSyntaxError(byteOffset: offset, reason: container.separatorExpected)
                }
                containers.close()
                offset += 1
            }
            return offset
        }
    }

    var startsWithByteOrderMark: Bool {
        bytes.count >= 3 && byte(at: 0) == 0xEF && byte(at: 1) == 0xBB && byte(at: 2) == 0xBF
    }

    var endError: JSONSyntaxError {
        JSONSyntaxError(byteOffset: bytes.count, reason: .unexpectedEnd)
    }

    @inline(__always)
    private func open(
        _ container: JSONContainer, in containers: inout ContainerStack, at offset: Int
    ) throws(JSONSyntaxError) {
        guard containers.depth < Self.depthLimit else {
            throw JSONSyntaxError(byteOffset: offset, reason: .nestedTooDeep)
        }
        containers.open(container)
    }

    /// A member's name, the colon and the white space around it, up to the value.
    @inline(__always)
    private func skipName(from start: Int) throws(JSONSyntaxError) -> Int {
        guard start < bytes.count else { throw endError }
        guard byte(at: start) == UInt8(ascii: "\"") else {
            throw JSONSyntaxError(byteOffset: start, reason: .nameExpected)
        }
        let colon = skipWhiteSpace(from: try skipString(from: start + 1))
        guard colon < bytes.count else { throw endError }
        guard byte(at: colon) == UInt8(ascii: ":") else {
            throw JSONSyntaxError(byteOffset: colon, reason: .colonExpected)
        }
        return skipWhiteSpace(from: colon + 1)
    }
}
