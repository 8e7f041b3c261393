/// What an acknowledged append has survived.
public enum Durability: Sendable, Equatable, CustomStringConvertible {
    /// It is on the disk: it survives a crash of the process and a loss of power.
    case sync
    /// It is in the page cache and on its way: it survives a crash of the process; a loss of power may take what was
    /// acknowledged in the last so many milliseconds, always from the end.
    case interval(milliseconds: Int)
    /// It is in the page cache: it survives a crash of the process, not a loss of power.
    case none

    public var description: String {
        switch self {
        case .sync: "sync"
        case .interval(let milliseconds): "interval:\(milliseconds)"
        case .none: "none"
        }
    }

    /// Reads `sync`, `none` or `interval:MILLISECONDS` (1 to 3,600,000).
    public init?(_ text: String) {
        switch text {
        case "sync": self = .sync
        case "none": self = .none
        default:
            let prefix = "interval:"
            guard text.hasPrefix(prefix), let milliseconds = Int(text.dropFirst(prefix.count)),
                (1...3_600_000).contains(milliseconds)
            else { return nil }
            self = .interval(milliseconds: milliseconds)
        }
    }
}
