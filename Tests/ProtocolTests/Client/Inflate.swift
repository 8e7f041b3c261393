/// Decompresses what the server compressed, independently of the library that it uses (RFC 1950, 1951, 1952).
enum Inflate {
    struct Failure: Error {
        let reason: String
    }

    /// A gzip member; checks its checksum and length.
    static func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
        guard bytes.count >= 18, bytes[0] == 0x1f, bytes[1] == 0x8b, bytes[2] == 8 else {
            throw Failure(reason: "gzip head")
        }
        guard bytes[3] == 0 else { throw Failure(reason: "gzip flags are not expected") }
        var decoder = Decoder(bytes: bytes, position: 10)
        let output = try decoder.decode()
        let trailer = Array(bytes[decoder.position...])
        guard trailer.count == 8 else { throw Failure(reason: "gzip trailer of \(trailer.count) bytes") }
        let word: (Int) -> UInt32 = { start in
            (0..<4).reduce(0) { $0 | UInt32(trailer[start + $1]) << UInt32(8 * $1) }
        }
        guard word(0) == cyclicRedundancyCheck(output) else { throw Failure(reason: "gzip checksum") }
        guard word(4) == UInt32(truncatingIfNeeded: output.count) else { throw Failure(reason: "gzip length") }
        return output
    }

    /// The zlib format, which is what HTTP calls `deflate`; checks its checksum.
    static func deflate(_ bytes: [UInt8]) throws -> [UInt8] {
        guard bytes.count >= 6, bytes[0] & 0x0f == 8, (Int(bytes[0]) << 8 | Int(bytes[1])) % 31 == 0 else {
            throw Failure(reason: "zlib head")
        }
        var decoder = Decoder(bytes: bytes, position: 2)
        let output = try decoder.decode()
        var low: UInt32 = 1
        var high: UInt32 = 0
        for byte in output {
            low = (low + UInt32(byte)) % 65_521
            high = (high + low) % 65_521
        }
        let trailer = bytes[decoder.position...].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        guard bytes.count == decoder.position + 4, trailer == high << 16 | low else {
            throw Failure(reason: "zlib checksum")
        }
        return output
    }

    private static func cyclicRedundancyCheck(_ bytes: [UInt8]) -> UInt32 {
        var check: UInt32 = 0xffff_ffff
        for byte in bytes {
            check ^= UInt32(byte)
            for _ in 0..<8 {
                check = check >> 1 ^ (check & 1 == 1 ? 0xedb8_8320 : 0)
            }
        }
        return ~check
    }
}

extension Inflate {
    /// Canonical Huffman codes: how many codes of each length, and the symbols in order.
    private struct HuffmanCode {
        var counts = [Int](repeating: 0, count: 16)
        var symbols: [Int] = []

        init(lengths: [Int]) {
            for length in 1...15 {
                let members = lengths.indices.filter { lengths[$0] == length }
                counts[length] = members.count
                symbols += members
            }
        }
    }

    private struct Decoder {
        let bytes: [UInt8]
        /// The first byte of which no bit was used.
        var position: Int
        var bits = 0
        var bitCount = 0

        private static let lengthBases = [
            3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
            227, 258,
        ]
        private static let lengthExtras = [
            0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
        ]
        private static let distanceBases = [
            1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073,
            4097, 6145, 8193, 12289, 16385, 24577,
        ]
        private static let distanceExtras = [
            0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13,
        ]
        private static let lengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]

        init(bytes: [UInt8], position: Int) {
            self.bytes = bytes
            self.position = position
        }

        mutating func decode() throws -> [UInt8] {
            var output: [UInt8] = []
            var isLast = false
            while !isLast {
                isLast = try take(1) == 1
                switch try take(2) {
                case 0: try copyStored(into: &output)
                case 1:
                    let lengths = (0..<288).map { $0 < 144 ? 8 : $0 < 256 ? 9 : $0 < 280 ? 7 : 8 }
                    let distances = HuffmanCode(lengths: [Int](repeating: 5, count: 30))
                    try decodeBlock(literals: HuffmanCode(lengths: lengths), distances: distances, into: &output)
                case 2:
                    let (literals, distances) = try readCodes()
                    try decodeBlock(literals: literals, distances: distances, into: &output)
                default: throw Failure(reason: "block type")
                }
            }
            return output
        }

        private mutating func take(_ count: Int) throws -> Int {
            while bitCount < count {
                guard position < bytes.count else { throw Failure(reason: "cut off") }
                bits |= Int(bytes[position]) << bitCount
                position += 1
                bitCount += 8
            }
            defer {
                bits >>= count
                bitCount -= count
            }
            return bits & (1 << count - 1)
        }

        private mutating func copyStored(into output: inout [UInt8]) throws {
            bits = 0
            bitCount = 0
            let count = try take(16)
            guard try take(16) == ~count & 0xffff, position + count <= bytes.count else {
                throw Failure(reason: "stored block")
            }
            output += bytes[position..<(position + count)]
            position += count
        }

        private mutating func symbol(_ code: HuffmanCode) throws -> Int {
            var value = 0
            var first = 0
            var index = 0
            for length in 1...15 {
                value |= try take(1)
                let count = code.counts[length]
                if value - first < count { return code.symbols[index + value - first] }
                index += count
                first = (first + count) << 1
                value <<= 1
            }
            throw Failure(reason: "no such code")
        }

        private mutating func readCodes() throws -> (HuffmanCode, HuffmanCode) {
            let literalCount = try take(5) + 257
            let distanceCount = try take(5) + 1
            let lengthCount = try take(4) + 4
            var lengthLengths = [Int](repeating: 0, count: 19)
            for index in 0..<lengthCount {
                lengthLengths[Self.lengthOrder[index]] = try take(3)
            }
            let lengthCode = HuffmanCode(lengths: lengthLengths)
            var lengths: [Int] = []
            while lengths.count < literalCount + distanceCount {
                switch try symbol(lengthCode) {
                case 16:
                    guard let last = lengths.last else { throw Failure(reason: "nothing to repeat") }
                    lengths += [Int](repeating: last, count: try take(2) + 3)
                case 17: lengths += [Int](repeating: 0, count: try take(3) + 3)
                case 18: lengths += [Int](repeating: 0, count: try take(7) + 11)
                case let length: lengths.append(length)
                }
            }
            guard lengths.count == literalCount + distanceCount else { throw Failure(reason: "too many lengths") }
            let literals = HuffmanCode(lengths: Array(lengths[..<literalCount]))
            return (literals, HuffmanCode(lengths: Array(lengths[literalCount...])))
        }

        private mutating func decodeBlock(
            literals: HuffmanCode,
            distances: HuffmanCode,
            into output: inout [UInt8]
        ) throws {
            while true {
                let value = try symbol(literals)
                if value == 256 { return }
                if value < 256 {
                    output.append(UInt8(value))
                    continue
                }
                guard value - 257 < Self.lengthBases.count else { throw Failure(reason: "length symbol") }
                let length = try Self.lengthBases[value - 257] + take(Self.lengthExtras[value - 257])
                let distanceSymbol = try symbol(distances)
                guard distanceSymbol < 30 else { throw Failure(reason: "distance symbol") }
                let distance = try Self.distanceBases[distanceSymbol] + take(Self.distanceExtras[distanceSymbol])
                guard distance <= output.count else { throw Failure(reason: "distance too far") }
                for _ in 0..<length {
                    output.append(output[output.count - distance])
                }
            }
        }
    }
}
