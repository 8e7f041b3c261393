internal import Synchronization

/// One journal segment: a file of fixed size, mapped for reading, that frames are written into from front to back.
///
/// Whoever reads its bytes holds the segment. When a dead segment's last reader lets go of it, its file may be written
/// anew; not before.
final class JournalSegment: @unchecked Sendable {
    let number: UInt64
    let file: any LogFile
    let byteCount: Int
    let mapping: any FileMapping
    /// The mapping's bytes, at hand.
    let bytes: UnsafeRawBufferPointer

    /// Live streams that were created in this segment. Owned by the writer's thread (before it starts, by recovery).
    var liveStreamCount = 0

    /// Whether this process is writing the segment, or was until a moment ago: its pages are in memory then.
    private let recent = Atomic(false)

    /// Called when nobody holds the segment any more. Set by the provisioner when the segment is retired.
    private let whenReleased = Mutex<(@Sendable () -> Void)?>(nil)

    init(number: UInt64, file: any LogFile, byteCount: Int) throws(FileSystemError) {
        self.number = number
        self.file = file
        self.byteCount = byteCount
        mapping = try file.map(byteCount: byteCount)
        bytes = mapping.bytes
    }

    deinit { whenReleased.withLock { $0 }?() }

    var isRecent: Bool { recent.load(ordering: .relaxed) }
    func setRecent(_ isRecent: Bool) { recent.store(isRecent, ordering: .relaxed) }

    func retire(whenReleased body: @escaping @Sendable () -> Void) { whenReleased.withLock { $0 = body } }
}

/// The segments that reads may need, by number. Safe to use from any thread.
final class SegmentTable: Sendable {
    private let segments = Mutex<[UInt32: JournalSegment]>([:])

    func insert(_ segment: JournalSegment) { segments.withLock { $0[UInt32(segment.number)] = segment } }
    func remove(_ segment: JournalSegment) { _ = segments.withLock { $0.removeValue(forKey: UInt32(segment.number)) } }
    func removeAll() { segments.withLock { $0.removeAll() } }

    subscript(number: UInt32) -> JournalSegment? { segments.withLock { $0[number] } }

    /// Smallest number first.
    var all: [JournalSegment] { segments.withLock { Array($0.values) }.sorted { $0.number < $1.number } }
    var oldest: JournalSegment? {
        segments.withLock { $0.min { $0.key < $1.key }?.value }
    }
    var count: Int { segments.withLock { $0.count } }
}

