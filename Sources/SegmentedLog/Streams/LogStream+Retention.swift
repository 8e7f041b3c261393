/// How much of a stream is to be kept. What is older, or beyond the size, may go; it goes a block (about 16 KiB) at a time, so
/// that a little more is kept than is asked for, never less.
public struct LogRetention: Sendable, Hashable {
    /// Keeps what was committed at most so long ago, in milliseconds.
    public var ageMilliseconds: Int64?
    /// Keeps the last so many bytes.
    public var byteCount: Int?

    public init(ageMilliseconds: Int64? = nil, byteCount: Int? = nil) {
        self.ageMilliseconds = ageMilliseconds
        self.byteCount = byteCount
    }
}

extension LogStream {
    /// The position that the stream may be trimmed to: where an entry begins, or the tail. Looks into block indexes, so
    /// it may wait for the disk; costs a step for each block that goes.
    ///
    /// - Parameters:
    ///   - retention: How much is to be kept.
    ///   - now: The wall clock, in milliseconds since 1970.
    public func retentionStart(_ retention: LogRetention, now: Int64) -> StreamPosition {
        let index = withIndex { SealedPart(start: $0.start, extents: $0.extents, end: $0.journalStart, tail: $0.tail) }
        var result = index.start
        if let byteCount = retention.byteCount, index.tail.distance(from: index.start) > byteCount {
            let target = StreamPosition(rawValue: index.tail.rawValue - UInt64(max(0, byteCount)))
            _ = forEachUnit(of: index) { unit in
                guard unit.position <= target else { return false }
                if unit.beginsEntry { result = max(result, unit.position) }
                return true
            }
        }
        if let age = retention.ageMilliseconds {
            let horizon = now.subtractingReportingOverflow(max(0, age))
            guard !horizon.overflow else { return result }
            var kept = index.start
            let oldEnd = forEachUnit(of: index) { unit in
                if unit.beginsEntry { kept = unit.position }
                return unit.committedAt < horizon.partialValue
            }
            result = max(result, oldEnd ?? kept)
        }
        return result
    }

    /// Where the bytes of the stream are that are sealed, as of one moment.
    private struct SealedPart {
        var start: StreamPosition
        var extents: [SealedExtent]
        var end: StreamPosition
        var tail: StreamPosition
    }

    /// What retention keeps or drops as a whole: a block of a sealed segment, or a run in the journal.
    private struct Unit {
        var position: StreamPosition
        var end: StreamPosition
        var committedAt: Int64
        var beginsEntry: Bool
    }

    /// Calls with each unit, oldest first, until the body returns false.
    /// - Returns: The tail if the body never did and all there is was met; else nil.
    private func forEachUnit(of index: SealedPart, _ body: (Unit) -> Bool) -> StreamPosition? {
        for extent in index.extents {
            guard let segment = segments[extent.segment] else { return nil }
            let stream = segment.stream(at: Int(extent.row))
            for number in stream.firstBlock..<(stream.firstBlock + stream.blockCount) {
                let block = segment.block(at: number)
                guard block.end > index.start else { continue }
                let unit = Unit(
                    position: block.position, end: block.end, committedAt: block.committedAt,
                    beginsEntry: block.beginsEntry)
                guard body(unit) else { return nil }
            }
        }
        // Under the lock, because a copy of all runs would make the writer copy them too.
        return withIndex { current in
            // Sealed meanwhile: the next time will do.
            guard current.journalStart == index.end else { return nil }
            for run in current.journal.runs where run.position.advanced(by: Int(run.byteCount)) > index.start {
                // Kept in seconds, cut off: the newest moment that it can stand for.
                let unit = Unit(
                    position: run.position, end: run.position.advanced(by: Int(run.byteCount)),
                    committedAt: Int64(run.committedAtSeconds) * 1_000 + 999, beginsEntry: true)
                guard body(unit) else { return nil }
            }
            return current.tail
        }
    }
}
