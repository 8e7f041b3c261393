/// A random number generator that a seed determines completely: xoshiro256**, its state filled by SplitMix64.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: (UInt64, UInt64, UInt64, UInt64)

    public init(seed: UInt64) {
        var seed = seed
        state = (Self.splitMix(&seed), Self.splitMix(&seed), Self.splitMix(&seed), Self.splitMix(&seed))
    }

    /// A generator for one purpose among several that share a seed: what one of them draws does not move the others.
    public init(seed: UInt64, purpose: String) {
        // FNV-1a: `Hasher` is seeded anew in every process.
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in purpose.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        self.init(seed: seed ^ hash)
    }

    public mutating func next() -> UInt64 {
        let result = Self.rotate(state.1 &* 5, by: 7) &* 9
        let shifted = state.1 << 17
        state.2 ^= state.0
        state.3 ^= state.1
        state.1 ^= state.2
        state.0 ^= state.3
        state.2 ^= shifted
        state.3 = Self.rotate(state.3, by: 45)
        return result
    }

    /// Whether something happens that happens `count` times out of `total`.
    public mutating func chance(_ count: Int, outOf total: Int) -> Bool { integer(below: total) < count }

    /// 0 ..< limit; 0 if the limit is not positive. The bias is below one in 2^32 for the limits that tests have.
    public mutating func integer(below limit: Int) -> Int {
        limit > 0 ? Int(next() % UInt64(limit)) : 0
    }

    /// Random bytes, eight from each number drawn.
    public mutating func bytes(count: Int) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: count) { buffer, initializedCount in
            let raw = UnsafeMutableRawBufferPointer(buffer)
            var offset = 0
            while offset < count {
                withUnsafeBytes(of: next()) { word in
                    let part = min(8, count - offset)
                    raw.baseAddress!.advanced(by: offset).copyMemory(from: word.baseAddress!, byteCount: part)
                    offset += part
                }
            }
            initializedCount = count
        }
    }

    private static func splitMix(_ seed: inout UInt64) -> UInt64 {
        seed &+= 0x9E37_79B9_7F4A_7C15
        var mixed = seed
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    private static func rotate(_ value: UInt64, by count: UInt64) -> UInt64 {
        (value << count) | (value >> (64 - count))
    }
}
