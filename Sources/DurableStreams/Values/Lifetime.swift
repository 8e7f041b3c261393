/// How long a stream lives.
public enum Lifetime: Sendable {
    /// Until it has not been used for so many seconds. Every read and write begins the count anew.
    case sliding(seconds: UInt64)
    /// Until an instant; `text` is how the creator wrote it (RFC 3339), to be given back like that.
    case until(WallClockTime, text: String)

    /// When a stream ends that was last used at `lastUse`.
    public func end(lastUse: WallClockTime) -> WallClockTime {
        switch self {
        case .sliding(let seconds): lastUse.adding(seconds: seconds)
        case .until(let time, _): time
        }
    }
}

extension Lifetime: Equatable {
    /// Instants are compared, not how they are written.
    public static func == (left: Lifetime, right: Lifetime) -> Bool {
        switch (left, right) {
        case (.sliding(let left), .sliding(let right)): left == right
        case (.until(let left, _), .until(let right, _)): left == right
        case (.sliding, _), (.until, _): false
        }
    }
}
