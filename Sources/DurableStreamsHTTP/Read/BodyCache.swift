import NIOCore
import Synchronization

/// Bodies that several clients have asked for: copied, and compressed, once for all of them. Any thread.
///
/// A strong entity tag names the bytes of a body for ever, so it is the key, and nothing in here can be out of date. What
/// is asked for once is not kept. Bodies that were used least recently go first.
final class BodyCache: Sendable {
    /// Copying less costs no more than looking here.
    static let byteCountMinimum = 64 << 10
    private static let bodyCountLimit = 1_024
    /// What a body costs beside its bytes, roughly.
    fileprivate static let overheadByteCount = 512
    fileprivate static let noteCount = 1_024

    fileprivate struct Entry {
        var body: ByteBuffer
        var lastUse: UInt64
    }

    fileprivate struct State {
        var entries: [EntityTag: Entry] = [:]
        var byteCount = 0
        var useCount: UInt64 = 0
        /// Hashes of tags that were asked for lately, each at the place that it says itself.
        var notes = [Int](repeating: 0, count: BodyCache.noteCount)
    }

    private let state = Mutex(State())
    private let byteCountLimit: Int

    /// - Parameter byteCountLimit: The memory that the bodies take together, in bytes; 0: none is kept. Those that are
    ///   still being sent after they had to go count no more.
    init(byteCountLimit: Int) { self.byteCountLimit = byteCountLimit }

    /// The memory that the bodies take, in bytes.
    var byteCount: Int { state.withLock { $0.byteCount } }

    /// Whether it is worth a look for a body of so many stored bytes.
    func mayHold(byteCount: Int, coding: ContentCoding) -> Bool {
        byteCountLimit > 0 && (coding != .identity || byteCount >= Self.byteCountMinimum)
    }

    /// The body of that name, if it is kept. Is a use of it.
    subscript(tag: EntityTag) -> ByteBuffer? {
        state.withLock { state in
            guard let index = state.entries.index(forKey: tag) else { return nil }
            state.useCount += 1
            state.entries.values[index].lastUse = state.useCount
            return state.entries.values[index].body
        }
    }

    /// Keeps a body if it has been offered before.
    func offer(_ body: ByteBuffer, _ tag: EntityTag) {
        guard body.readableBytes <= byteCountLimit / 4 else { return }
        // Released outside of the lock.
        var gone: [ByteBuffer] = []
        state.withLock { state in
            guard state.wasNoted(tag) else { return }
            state.insert(body.withoutSpareCapacity, tag)
            while state.byteCount > byteCountLimit || state.entries.count > Self.bodyCountLimit,
                let body = state.removeOldest()
            {
                gone.append(body)
            }
        }
    }
}

extension BodyCache.State {
    fileprivate mutating func wasNoted(_ tag: EntityTag) -> Bool {
        let hash = tag.hashValue
        let place = Int(UInt(bitPattern: hash) % UInt(notes.count))
        if notes[place] == hash { return true }
        notes[place] = hash
        return false
    }

    fileprivate mutating func insert(_ body: ByteBuffer, _ tag: EntityTag) {
        useCount += 1
        // Another thread may have been faster.
        let former = entries.updateValue(BodyCache.Entry(body: body, lastUse: useCount), forKey: tag)
        byteCount += body.keptByteCount - (former?.body.keptByteCount ?? 0)
    }

    fileprivate mutating func removeOldest() -> ByteBuffer? {
        guard let index = entries.indices.min(by: { entries.values[$0].lastUse < entries.values[$1].lastUse })
        else { return nil }
        let entry = entries.remove(at: index).value
        byteCount -= entry.body.keptByteCount
        return entry.body
    }
}

extension ByteBuffer {
    fileprivate var keptByteCount: Int { readableBytes + BodyCache.overheadByteCount }

    /// A body was made with room for the worst case of compression.
    fileprivate var withoutSpareCapacity: ByteBuffer {
        if storageCapacity / 2 <= readableBytes { return self }
        var copy = ByteBufferAllocator().buffer(capacity: readableBytes)
        copy.writeImmutableBuffer(self)
        return copy
    }
}
