/// Names one stream of a store for ever: numbers are never given out twice, so a stream that is deleted and created
/// again under the same path has another one. It is the sequence number of the entry that created the stream.
public struct StreamNumber: RawRepresentable, Hashable, Sendable {
    public var rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }
}

/// A place in a stream, in bytes of its stored form from the start of the stream.
public struct StreamPosition: RawRepresentable, Hashable, Comparable, Sendable {
    public var rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The highest position that is taken from a disk: differences of positions are integers then.
    static let limit = UInt64(Int64.max)

    /// The start of every stream.
    public static let start = StreamPosition(rawValue: 0)

    public static func < (left: StreamPosition, right: StreamPosition) -> Bool { left.rawValue < right.rawValue }

    /// The position `byteCount` bytes further on.
    public func advanced(by byteCount: Int) -> StreamPosition {
        StreamPosition(rawValue: rawValue + UInt64(byteCount))
    }

    /// The number of bytes from `other`, which is not later, to here.
    public func distance(from other: StreamPosition) -> Int { Int(rawValue - other.rawValue) }
}

/// Numbers the entries of a log, over all of its streams, from 1 on without a gap.
public struct LogSequenceNumber: RawRepresentable, Hashable, Comparable, Sendable {
    public var rawValue: UInt64

    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The highest number that is taken from a disk.
    static let limit = UInt64(Int64.max)

    /// Before the first entry.
    static let none = LogSequenceNumber(rawValue: 0)

    public static func < (left: LogSequenceNumber, right: LogSequenceNumber) -> Bool { left.rawValue < right.rawValue }

    var previous: LogSequenceNumber { LogSequenceNumber(rawValue: rawValue - 1) }

    func advanced(by count: Int) -> LogSequenceNumber { LogSequenceNumber(rawValue: rawValue + UInt64(count)) }
}
