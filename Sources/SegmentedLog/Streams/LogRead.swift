/// A planned read: the places of a range of a stream's bytes. It keeps those places valid as long as it lives.
public struct LogRead: Sendable {
    public let start: StreamPosition
    /// Where the read ends and the next one goes on.
    public private(set) var end: StreamPosition
    /// The durable end of the stream when the read was planned.
    public let tail: StreamPosition
    private var pieces: [Piece] = []

    private struct Piece: Sendable {
        var segment: JournalSegment
        var fileOffset: Int
        var byteCount: Int
    }

    init(start: StreamPosition, tail: StreamPosition) {
        self.start = start
        self.end = start
        self.tail = tail
    }

    public var byteCount: Int { end.distance(from: start) }

    /// Whether copying the bytes now would not wait for the disk, as far as can be told.
    public var isResident: Bool {
        var first = 0
        while first < pieces.count {
            // Pieces of one segment lie in the order of its file: one question covers a stretch of them.
            let segment = pieces[first].segment
            var last = first
            while last + 1 < pieces.count, pieces[last + 1].segment === segment { last += 1 }
            let range = pieces[first].fileOffset..<(pieces[last].fileOffset + pieces[last].byteCount)
            if !segment.isRecent, !segment.mapping.isResident(range) { return false }
            first = last + 1
        }
        return true
    }

    /// Copies the bytes. May block on the disk where ``isResident`` is false.
    /// - Parameter destination: At least ``byteCount`` bytes.
    public func copyBytes(into destination: UnsafeMutableRawBufferPointer) {
        precondition(destination.count >= byteCount)
        guard var target = destination.baseAddress else { return }
        for piece in pieces {
            target.copyMemory(from: piece.segment.bytes.baseAddress! + piece.fileOffset, byteCount: piece.byteCount)
            target += piece.byteCount
        }
    }

    func lastSegment(numbered number: UInt32) -> JournalSegment? {
        guard let last = pieces.last, last.segment.number == UInt64(number) else { return nil }
        return last.segment
    }

    mutating func add(_ segment: JournalSegment, fileOffset: Int, byteCount: Int) {
        pieces.append(Piece(segment: segment, fileOffset: fileOffset, byteCount: byteCount))
        end = end.advanced(by: byteCount)
    }
}
