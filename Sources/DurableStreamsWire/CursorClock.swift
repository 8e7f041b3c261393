/// Cursors make waiting readers of the same offset ask for the same URL, so that a shared cache can collapse their
/// requests, and make a later request never hit the cached answer of an earlier one.
///
/// A cursor is the number of an interval of wall-clock time since 2024-10-09T00:00:00Z.
public struct CursorClock: Sendable {
    /// 2024-10-09T00:00:00Z.
    public static let epochMillisecondsSince1970: Int64 = 1_728_432_000_000

    /// A cursor of more digits is not taken for a number.
    public static let digitCountLimit = 15

    /// A cursor that is not in the past is answered by one that is later by this many seconds, drawn at random.
    public static let jitterSeconds = 1...3_600

    /// At least 1.
    public let intervalSeconds: Int

    public init(intervalSeconds: Int) {
        self.intervalSeconds = max(1, intervalSeconds)
    }

    /// The interval that an instant is in; 0 before the epoch.
    public func interval(atMillisecondsSince1970 now: Int64) -> UInt64 {
        UInt64(max(0, (now - Self.epochMillisecondsSince1970) / (1_000 * Int64(intervalSeconds))))
    }

    /// The cursor to answer with: the current interval, unless the request's cursor has reached it, then one after
    /// that. So it is always greater than a cursor that was asked with, and never goes back.
    public func answer(to requested: UInt64?, currentInterval: UInt64, jitterSeconds: Int) -> UInt64 {
        guard let requested, requested >= currentInterval else { return currentInterval }
        return requested + UInt64(max(1, jitterSeconds / intervalSeconds))
    }

    /// The number that the text is: 1 to ``digitCountLimit`` decimal digits. Nil otherwise.
    public static func parse(_ bytes: UnsafeRawBufferPointer) -> UInt64? {
        guard (1...digitCountLimit).contains(bytes.count) else { return nil }
        var value: UInt64 = 0
        for byte in bytes {
            let digit = byte &- UInt8(ascii: "0")
            if digit > 9 { return nil }
            value = value * 10 + UInt64(digit)
        }
        return value
    }
}
