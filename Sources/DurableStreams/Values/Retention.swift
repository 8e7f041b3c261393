internal import SegmentedLog

/// How much of a stream is kept. What is older, or beyond the size, goes by itself, a block at a time, so that a little
/// more is kept than is asked for and never less. A message of a JSON stream goes as a whole.
///
/// This is about a stream's beginning; when all of it ends is its ``Lifetime``.
public struct Retention: Sendable, Hashable {
    /// Keeps what was appended at most so many seconds ago. Nil for no limit.
    public var ageLimitSeconds: UInt64?
    /// Keeps the last so many bytes of the stored form. Nil for no limit.
    public var byteCountLimit: UInt64?

    public init(ageLimitSeconds: UInt64? = nil, byteCountLimit: UInt64? = nil) {
        self.ageLimitSeconds = ageLimitSeconds
        self.byteCountLimit = byteCountLimit
    }

    /// Keeps everything.
    public static let unlimited = Retention()

    /// In the engine's terms; nil where there is no limit. A limit that is too large for it is none.
    var logRetention: LogRetention? {
        let milliseconds = ageLimitSeconds.flatMap { seconds -> Int64? in
            let (product, overflows) = seconds.multipliedReportingOverflow(by: 1_000)
            return overflows ? nil : Int64(exactly: product)
        }
        let byteCount = byteCountLimit.flatMap { Int(exactly: $0) }
        guard milliseconds != nil || byteCount != nil else { return nil }
        return LogRetention(ageMilliseconds: milliseconds, byteCount: byteCount)
    }
}
