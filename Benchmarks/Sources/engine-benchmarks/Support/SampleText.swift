/// Text that compresses about as well as logged events do: no better, because its words are many and its numbers random.
struct SampleText: Sendable {
    let bytes: [UInt8]

    /// The same bytes for the same seed.
    init(byteCount: Int, seed: UInt64 = 1) {
        var random = SeededGenerator(seed)
        let syllables = ["ba", "con", "der", "el", "fi", "gor", "hu", "in", "ka", "lo", "mer", "na", "or", "pe", "qua", "ri", "so", "tu", "ver", "za"]
        let words = (0..<4_000).map { _ in
            (0..<Int.random(in: 1...4, using: &random)).map { _ in syllables.randomElement(using: &random)! }.joined()
        }
        var text: [UInt8] = []
        text.reserveCapacity(byteCount + 512)
        var number = 1_700_000_000_000 as UInt64
        while text.count < byteCount {
            number += UInt64.random(in: 0..<5_000, using: &random)
            let sentence = (0..<Int.random(in: 4...20, using: &random)).map { _ in
                // Common words are common: the square moves the choice to the front of the list.
                let share = Double.random(in: 0..<1, using: &random)
                return words[Int(share * share * Double(words.count))]
            }.joined(separator: " ")
            let identifier = String(random.next(), radix: 16)
            text += Array(#"{"time":\#(number),"id":"\#(identifier)","type":"message","text":"\#(sentence)"}"#.utf8) + [10]
        }
        bytes = Array(text.prefix(byteCount))
    }

    /// So many bytes from a place that depends on the number, so that no two records need be the same.
    func withRecord<Result, Failure: Error>(
        _ number: Int, byteCount: Int, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let start = (number &* 97) % (bytes.count - byteCount)
        return try bytes.withUnsafeBufferPointer { (bytes) throws(Failure) -> Result in
            try body(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[start..<(start + byteCount)]))
        }
    }
}

/// SplitMix64: the same numbers for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }
}
