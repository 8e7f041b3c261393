import Glibc
import SimulatedDisk
import Synchronization
import Testing

@testable import SegmentedLog

struct `The cache of decoded blocks` {
    static let fullBlockByteCount = 16_384 + 3 + DecodedBlock.overheadByteCount

    /// A segment with so many blocks of 16 KiB.
    static func segment(blockCount: Int, on disk: SimulatedDisk, number: UInt64 = 1) throws -> SealedSegment {
        let identity = SealedIdentity(first: number, last: number, generation: 0)
        let entries = (0 ..< blockCount).map { SealedModel.Entry([UInt8](repeating: UInt8($0 & 0xFF), count: 16_384)) }
        return try SealedFixture.make(
            "/store/\(identity.name())", identity: identity, on: disk, [SealedModel(number: 1, entries: entries)])
    }

    /// The blocks of a segment that are in the cache.
    static func kept(_ cache: BlockCache, _ segment: SealedSegment) -> [Int] {
        (0 ..< segment.blockCount).filter { cache.contains($0, of: segment) }
    }

    @Test func `A block is decoded once and found from then on`() throws {
        let segment = try Self.segment(blockCount: 2, on: try SealedFixture.newDisk())
        let cache = BlockCache(byteCountLimit: 1 << 20)
        let first = try cache.block(0, of: segment)
        #expect(first.payload.allSatisfy { $0 == 0 } && first.payload.count == 16_384)
        #expect(try cache.block(0, of: segment) === first)
        #expect(try cache.block(1, of: segment).payload.allSatisfy { $0 == 1 })
        #expect(cache.statistics == (hitCount: 1, missCount: 2, byteCount: 2 * Self.fullBlockByteCount))
    }

    @Test func `What was used least recently goes first, and asking whether it is there is no use`() throws {
        let segment = try Self.segment(blockCount: 12, on: try SealedFixture.newDisk())
        let cache = BlockCache(byteCountLimit: 8 * Self.fullBlockByteCount)
        for index in 0 ..< 8 { _ = try cache.block(index, of: segment) }
        #expect(Self.kept(cache, segment) == Array(0 ..< 8))
        for index in [0, 2] { _ = try cache.block(index, of: segment) }
        for index in 8 ..< 11 { _ = try cache.block(index, of: segment) }
        #expect(Self.kept(cache, segment) == [0, 2, 5, 6, 7, 8, 9, 10])
        #expect(cache.statistics.byteCount == 8 * Self.fullBlockByteCount)
    }

    @Test func `A large cache never takes more than its limit, and uses most of it`() throws {
        let segment = try Self.segment(blockCount: 700, on: try SealedFixture.newDisk())
        let limit = 8 << 20
        let cache = BlockCache(byteCountLimit: limit)
        for index in 0 ..< segment.blockCount {
            _ = try cache.block(index, of: segment)
            #expect(cache.statistics.byteCount <= limit)
        }
        #expect(cache.statistics.byteCount > limit * 3 / 4)
        #expect(Self.kept(cache, segment).count * Self.fullBlockByteCount == cache.statistics.byteCount)
    }

    @Test(arguments: [0, 8 * fullBlockByteCount - 1]) func `A block larger than an eighth of the limit is not kept`(
        _ limit: Int
    ) throws {
        let segment = try Self.segment(blockCount: 1, on: try SealedFixture.newDisk())
        let cache = BlockCache(byteCountLimit: limit)
        for _ in 0 ..< 2 { #expect(try cache.block(0, of: segment).payload.count == 16_384) }
        #expect(!cache.contains(0, of: segment))
        #expect(cache.statistics == (hitCount: 0, missCount: 2, byteCount: 0))
    }

    @Test func `A block that is driven out stays whole for those who hold it`() throws {
        let segment = try Self.segment(blockCount: 10, on: try SealedFixture.newDisk())
        let cache = BlockCache(byteCountLimit: 8 * Self.fullBlockByteCount)
        let held = try cache.block(3, of: segment)
        for index in 4 ..< 10 { _ = try cache.block(index, of: segment) }
        for index in 0 ..< 3 { _ = try cache.block(index, of: segment) }
        #expect(!cache.contains(3, of: segment))
        #expect(held.payload.allSatisfy { $0 == 3 })
    }

    @Test func `The blocks of a segment are forgotten with it, those of another are not`() throws {
        let disk = try SealedFixture.newDisk()
        let (first, second) = (
            try Self.segment(blockCount: 3, on: disk, number: 1), try Self.segment(blockCount: 3, on: disk, number: 2)
        )
        let cache = BlockCache(byteCountLimit: 64 << 20)
        for index in 0 ..< 3 {
            _ = try cache.block(index, of: first)
            _ = try cache.block(index, of: second)
        }
        cache.removeAll(of: first)
        #expect(Self.kept(cache, first) == [])
        #expect(Self.kept(cache, second) == [0, 1, 2])
        #expect(cache.statistics.byteCount == 3 * Self.fullBlockByteCount)
    }

    @Test func `The same file opened again has blocks of its own`() throws {
        let disk = try SealedFixture.newDisk()
        let segment = try Self.segment(blockCount: 1, on: disk)
        let again = try SealedSegment.open(segment.path, identity: segment.identity, fileSystem: disk)
        let cache = BlockCache(byteCountLimit: 1 << 20)
        _ = try cache.block(0, of: segment)
        #expect(!cache.contains(0, of: again))
    }

    @Test func `A fault is told each time, and forgotten when the block is sound again`() throws {
        let disk = try SealedFixture.newDisk()
        let segment = try Self.segment(blockCount: 1, on: disk)
        let cache = BlockCache(byteCountLimit: 1 << 20)
        disk.damage(segment.path, at: 70)
        for _ in 0 ..< 2 {
            let error = #expect(throws: LogReadError.self) { _ = try cache.block(0, of: segment) }
            #expect(error?.byteOffset == 64)
        }
        #expect(!cache.contains(0, of: segment))
        disk.damage(segment.path, at: 70)
        #expect(try cache.block(0, of: segment).payload.count == 16_384)
        #expect(cache.statistics.missCount == 3)
    }

    // MARK: Several threads

    /// Lets threads ask for block 0 of a segment whose mapping does not answer, and calls `meanwhile` when one of them
    /// is decoding and all others wait for it.
    private func ask(
        threadCount: Int, _ segment: SealedSegment, _ cache: BlockCache, meanwhile: (SealedSegment) -> Void = { _ in }
    ) throws -> [Result<DecodedBlock, LogReadError>] {
        let slow = SlowMapping(segment.mapping)
        let slowSegment = try segment.with(slow)
        let results = Mutex<[Result<DecodedBlock, LogReadError>]>([])
        slow.hold()
        let threads = (0 ..< threadCount).map { _ in
            NamedThread("reads") {
                let result = Result { () throws(LogReadError) in try cache.block(0, of: slowSegment) }
                results.withLock { $0.append(result) }
            }
        }
        while cache.statistics.hitCount < threadCount - 1 { usleep(200) }
        meanwhile(slowSegment)
        slow.letThrough()
        for thread in threads { thread.join() }
        return results.withLock { $0 }
    }

    @Test func `Many threads that ask for a block have it decoded once`() throws {
        let segment = try Self.segment(blockCount: 1, on: try SealedFixture.newDisk())
        let cache = BlockCache(byteCountLimit: 1 << 20)
        let results = try ask(threadCount: 12, segment, cache) { #expect(!cache.contains(0, of: $0)) }
        let blocks = try results.map { try $0.get() }
        #expect(blocks.count == 12)
        #expect(blocks.allSatisfy { $0 === blocks[0] })
        #expect(cache.statistics == (hitCount: 11, missCount: 1, byteCount: Self.fullBlockByteCount))
    }

    @Test func `Many threads that ask for a damaged block are all told`() throws {
        let disk = try SealedFixture.newDisk()
        let segment = try Self.segment(blockCount: 1, on: disk)
        disk.damage(segment.path, at: 70)
        let cache = BlockCache(byteCountLimit: 1 << 20)
        let results = try ask(threadCount: 12, segment, cache)
        #expect(results.count == 12)
        for result in results { #expect(throws: LogReadError.self) { _ = try result.get() } }
        #expect(cache.statistics == (hitCount: 11, missCount: 1, byteCount: 0))
    }

    @Test func `A block that is being decoded while its segment is forgotten is not kept`() throws {
        let segment = try Self.segment(blockCount: 1, on: try SealedFixture.newDisk())
        let cache = BlockCache(byteCountLimit: 1 << 20)
        let results = try ask(threadCount: 3, segment, cache) { cache.removeAll(of: $0) }
        for result in results { #expect(throws: Never.self) { _ = try result.get() } }
        #expect(cache.statistics.byteCount == 0)
    }

    @Test func `Threads that read at random always get the block they asked for`() throws {
        let segment = try Self.segment(blockCount: 40, on: try SealedFixture.newDisk())
        let cache = BlockCache(byteCountLimit: 20 * Self.fullBlockByteCount)
        let wrongCount = Mutex(0)
        let threads = (0 ..< 4).map { thread in
            NamedThread("reads") {
                var generator = SeededGenerator(seed: UInt64(thread))
                for round in 0 ..< 2_000 {
                    let index = generator.integer(below: 40)
                    let block = try? cache.block(index, of: segment)
                    if block?.payload.first != UInt8(index) { wrongCount.withLock { $0 += 1 } }
                    if round % 500 == 0 { cache.removeAll(of: segment) }
                }
            }
        }
        for thread in threads { thread.join() }
        #expect(wrongCount.withLock { $0 } == 0)
        let statistics = cache.statistics
        #expect(statistics.hitCount + statistics.missCount == 8_000)
        #expect(statistics.byteCount == Self.kept(cache, segment).count * Self.fullBlockByteCount)
        #expect(statistics.byteCount <= 20 * Self.fullBlockByteCount)
    }

    // MARK: The order of use

    @Test func `The order of use is that of a plain list`() throws {
        let segment = try Self.segment(blockCount: 1, on: try SealedFixture.newDisk())
        let block = try segment.decode(segment.block(at: 0))
        var list = RecencyList()
        var model: [BlockKey] = []
        var generator = SeededGenerator(seed: 5)
        for _ in 0 ..< 5_000 {
            let key = BlockKey(segment: UInt64(generator.integer(below: 3)), index: generator.integer(below: 20))
            switch generator.integer(below: 20) {
            case 0:
                let removedCount = list.removeAll { $0.segment == key.segment }.count
                let count = model.count
                model.removeAll { $0.segment == key.segment }
                #expect(removedCount == count - model.count)
            case 1 ..< 6:
                #expect((list.removeOldest() == nil) == model.isEmpty)
                if !model.isEmpty { model.removeFirst() }
            default:
                #expect((list.use(key) != nil) == model.contains(key))
                if let place = model.firstIndex(of: key) { model.remove(at: place) } else { list.insert(key, block) }
                model.append(key)
            }
            #expect(list.byteCount == model.count * block.byteCount)
            #expect(model.allSatisfy(list.contains))
        }
        while !model.isEmpty {
            #expect(list.contains(model[0]))
            _ = list.removeOldest()
            #expect(!list.contains(model.removeFirst()))
        }
        #expect(list.removeOldest() == nil)
    }
}

/// A mapping whose bytes can be made to wait, as those of a cold page do.
private final class SlowMapping: FileMapping {
    private let mapping: any FileMapping
    private let isHeld = Atomic<Bool>(false)

    init(_ mapping: any FileMapping) { self.mapping = mapping }

    func hold() { isHeld.store(true, ordering: .sequentiallyConsistent) }
    func letThrough() { isHeld.store(false, ordering: .sequentiallyConsistent) }

    var bytes: UnsafeRawBufferPointer {
        while isHeld.load(ordering: .sequentiallyConsistent) { usleep(200) }
        return mapping.bytes
    }

    func isResident(_ range: Range<Int>) -> Bool { mapping.isResident(range) }
}

extension SealedSegment {
    /// The same segment behind another mapping.
    fileprivate func with(_ mapping: any FileMapping) throws -> SealedSegment {
        let header = try SealedHeader.decode(self.mapping.bytes)
        let footer = try SealedFooter.decode(self.mapping.bytes, storeIdentifier: header.storeIdentifier)
        return SealedSegment(path: path, mapping: mapping, header: header, footer: footer)
    }
}
