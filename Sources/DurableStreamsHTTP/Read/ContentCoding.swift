/// How the bytes of a response body are coded (RFC 9110 section 8.4.1).
enum ContentCoding: Sendable, Hashable {
    case identity
    case gzip
    /// The zlib format.
    case deflate
}

/// Which coding a client prefers, by its `Accept-Encoding` (RFC 9110 section 12.5.3).
enum ContentNegotiation {
    /// The coding of highest quality among gzip, deflate and identity; gzip before deflate if they are equal.
    ///
    /// Identity competes only with a quality that the client gave it: it is what is left when nothing else is wanted.
    static func coding(for acceptEncoding: String?) -> ContentCoding {
        guard var acceptEncoding, !acceptEncoding.isEmpty else { return .identity }
        var qualities = Qualities()
        acceptEncoding.withUTF8 { bytes in
            for member in bytes.split(separator: UInt8(ascii: ",")) { qualities.take(member) }
        }
        return qualities.best
    }

    /// In thousandths; nil: not mentioned.
    private struct Qualities {
        var gzip: Int?
        var deflate: Int?
        var identity: Int?
        var others: Int?

        var best: ContentCoding {
            let gzip = gzip ?? others ?? 0
            let deflate = deflate ?? others ?? 0
            let identity = identity ?? 0
            let highest = max(gzip, deflate, identity)
            if highest == 0 { return .identity }
            if gzip == highest { return .gzip }
            return deflate == highest ? .deflate : .identity
        }

        /// `coding [ ";" "q=" weight ]`; a member of another form is ignored.
        mutating func take(_ member: Slice<UnsafeBufferPointer<UInt8>>) {
            let parts = member.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
            guard let name = parts.first.map(Self.trimmed) else { return }
            var quality = 1_000
            for parameter in parts.dropFirst() {
                let parameter = Self.trimmed(parameter)
                guard parameter.count > 2, parameter.first.map({ $0 | 0x20 }) == UInt8(ascii: "q"),
                    parameter.dropFirst().first == UInt8(ascii: "="),
                    let weight = Self.weight(parameter.dropFirst(2))
                else { return }
                quality = weight
            }
            if Self.equal(name, "gzip") || Self.equal(name, "x-gzip") {
                gzip = quality
            } else if Self.equal(name, "deflate") {
                deflate = quality
            } else if Self.equal(name, "identity") {
                identity = quality
            } else if Self.equal(name, "*") {
                others = quality
            }
        }

        private static func trimmed(_ part: Slice<UnsafeBufferPointer<UInt8>>) -> Slice<UnsafeBufferPointer<UInt8>> {
            guard let start = part.firstIndex(where: { !HeaderValue.isWhiteSpace($0) }),
                let end = part.lastIndex(where: { !HeaderValue.isWhiteSpace($0) })
            else { return part[part.endIndex...] }
            return part[start...end]
        }

        private static func equal(_ name: Slice<UnsafeBufferPointer<UInt8>>, _ known: StaticString) -> Bool {
            guard name.count == known.utf8CodeUnitCount else { return false }
            return zip(name, UnsafeBufferPointer(start: known.utf8Start, count: known.utf8CodeUnitCount))
                .allSatisfy { byte, knownByte in
                    ((65...90).contains(byte) ? byte | 0x20 : byte) == knownByte
                }
        }

        /// `0` or `1` with up to three decimals, in thousandths.
        private static func weight(_ text: Slice<UnsafeBufferPointer<UInt8>>) -> Int? {
            guard let first = text.first, first == UInt8(ascii: "0") || first == UInt8(ascii: "1") else { return nil }
            var value = Int(first - UInt8(ascii: "0")) * 1_000
            let rest = text.dropFirst()
            guard let point = rest.first else { return value }
            guard point == UInt8(ascii: "."), rest.count <= 4 else { return nil }
            var unit = 100
            for byte in rest.dropFirst() {
                let digit = byte &- UInt8(ascii: "0")
                if digit > 9 { return nil }
                value += Int(digit) * unit
                unit /= 10
            }
            return value <= 1_000 ? value : nil
        }
    }
}
