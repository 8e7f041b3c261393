/// A planned read: the places of a range of a stream's bytes. It keeps those places valid as long as it lives.
public struct LogRead: Sendable {
    public let start: StreamPosition
    /// Where the read ends and the next one goes on.
    public private(set) var end: StreamPosition
    /// The durable end of the stream when the read was planned.
    public let tail: StreamPosition
    private var pieces: [Piece] = []
    private let cache: BlockCache

    private enum Piece: Sendable {
        case journal(JournalSegment, fileOffset: Int, byteCount: Int)
        case sealed(SealedSegment, block: Int, skippedByteCount: Int, byteCount: Int)
    }

    init(start: StreamPosition, tail: StreamPosition, cache: BlockCache) {
        self.start = start
        self.end = start
        self.tail = tail
        self.cache = cache
    }

    public var byteCount: Int { end.distance(from: start) }

    /// So many blocks may be decoded by a read that is called resident: each takes some microseconds.
    private static let decodedBlockCountLimit = 4

    /// Whether copying the bytes now would not wait for the disk, nor compute for long, as far as can be told.
    public var isResident: Bool {
        var undecodedCount = 0
        var first = 0
        while first < pieces.count {
            switch pieces[first] {
            case .journal(let segment, let fileOffset, _):
                // Pieces of one segment lie in the order of its file: one question covers a stretch of them.
                let last = lastPiece(from: first, in: segment)
                guard case .journal(_, let lastOffset, let byteCount) = pieces[last],
                    segment.isRecent || segment.mapping.isResident(fileOffset..<(lastOffset + byteCount))
                else { return false }
                first = last + 1
            case .sealed(let segment, let block, _, _):
                if !cache.contains(block, of: segment) {
                    undecodedCount += 1
                    guard undecodedCount <= Self.decodedBlockCountLimit, segment.isResident(segment.block(at: block))
                    else { return false }
                }
                first += 1
            }
        }
        return true
    }

    private func lastPiece(from first: Int, in segment: JournalSegment) -> Int {
        var last = first
        while last + 1 < pieces.count, case .journal(let next, _, _) = pieces[last + 1], next === segment { last += 1 }
        return last
    }

    /// Copies the bytes. May block on the disk, and takes longer, where ``isResident`` is false.
    /// - Parameter destination: At least ``byteCount`` bytes. What is in it after an error means nothing.
    /// - Throws: Where bytes in a sealed segment are not those that were written.
    public func copyBytes(into destination: UnsafeMutableRawBufferPointer) throws(LogReadError) {
        precondition(destination.count >= byteCount)
        guard var target = destination.baseAddress else { return }
        for piece in pieces {
            switch piece {
            case .journal(let segment, let fileOffset, let byteCount):
                target.copyMemory(from: segment.bytes.baseAddress! + fileOffset, byteCount: byteCount)
                target += byteCount
            case .sealed(let segment, let block, let skippedByteCount, let byteCount):
                let decoded = try cache.block(block, of: segment)
                let payload = decoded.payload
                guard skippedByteCount + byteCount <= payload.count else {
                    throw LogReadError(path: segment.path, byteOffset: 0, reason: "the block index has changed")
                }
                target.copyMemory(from: payload.baseAddress! + skippedByteCount, byteCount: byteCount)
                target += byteCount
            }
        }
    }

    func lastSegment(numbered number: UInt32) -> JournalSegment? {
        guard case .journal(let segment, _, _) = pieces.last, segment.number == UInt64(number) else { return nil }
        return segment
    }

    mutating func add(_ segment: JournalSegment, fileOffset: Int, byteCount: Int) {
        pieces.append(.journal(segment, fileOffset: fileOffset, byteCount: byteCount))
        end = end.advanced(by: byteCount)
    }

    mutating func add(_ segment: SealedSegment, block: Int, skippedByteCount: Int, byteCount: Int) {
        pieces.append(.sealed(segment, block: block, skippedByteCount: skippedByteCount, byteCount: byteCount))
        end = end.advanced(by: byteCount)
    }

    /// Drops the last pieces until so many are left.
    mutating func cut(toPieceCount count: Int, byteCount: Int) {
        pieces.removeSubrange(count...)
        end = start.advanced(by: byteCount)
    }

    var pieceCount: Int { pieces.count }
}
