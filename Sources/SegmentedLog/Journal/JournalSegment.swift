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

    /// The streams with entries in this segment, once each. Owned by the writer's thread (before it starts, by
    /// recovery), and by the maintenance once the segment is full.
    var touchedStreams: [LogStream] = []

    /// Where a full segment ends, in the terms of the log.
    struct End: Sendable, Equatable {
        /// That of the first entry behind the segment.
        var sequenceNumber: LogSequenceNumber
        var lastFrameChecksum: UInt32
    }

    /// Whether this process is writing the segment, or was until a moment ago: its pages are in memory then.
    private let recent = Atomic(false)

    /// Called when nobody holds the segment any more. Set by the provisioner when the segment is retired.
    private let whenReleased = Mutex<(@Sendable () -> Void)?>(nil)

    convenience init(number: UInt64, file: any LogFile, byteCount: Int) throws(FileSystemError) {
        self.init(number: number, file: file, mapping: try file.map(byteCount: byteCount))
    }

    init(number: UInt64, file: any LogFile, mapping: any FileMapping) {
        self.number = number
        self.file = file
        self.mapping = mapping
        bytes = mapping.bytes
        byteCount = bytes.count
    }

    deinit { whenReleased.withLock { $0 }?() }

    var isRecent: Bool { recent.load(ordering: .relaxed) }
    func setRecent(_ isRecent: Bool) { recent.store(isRecent, ordering: .relaxed) }

    func retire(whenReleased body: @escaping @Sendable () -> Void) { whenReleased.withLock { $0 = body } }
}
