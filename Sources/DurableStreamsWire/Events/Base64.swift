/// Standard base64 with padding (RFC 4648 section 4).
enum Base64 {
    static func encodedByteCount(_ byteCount: Int) -> Int {
        (byteCount + 2) / 3 * 4
    }

    /// `target` has room for ``encodedByteCount(_:)`` bytes.
    static func encode(_ bytes: UnsafeRawBufferPointer, into target: UnsafeMutableRawPointer) {
        let target = target.assumingMemoryBound(to: UInt8.self)
        alphabet.withUTF8Buffer { alphabet in
            var source = 0
            var written = 0
            while source + 3 <= bytes.count {
                let group = UInt32(bytes[source]) << 16 | UInt32(bytes[source + 1]) << 8 | UInt32(bytes[source + 2])
                target[written] = alphabet[Int(group >> 18)]
                target[written + 1] = alphabet[Int(group >> 12 & 63)]
                target[written + 2] = alphabet[Int(group >> 6 & 63)]
                target[written + 3] = alphabet[Int(group & 63)]
                source += 3
                written += 4
            }
            let rest = bytes.count - source
            guard rest > 0 else { return }
            let group = UInt32(bytes[source]) << 16 | (rest == 2 ? UInt32(bytes[source + 1]) << 8 : 0)
            target[written] = alphabet[Int(group >> 18)]
            target[written + 1] = alphabet[Int(group >> 12 & 63)]
            target[written + 2] = rest == 2 ? alphabet[Int(group >> 6 & 63)] : UInt8(ascii: "=")
            target[written + 3] = UInt8(ascii: "=")
        }
    }

    private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
}
