/// What a value may be inside of.
enum JSONContainer: UInt64 {
    case array = 0
    case object = 1

    @inline(__always)
    var closingByte: UInt8 {
        self == .array ? UInt8(ascii: "]") : UInt8(ascii: "}")
    }

    var separatorExpected: JSONSyntaxError.Reason {
        self == .array ? .commaOrClosingBracketExpected : .commaOrClosingBraceExpected
    }
}

/// The arrays and objects that are open, one bit each, so that 10,000 of them take 1,250 bytes and the usual few none.
struct ContainerStack {
    /// The innermost ones; the lowest bit is the innermost.
    private var word: UInt64 = 0
    private var wordCount = 0
    /// Full words of the outer ones.
    private var outerWords: [UInt64] = []
    /// Open arrays and objects, those around the value included.
    private(set) var depth: Int

    @inline(__always)
    init(enclosingDepth: Int) {
        depth = enclosingDepth
    }

    @inline(__always)
    var innermost: JSONContainer? {
        if wordCount == 0 { return nil }
        return word & 1 == 0 ? .array : .object
    }

    @inline(__always)
    mutating func open(_ container: JSONContainer) {
        if wordCount == UInt64.bitWidth {
            outerWords.append(word)
            wordCount = 0
        }
        word = word << 1 | container.rawValue
        wordCount += 1
        depth += 1
    }

    @inline(__always)
    mutating func close() {
        word >>= 1
        wordCount -= 1
        depth -= 1
        if wordCount == 0, let outer = outerWords.popLast() {
            word = outer
            wordCount = UInt64.bitWidth
        }
    }
}
