/// Which journal segments a sealed segment replaces, and how often it was rewritten. It is in the file's name and in
/// its header:
///
///     0000000000000003-0000000000000007-00000000.sealed    journal segments 3 to 7, written once
///     0000000000000003-0000000000000007-00000001.sealing   the same, being rewritten; worthless after a crash
struct SealedIdentity: Hashable, Sendable {
    /// The first of the journal segments.
    var first: UInt64
    /// The last of them, which is not before the first.
    var last: UInt64
    /// Counts the files that were made of the same journal segments.
    var generation: UInt32

    /// The highest number of a journal segment.
    static let numberLimit = UInt64(UInt32.max)
    /// The highest generation that a name has digits for.
    static let generationLimit: UInt32 = 99_999_999

    /// Whether the other one says all that this one says, so that this one is to be removed.
    func isSuperseded(by other: SealedIdentity) -> Bool {
        guard other.first <= first, other.last >= last else { return false }
        return other.first != first || other.last != last || other.generation > generation
    }

    /// Whether the journal segment with this number is among those that were replaced.
    func covers(_ number: UInt64) -> Bool { first <= number && number <= last }

    /// Whether there is a journal segment that both replace.
    func overlaps(_ other: SealedIdentity) -> Bool { first <= other.last && other.first <= last }

    /// Reads a file's name; nil for any other file.
    static func parse(_ name: String, suffix: String = "sealed") -> SealedIdentity? {
        let parts = name.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, parts[1] == suffix else { return nil }
        let numbers = parts[0].split(separator: "-", omittingEmptySubsequences: false)
        guard numbers.count == 3, let first = number(numbers[0], digitCount: 16),
            let last = number(numbers[1], digitCount: 16), let generation = number(numbers[2], digitCount: 8)
        else { return nil }
        let identity = SealedIdentity(first: first, last: last, generation: UInt32(generation))
        return identity.isValid ? identity : nil
    }

    /// The file's name, with the suffix `sealed`, or `sealing` as long as it is being made.
    func name(suffix: String = "sealed") -> String {
        precondition(isValid, "\(self) cannot be named")
        let generation = Self.digits(UInt64(generation), count: 8)
        return "\(Self.digits(first, count: 16))-\(Self.digits(last, count: 16))-\(generation).\(suffix)"
    }

    /// Whether the numbers are in their ranges.
    var isValid: Bool {
        first > 0 && first <= last && last <= Self.numberLimit && generation <= Self.generationLimit
    }

    private static func number(_ text: Substring, digitCount: Int) -> UInt64? {
        guard text.utf8.count == digitCount, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return UInt64(text)
    }

    private static func digits(_ number: UInt64, count: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: count - digits.count) + digits
    }
}
