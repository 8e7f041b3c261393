/// Random JSON texts; the same seed gives the same texts (SplitMix64).
struct RandomJSON: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ limit: Int) -> Int {
        Int(next() % UInt64(limit))
    }

    mutating func choose(_ choices: [String]) -> String {
        choices[below(choices.count)]
    }

    /// `density` in percent: how often there is any.
    mutating func whiteSpace(density: Int) -> String {
        guard below(100) < density else { return "" }
        return choose([
            " ", "\n", "\r\n", "\t", "  ", "\n          ", " \t\r\n ", "\n" + String(repeating: " ", count: 16),
        ])
    }

    /// A value without white space around it.
    mutating func value(depth: Int, density: Int) -> String {
        switch below(depth > 0 ? 8 : 5) {
        case 0: return choose(["true", "false", "null"])
        case 1, 2: return number()
        case 3, 4: return string()
        case 5, 6:
            let elements = (0..<below(5)).map { _ in
                whiteSpace(density: density) + value(depth: depth - 1, density: density) + whiteSpace(density: density)
            }
            return elements.isEmpty
                ? "[" + whiteSpace(density: density) + "]" : "[" + elements.joined(separator: ",") + "]"
        default:
            let members = (0..<below(5)).map { _ in
                whiteSpace(density: density) + string() + whiteSpace(density: density) + ":"
                    + whiteSpace(density: density) + value(depth: depth - 1, density: density)
                    + whiteSpace(density: density)
            }
            return members.isEmpty
                ? "{" + whiteSpace(density: density) + "}" : "{" + members.joined(separator: ",") + "}"
        }
    }

    /// An array's text around the messages, with white space where it may be.
    mutating func array(of messages: [String], density: Int) -> String {
        var text = whiteSpace(density: density) + "[" + whiteSpace(density: density)
        for (index, message) in messages.enumerated() {
            if index > 0 { text += "," + whiteSpace(density: density) }
            text += message + whiteSpace(density: density)
        }
        return text + "]" + whiteSpace(density: density)
    }

    private mutating func number() -> String {
        var text = choose(["", "-"]) + choose(["0", "7", "42", "1234567890123456789"])
        if below(3) == 0 { text += "." + choose(["0", "5", "000123"]) }
        if below(3) == 0 { text += choose(["e", "E"]) + choose(["", "+", "-"]) + choose(["0", "07", "308"]) }
        return text
    }

    private mutating func string() -> String {
        let pieces = (0..<below(6)).map { _ in
            choose([
                "a", "plain text", ",", "[", "]", "{", "}", ":", "\\\"", "\\\\", "\\n", "\\u00e9", "\\ud800", "\\/",
                "\u{E9}", "\u{20AC}", "\u{1F600}", "\u{7F}", "12345678", "},{", "\\\\\\\"", "],[",
            ])
        }
        return "\"" + pieces.joined() + "\""
    }
}
