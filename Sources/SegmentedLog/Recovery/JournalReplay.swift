/// Reads the journal from front to back when a log is opened: verifies every frame, hands every entry to the owner, and
/// finds the end.
///
/// What ends the log. Each frame must verify, continue the sequence numbers and name its predecessor's checksum; where
/// one segment has no next frame, a later segment may go on. Where nothing goes on, the rest of this segment and all
/// later ones are searched for frames that verify. If one of them says that the log was synced beyond the place where it
/// breaks off, bytes that were durable have changed: that is corruption, and the log is not opened. Otherwise the log
/// ends there. What follows was never known to be durable; it is dropped and counted. In `sync` mode that is at most the
/// last frame; in the weaker modes several frames may have been written in any order.
struct JournalReplay {
    let directoryPath: String
    let table: SegmentTable
    /// What is in sealed segments; nil if there are none.
    let sealed: SealedEnd?
    let recover: (RecoveredEntry) throws(RecoveryRefusal) -> Void

    /// Where the sealed part of a log ends.
    struct SealedEnd {
        var end: JournalSegment.End
        /// By rising number.
        var streams: [LogStream]
    }

    /// Streams that begin in the journal.
    private var newStreams: [StreamNumber: LogStream] = [:]
    private var holes: [StreamNumber: StreamHole]
    private var chain: JournalChain
    private(set) var entryCount = 0
    /// Streams that are not deleted.
    private(set) var streamCount: Int
    /// Segments that are followed by another one with frames.
    private(set) var full: [SegmentMaintenance.FullSegment] = []
    /// What was done to streams that are in sealed segments.
    private(set) var changes: [SegmentMaintenance.Change] = []
    /// Segments between others, by index, that were never written to.
    private(set) var passedOver: [Int] = []
    /// Frames of the current segment that no later one says are synced.
    private var doubtful: [DoubtfulFrame] = []
    private var syncedSequenceNumber = LogSequenceNumber.none

    private struct DoubtfulFrame {
        var offset: Int
        var endSequenceNumber: LogSequenceNumber
    }

    init(
        segments: [JournalSegment], storeIdentifier: StoreIdentifier, directoryPath: String, table: SegmentTable,
        sealed: SealedEnd?, holes: [StreamNumber: StreamHole],
        recover: @escaping (RecoveredEntry) throws(RecoveryRefusal) -> Void
    ) {
        chain = JournalChain(segments: segments, storeIdentifier: storeIdentifier, sealedEnd: sealed?.end)
        self.directoryPath = directoryPath
        self.table = table
        self.sealed = sealed
        self.holes = holes
        self.recover = recover
        streamCount = sealed?.streams.count ?? 0
    }

    /// Nil until the first frame: what remains of a log need not begin with 1.
    var nextSequenceNumber: LogSequenceNumber? { chain.nextSequenceNumber }
    var previousChecksum: UInt32 { chain.previousChecksum }
    private var segments: [JournalSegment] { chain.segments }

    /// Replays everything and returns where the log ends.
    mutating func run() throws(LogOpenError) -> JournalEnd {
        var current = 0
        var offset = SegmentHeader.byteCount
        while true {
            if let frame = chain.nextFrame(in: current, at: offset) {
                try replay(frame, in: segments[current], at: offset)
                offset += frame.paddedByteCount
            } else if offset > SegmentHeader.byteCount, let next = chain.continuation(after: current) {
                passedOver += (current + 1)..<next
                full.append(
                    SegmentMaintenance.FullSegment(
                        segment: segments[current],
                        end: .init(
                            sequenceNumber: nextSequenceNumber ?? .none, lastFrameChecksum: previousChecksum)))
                current = next
                offset = SegmentHeader.byteCount
                doubtful = []
            } else {
                let end = try end(in: current, at: offset)
                if let hole = holes.min(by: { $0.key.rawValue < $1.key.rawValue }) { throw hole.value.error }
                return end
            }
        }
    }

    // MARK: Entries

    private mutating func replay(
        _ frame: FrameHeader, in segment: JournalSegment, at offset: Int
    ) throws(LogOpenError) {
        var entries = EntryCursor(segment.bytes, frame: frame, at: offset)
        for index in 0..<frame.entryCount {
            let entryOffset = entries.offset
            guard let (entry, payloadOffset) = entries.next() else {
                throw corrupt(segment, entryOffset, "an entry is malformed")
            }
            let sequenceNumber = frame.firstSequenceNumber.advanced(by: index)
            do throws(RecoveryRefusal) {
                try apply(
                    entry, sequenceNumber, committedAt: frame.committedAt, segment: segment,
                    payloadOffset: payloadOffset, entryOffset: entryOffset)
            } catch {
                throw corrupt(segment, entryOffset, error.reason)
            }
            entryCount += 1
        }
        guard entries.isAtEnd else { throw corrupt(segment, offset, "the frame's lengths disagree") }
        chain.advance(past: frame)
        if frame.syncedSequenceNumber != syncedSequenceNumber {
            syncedSequenceNumber = frame.syncedSequenceNumber
            doubtful.removeAll { $0.endSequenceNumber <= frame.syncedSequenceNumber.advanced(by: 1) }
        }
        doubtful.append(DoubtfulFrame(offset: offset, endSequenceNumber: frame.endSequenceNumber))
    }

    private mutating func apply(
        _ entry: Entry, _ sequenceNumber: LogSequenceNumber, committedAt: Int64, segment: JournalSegment,
        payloadOffset: Int, entryOffset: Int
    ) throws(RecoveryRefusal) {
        guard entry.kind == .append || entry.payloadByteCount == 0,
            entry.position.rawValue <= StreamPosition.limit - UInt64(entry.payloadByteCount)
        else { throw RecoveryRefusal(reason: "an entry has bytes that it cannot have") }
        guard let stream = try stream(of: entry, sequenceNumber) else { return }
        let tail = stream.tail
        switch entry.kind {
        case .create, .append:
            if let hole = holes[stream.number], hole.isInJournal { return }
            guard entry.position <= tail else {
                return noteHole(in: stream, before: entry, segment, entryOffset)
            }
            guard entry.position == tail else {
                throw RecoveryRefusal(reason: "an entry does not follow the one before it in its stream")
            }
        case .trim:
            if let hole = holes[stream.number] {
                if hole.isInJournal { return }
                if hole.end <= entry.position { holes[stream.number] = nil }
            }
            guard entry.position <= tail else {
                return noteHole(in: stream, before: entry, segment, entryOffset)
            }
            changes.append(.trim(stream))
        case .delete:
            holes[stream.number] = nil
            changes.append(.deletion(stream))
        }
        let published = PublishedEntry(
            kind: entry.kind, position: entry.position, fileOffset: payloadOffset, byteCount: entry.payloadByteCount)
        stream.publish(CollectionOfOne(published), in: segment, committedAt: committedAt)
        try recover(
            RecoveredEntry(
                stream: stream, kind: entry.kind, continues: entry.continues, position: entry.position,
                payloadByteCount: entry.payloadByteCount, annotation: entry.annotation, committedAt: committedAt))
        if entry.kind == .delete {
            newStreams[stream.number] = nil
            streamCount -= 1
        }
    }

    /// The segment with the stream's newest row was removed: the stream must be deleted further on.
    private mutating func noteHole(
        in stream: LogStream, before entry: Entry, _ segment: JournalSegment, _ entryOffset: Int
    ) {
        let reason = "bytes \(stream.tail.rawValue) to \(entry.position.rawValue) of stream "
            + "\(stream.number.rawValue) are missing"
        holes[stream.number] = StreamHole(
            end: entry.position, isInJournal: true, error: corrupt(segment, entryOffset, reason))
    }

    /// The stream of an entry; nil where it is one that is deleted, and of which nothing is left.
    private mutating func stream(
        of entry: Entry, _ sequenceNumber: LogSequenceNumber
    ) throws(RecoveryRefusal) -> LogStream? {
        if entry.kind == .create {
            guard entry.streamNumber.rawValue == sequenceNumber.rawValue, entry.position == .start else {
                throw RecoveryRefusal(reason: "a stream's number is not that of its first entry")
            }
            let stream = LogStream(number: entry.streamNumber, segments: table)
            newStreams[entry.streamNumber] = stream
            streamCount += 1
            return stream
        }
        if let stream = newStreams[entry.streamNumber] ?? sealedStream(entry.streamNumber) {
            return stream.withIndex { $0.isDeleted } ? nil : stream
        }
        guard entry.streamNumber.rawValue < sequenceNumber.rawValue else {
            throw RecoveryRefusal(reason: "an entry belongs to a stream that was never created")
        }
        return nil
    }

    private func sealedStream(_ number: StreamNumber) -> LogStream? {
        guard let streams = sealed?.streams else { return nil }
        var low = 0
        var high = streams.count
        while low < high {
            let middle = (low + high) / 2
            if streams[middle].number.rawValue < number.rawValue { low = middle + 1 } else { high = middle }
        }
        return low < streams.count && streams[low].number == number ? streams[low] : nil
    }

    // MARK: The end

    private func end(in current: Int, at offset: Int) throws(LogOpenError) -> JournalEnd {
        let segment = segments[current]
        let lost = chain.missingSequenceNumber
        var end = JournalEnd(
            segmentIndex: current, offset: offset, doubtfulStart: doubtful.first?.offset ?? offset)
        for index in current..<segments.count {
            var place = index == current ? offset : SegmentHeader.byteCount
            var search = chain.search(in: index)
            while let (found, frame) = search.next(from: place) {
                if frame.firstSequenceNumber >= lost, frame.syncedSequenceNumber >= lost {
                    throw corrupt(
                        segment, offset,
                        "no valid frame with sequence number \(lost.rawValue) is here, but the frame at byte \(found) of "
                            + "\(SegmentDirectory.name(segments[index].number, .journal)) says that it was synced")
                }
                end.droppedByteCount += frame.paddedByteCount
                if index == current { end.droppedEnd = found + frame.paddedByteCount }
                place = found + frame.paddedByteCount
            }
        }
        if let torn = chain.tornFrame(in: current, at: offset) { end.droppedByteCount += torn.paddedByteCount }
        return end
    }

    private func corrupt(_ segment: JournalSegment, _ offset: Int, _ reason: String) -> LogOpenError {
        let name = SegmentDirectory.name(segment.number, .journal)
        return .corrupt(path: "\(directoryPath)/\(name)", byteOffset: offset, reason: reason)
    }
}

/// Where a journal ends.
struct JournalEnd {
    var segmentIndex: Int
    /// Where the next frame goes.
    var offset: Int
    /// From here to the end nothing says that the frames were ever synced.
    var doubtfulStart: Int
    /// Bytes of frames behind the end that were never known to be durable.
    var droppedByteCount = 0
    /// The end of the last valid frame behind the end in the same segment: those must not come back.
    var droppedEnd: Int?
}

/// One entry as it is read back when a log is opened.
public struct RecoveredEntry {
    /// The stream, which the owner keeps from its first entry on.
    public var stream: LogStream
    public var kind: EntryKind
    /// Whether the next entry belongs to the same append.
    public var continues: Bool
    public var position: StreamPosition
    public var payloadByteCount: Int
    /// Borrowed for the time of the call.
    public var annotation: UnsafeRawBufferPointer
    /// Wall-clock time of the commit, in milliseconds since 1970.
    public var committedAt: Int64
}

/// What an owner throws when an entry's annotation makes no sense to it: the log is then corrupt at that place.
public struct RecoveryRefusal: Error {
    public var reason: String
    public init(reason: String) { self.reason = reason }
}
