/// A stretch of one stream that is in a sealed segment: from ``position`` to where the next extent, or the journal, begins.
/// An extent without bytes stands for a segment that has only the stream's newest row.
struct SealedExtent: Sendable, Equatable {
    var position: StreamPosition
    /// As ``SegmentTable`` names the segment.
    var segment: SealedSegmentHandle
    /// Which row of the segment's stream table is the stream's.
    var row: UInt32
}

/// Names a sealed segment of an open log. Not stored.
struct SealedSegmentHandle: Hashable, Sendable {
    var rawValue: UInt32
}
