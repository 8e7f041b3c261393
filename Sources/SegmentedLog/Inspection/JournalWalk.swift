/// Goes through the journal as recovery does, but goes on behind damage.
///
/// What ends the log, and what is damage, is decided as in ``JournalReplay``: where no frame continues the log, a later
/// frame that was written when the missing one was synced proves that bytes have changed. The frames behind the damage
/// in the same segment are not used; the next segment whose first frame verifies is gone on with.
struct JournalWalk {
    /// What is in one segment.
    struct Figures {
        var number: UInt64
        var path: String
        var byteCount: Int
        /// The end of the last frame that is used.
        var usedByteCount = SegmentHeader.byteCount
        var frameCount = 0
        var entryCount = 0
        var payloadByteCount = 0
        /// Nil if no frame is used.
        var firstSequenceNumber: LogSequenceNumber?
        var endSequenceNumber: LogSequenceNumber?
    }

    /// For each file that could be read.
    private(set) var figures: [Figures]
    /// By stream; everything in the frames that are used.
    private(set) var items = JournalItems()
    private(set) var findings = FindingList()
    /// Whether frames that had been durable are missing.
    private(set) var isDamaged = false
    /// Above all sequence numbers that any frame has, used or not, or may have had.
    private(set) var sequenceNumberLimit: LogSequenceNumber
    /// Of the last frame that is used.
    var lastFrameChecksum: UInt32 { chain.previousChecksum }
    var nextSequenceNumber: LogSequenceNumber? { chain.nextSequenceNumber }

    private var chain: JournalChain
    private let hasUnreadableFile: Bool
    private let missingByteCount: Int

    init(files: [JournalFile], storeIdentifier: StoreIdentifier?, sealedEnd: JournalSegment.End?) {
        let readable = storeIdentifier == nil ? [] : files.filter { $0.segment != nil }
        chain = JournalChain(
            segments: readable.compactMap(\.segment),
            storeIdentifier: storeIdentifier ?? StoreIdentifier(low: 0, high: 0), sealedEnd: sealedEnd)
        figures = readable.map { Figures(number: $0.number, path: $0.path, byteCount: $0.byteCount) }
        sequenceNumberLimit = sealedEnd?.sequenceNumber ?? LogSequenceNumber(rawValue: 1)
        missingByteCount = files.reduce(0) { $0 + $1.missingByteCount }
        hasUnreadableFile = readable.count < files.count
    }

    mutating func run() {
        if hasUnreadableFile { isDamaged = true }
        defer { findLimit() }
        guard !chain.segments.isEmpty else { return }
        var current = 0
        var offset = begin(current)
        while true {
            if let frame = chain.nextFrame(in: current, at: offset) {
                if take(frame, in: current, at: offset) {
                    offset += frame.paddedByteCount
                    continue
                }
            } else if offset > SegmentHeader.byteCount, let next = chain.continuation(after: current) {
                current = next
                offset = begin(current)
                continue
            } else if !isBroken(in: current, at: offset) {
                break
            }
            isDamaged = true
            guard let next = segmentBehindDamage(after: current) else { break }
            current = next
            offset = begin(current)
        }
        items.sort()
    }

    private mutating func begin(_ index: Int) -> Int {
        items.begin(chain.segments[index])
        return SegmentHeader.byteCount
    }

    // MARK: Frames

    /// False if the frame has something in it that no frame has: nothing of it, nor behind it, is used.
    private mutating func take(_ frame: FrameHeader, in index: Int, at offset: Int) -> Bool {
        let path = figures[index].path
        var entries = EntryCursor(chain.segments[index].bytes, frame: frame, at: offset)
        while true {
            let entryOffset = entries.offset
            guard let (entry, _) = entries.next() else {
                if entries.isAtEnd { break }
                findings.addDamage(path, entryOffset, "an entry is malformed")
                return false
            }
            // So that no sum of a position and a byte count overflows.
            guard entry.position.rawValue <= UInt64(Int.max) / 2 else {
                findings.addDamage(path, entryOffset, "an entry's position is out of range")
                return false
            }
        }
        add(frame, in: index, at: offset)
        chain.advance(past: frame)
        return true
    }

    private mutating func add(_ frame: FrameHeader, in index: Int, at offset: Int) {
        var entries = EntryCursor(chain.segments[index].bytes, frame: frame, at: offset)
        var sequenceNumber = frame.firstSequenceNumber
        var entryOffset = entries.offset
        while let (entry, payloadOffset) = entries.next() {
            if let reason = fault(of: entry, sequenceNumber) {
                findings.addDamage(figures[index].path, entryOffset, reason)
            } else {
                items.add(entry, payloadOffset: payloadOffset, committedAt: frame.committedAt)
            }
            figures[index].payloadByteCount += entry.payloadByteCount
            sequenceNumber = sequenceNumber.advanced(by: 1)
            entryOffset = entries.offset
        }
        figures[index].usedByteCount = offset + frame.paddedByteCount
        figures[index].frameCount += 1
        figures[index].entryCount += frame.entryCount
        if figures[index].firstSequenceNumber == nil { figures[index].firstSequenceNumber = frame.firstSequenceNumber }
        figures[index].endSequenceNumber = frame.endSequenceNumber
    }

    /// What is wrong with an entry that makes no sense where it is; nil if nothing is.
    private func fault(of entry: Entry, _ sequenceNumber: LogSequenceNumber) -> String? {
        if entry.kind == .create {
            let isFirst = entry.streamNumber.rawValue == sequenceNumber.rawValue && entry.position == .start
            return isFirst ? nil : "a stream's number is not that of its first entry"
        }
        return entry.streamNumber.rawValue < sequenceNumber.rawValue
            ? nil : "an entry belongs to a stream that was never created"
    }

    // MARK: Where no frame goes on

    /// Whether this is damage; else the log ends here.
    private mutating func isBroken(in current: Int, at offset: Int) -> Bool {
        let path = figures[current].path
        let missing = chain.missingSequenceNumber
        var droppedByteCount = 0
        for index in current..<chain.segments.count {
            var place = index == current ? offset : SegmentHeader.byteCount
            var search = chain.search(in: index)
            while let (found, frame) = search.next(from: place) {
                if frame.firstSequenceNumber >= missing, frame.syncedSequenceNumber >= missing {
                    findings.addDamage(
                        path, offset,
                        "no valid frame with sequence number \(missing.rawValue) is here, but the frame at byte "
                            + "\(found) of \(figures[index].path) says that it was synced")
                    return true
                }
                droppedByteCount += frame.paddedByteCount
                place = found + frame.paddedByteCount
            }
        }
        reportEnd(in: current, at: offset, droppedByteCount: droppedByteCount)
        return false
    }

    private mutating func reportEnd(in current: Int, at offset: Int, droppedByteCount: Int) {
        let path = figures[current].path
        let bytes = chain.segments[current].bytes
        if chain.tornFrame(in: current, at: offset) != nil {
            findings.addNote(
                path, offset, "the last frame was not written whole: it was never durable, and does not count")
        } else if bytes[min(offset, bytes.count)..<min(offset + FrameHeader.byteCount, bytes.count)]
            .contains(where: { $0 != 0 })
        {
            findings.addNote(
                path, offset,
                "what follows the end of the log is no frame: it was left there by an earlier use of the file, or by "
                    + "a frame that was not written whole")
        }
        if droppedByteCount > 0 {
            findings.addNote(
                path, offset,
                "\(droppedByteCount) bytes of frames behind the end of the log were never durable, and do not count")
        }
    }

    /// The next segment whose first frame verifies and is not from before the damage. Segments on the way that have
    /// such frames only further behind are damaged, too.
    private mutating func segmentBehindDamage(after current: Int) -> Int? {
        let missing = chain.missingSequenceNumber
        for index in (current + 1)..<max(chain.segments.count, current + 1) {
            if let first = chain.verifiedFrame(in: index, at: SegmentHeader.byteCount) {
                guard first.firstSequenceNumber >= missing else { continue }
                chain.resume(with: first)
                return index
            }
            var search = chain.search(in: index)
            if search.next(from: SegmentHeader.byteCount) != nil {
                findings.addDamage(
                    figures[index].path, SegmentHeader.byteCount, "the first frame of the segment does not verify")
            }
        }
        return nil
    }

    /// Numbers that were given out once must not be given out again, whatever is left of their entries.
    private mutating func findLimit() {
        var limit = max(sequenceNumberLimit, chain.nextSequenceNumber ?? sequenceNumberLimit)
        var unreadByteCount = missingByteCount
        for index in chain.segments.indices {
            let end = figures[index].usedByteCount
            var place = end
            var search = chain.search(in: index)
            while let (found, frame) = search.next(from: place) {
                limit = max(limit, frame.endSequenceNumber)
                place = found + frame.paddedByteCount
            }
            if isDamaged { unreadByteCount += max(0, figures[index].byteCount - end) }
        }
        // Each entry takes at least its header: so many can have been in bytes that are gone, or not read.
        sequenceNumberLimit = limit.advanced(by: unreadByteCount / Entry.headerByteCount)
    }
}
