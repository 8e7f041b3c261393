internal import SegmentedLog

/// Where a fork comes from: part of its create record (``StreamRow``), with origin 1.
///
///     width  field
///         8  number of the source
///         8  position from which on the fork inherits
///         8  offset at which it was made: the one asked for, or else the source's tail
///         8  sub-offset asked for, 0 for none
///         8  divergence: the position up to which it inherits, and at which its own bytes begin
///         1  flags: 1 the lifetime is the source's and was not asked for; other bits zero
///         4  byte count of the source's path, then the path, normalized
///
/// The positions rise: start, offset and divergence, each not below the one before. The source's number is lower than the
/// fork's.
struct ForkRow: Equatable, Sendable {
    private static let inheritsLifetimeFlag: UInt8 = 1
    /// No stream is so long; below it sums of two positions do not overflow.
    private static let positionLimit: UInt64 = 1 << 62

    /// Which stream: whatever later happens at its path.
    var source: StreamNumber
    /// Where the source was when the fork was made, for telling whether another request asks for the same fork.
    var sourcePath: StreamPath
    var start: StreamPosition
    var offset: StreamPosition
    var subOffset: UInt64
    var divergence: StreamPosition
    var inheritsLifetime: Bool

    func encode(into writer: inout RecordWriter) {
        writer.add(source.rawValue)
        writer.add(start.rawValue)
        writer.add(offset.rawValue)
        writer.add(subOffset)
        writer.add(divergence.rawValue)
        writer.add(inheritsLifetime ? Self.inheritsLifetimeFlag : 0)
        writer.add(sourcePath.text)
    }

    static func decode(_ reader: inout RecordReader) -> ForkRow? {
        guard let source = reader.next(UInt64.self), let start = reader.next(UInt64.self),
            let offset = reader.next(UInt64.self), let subOffset = reader.next(UInt64.self),
            let divergence = reader.next(UInt64.self), let flags = reader.next(UInt8.self),
            let path = reader.nextPath(), flags & ~inheritsLifetimeFlag == 0,
            start <= offset, offset <= divergence, divergence < positionLimit
        else { return nil }
        return ForkRow(
            source: StreamNumber(rawValue: source), sourcePath: path, start: StreamPosition(rawValue: start),
            offset: StreamPosition(rawValue: offset), subOffset: subOffset,
            divergence: StreamPosition(rawValue: divergence), inheritsLifetime: flags == inheritsLifetimeFlag)
    }
}
