internal import Synchronization

/// What reads may need: the segments of a log, and the cache of decoded blocks. Safe to use from any thread.
final class SegmentTable: Sendable {
    let cache: BlockCache
    private let state = Mutex(State())

    private struct State {
        var journal: [UInt32: JournalSegment] = [:]
        var sealed: [SealedSegmentHandle: SealedSegment] = [:]
        var nextHandle: UInt32 = 1
    }

    init(cache: BlockCache) { self.cache = cache }

    // MARK: Journal segments, by number

    func insert(_ segment: JournalSegment) { state.withLock { $0.journal[UInt32(segment.number)] = segment } }

    func remove(_ segment: JournalSegment) {
        _ = state.withLock { $0.journal.removeValue(forKey: UInt32(segment.number)) }
    }

    subscript(number: UInt32) -> JournalSegment? { state.withLock { $0.journal[number] } }

    var journalSegments: [JournalSegment] {
        state.withLock { Array($0.journal.values) }.sorted { $0.number < $1.number }
    }

    // MARK: Sealed segments, by handle

    func insert(_ segment: SealedSegment) -> SealedSegmentHandle {
        state.withLock { state in
            defer { state.nextHandle += 1 }
            let handle = SealedSegmentHandle(rawValue: state.nextHandle)
            state.sealed[handle] = segment
            return handle
        }
    }

    func remove(_ handle: SealedSegmentHandle) {
        if let segment = state.withLock({ $0.sealed.removeValue(forKey: handle) }) { cache.removeAll(of: segment) }
    }

    subscript(handle: SealedSegmentHandle) -> SealedSegment? { state.withLock { $0.sealed[handle] } }

    /// Segments of both kinds, and the bytes of the sealed ones.
    var counts: (journal: Int, sealed: Int, sealedByteCount: Int) {
        state.withLock { state in
            (state.journal.count, state.sealed.count, state.sealed.values.reduce(0) { $0 + $1.byteCount })
        }
    }
}
