internal import CLZ4

/// The payload of a block and the boundaries in it, in memory of its own. Verified; never changes.
final class DecodedBlock: @unchecked Sendable {
    /// The payload, then the boundary list. Written only before the object is given out.
    private let memory: UnsafeMutableRawBufferPointer
    private let payloadByteCount: Int

    /// What an object costs beside its bytes, roughly: itself, the allocator's share, and its place in a cache. Without
    /// it, a cache of tiny blocks would be many times as large as it says.
    static let overheadByteCount = 192

    private init(payloadByteCount: Int, boundaryByteCount: Int) {
        memory = .allocate(byteCount: payloadByteCount + boundaryByteCount, alignment: 16)
        self.payloadByteCount = payloadByteCount
    }

    deinit { memory.deallocate() }

    /// The bytes of the stream. Valid as long as this object lives.
    var payload: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[..<payloadByteCount]) }

    /// The boundary list as it was stored. Valid as long as this object lives.
    var boundaries: UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: memory[payloadByteCount...]) }

    /// The memory that it takes.
    var byteCount: Int { memory.count + Self.overheadByteCount }

    /// Calls with each piece of an entry, in order: its place in the payload, and whether an append ends with it.
    func forEachPiece(_ body: (_ range: Range<Int>, _ endsAppend: Bool) -> Void) {
        var reader = ByteReader(boundaries)
        var start = 0
        while let boundary = SealedBoundary.decode(&reader) {
            body(start..<(start + boundary.byteCount), boundary.endsAppend)
            start += boundary.byteCount
        }
    }

    struct Fault: Error {
        var reason: String
    }

    /// Decodes stored bytes that may be anything.
    ///
    /// - Parameter block: Its lengths are valid (``SealedBlock/hasValidLengths``), and its stored byte count is that
    ///   of the bytes.
    static func decode(_ stored: UnsafeRawBufferPointer, of block: SealedBlock) throws(Fault) -> DecodedBlock {
        precondition(block.hasValidLengths && stored.count == block.storedByteCount)
        let decoded = DecodedBlock(
            payloadByteCount: block.payloadByteCount, boundaryByteCount: block.boundaryByteCount)
        switch block.codec {
        case .stored: decoded.memory.copyMemory(from: stored)
        case .lz4:
            let count = LZ4_decompress_safe(
                stored.baseAddress!.assumingMemoryBound(to: CChar.self),
                decoded.memory.baseAddress!.assumingMemoryBound(to: CChar.self), CInt(stored.count),
                CInt(decoded.memory.count))
            guard count == decoded.memory.count else { throw Fault(reason: "the block does not decompress") }
        }
        guard decoded.hasValidBoundaries else { throw Fault(reason: "the block's boundary list is wrong") }
        return decoded
    }

    /// Whether the boundary list can be read to its end, and its pieces are just the payload.
    private var hasValidBoundaries: Bool {
        var reader = ByteReader(boundaries)
        var rest = payloadByteCount
        while reader.remainingByteCount > 0 {
            guard let boundary = SealedBoundary.decode(&reader), boundary.byteCount <= rest else { return false }
            rest -= boundary.byteCount
        }
        return rest == 0
    }
}
