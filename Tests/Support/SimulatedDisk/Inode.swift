internal import Glibc

/// A file without a name: what everyone sees of it, what would survive a power failure, and the writes in between.
/// Guarded by the mutex of its disk, except for the memory behind mappings.
final class Inode: @unchecked Sendable {
    struct UnsynchronizedWrite {
        var offset: Int
        var bytes: [UInt8]
    }

    /// The page cache. Mappings point into it, so it never moves.
    let cache: Reservation
    private(set) var byteCount = 0

    /// What was synchronized.
    private(set) var durable: [UInt8] = []
    /// What was written since, in order.
    private(set) var unsynchronized: [UnsynchronizedWrite] = []

    /// Whether a name leads here, and how many open files and mappings do: the space is free once nothing does.
    var isLinked = true
    var referenceCount = 0

    init(byteCountLimit: Int) { cache = Reservation(byteCount: byteCountLimit) }

    /// A file whose content is durable.
    convenience init(byteCountLimit: Int, content: [UInt8]) {
        self.init(byteCountLimit: byteCountLimit)
        replaceContent(content)
    }

    var content: [UInt8] { [UInt8](copying: UnsafeRawBufferPointer(rebasing: cache.bytes[..<byteCount])) }

    func write(_ bytes: [UInt8], at offset: Int) {
        guard !bytes.isEmpty else { return }
        place(bytes, at: offset)
        unsynchronized.append(UnsynchronizedWrite(offset: offset, bytes: bytes))
    }

    func synchronize() {
        for write in unsynchronized { durable.put(write.bytes[...], at: write.offset) }
        unsynchronized = []
    }

    /// The disk could not write some of it back and says so once. The cache goes on showing everything.
    func failSynchronization(_ generator: inout SeededGenerator) {
        var survival = WriteSurvival(mode: .independent, generator: generator)
        durable = survival.survivors(of: unsynchronized, on: durable)
        generator = survival.generator
        unsynchronized = []
    }

    /// From outside, as a test does: what is there is durable at once. Space that is mapped stays valid.
    func replaceContent(_ content: [UInt8]) {
        cache.mutableBytes.baseAddress!.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        byteCount = 0
        place(content, at: 0)
        durable = content
        unsynchronized = []
    }

    func damage(at offset: Int, _ change: (UInt8) -> UInt8) {
        cache.mutableBytes[offset] = change(cache.mutableBytes[offset])
        if offset < durable.count { durable[offset] = change(durable[offset]) }
    }

    /// The same file on the next disk, after a crash that lost nothing.
    func copy() -> Inode {
        let other = Inode(byteCountLimit: cache.mutableBytes.count)
        other.place(content, at: 0)
        other.durable = durable
        other.unsynchronized = unsynchronized
        return other
    }

    private func place(_ bytes: [UInt8], at offset: Int) {
        precondition(offset >= 0 && offset + bytes.count <= cache.mutableBytes.count)
        bytes.withUnsafeBytes { source in
            guard let base = source.baseAddress else { return }
            (cache.mutableBytes.baseAddress! + offset).copyMemory(from: base, byteCount: source.count)
        }
        byteCount = max(byteCount, offset + bytes.count)
    }
}

/// Address space that the kernel fills with zeroed pages where it is touched, and that stays where it is until the
/// last reference to it goes.
final class Reservation: @unchecked Sendable {
    let mutableBytes: UnsafeMutableRawBufferPointer

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(mutableBytes) }

    init(byteCount: Int) {
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let base = mmap(nil, byteCount, PROT_READ | PROT_WRITE, flags, -1, 0), base != MAP_FAILED else {
            fatalError("no address space for a simulated file of \(byteCount) bytes")
        }
        mutableBytes = UnsafeMutableRawBufferPointer(start: base, count: byteCount)
    }

    deinit { munmap(mutableBytes.baseAddress, mutableBytes.count) }
}
