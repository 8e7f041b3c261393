import SegmentedLog
import SimulatedDisk
import Testing

/// What was appended to one stream, entry by entry: what reads and look-ups are compared with.
struct EntryModel {
    struct Entry {
        var start: Int
        var end: Int
        var endsAppend: Bool
        var committedAt: Int64
    }

    private(set) var content = ComparableBytes()
    private(set) var entries: [Entry] = []
    /// Nothing before it can be read.
    private(set) var start = 0

    var bytes: [UInt8] { Array(content.bytes[start...]) }
    var tail: Int { content.bytes.count }
    /// Where entries begin, and the tail, as far as they were not trimmed.
    var boundaries: Set<Int> { Set(entries.map(\.start) + [tail]).filter { $0 >= start } }

    mutating func append(_ parts: [[UInt8]], committedAt: Int64 = 0) {
        for (index, part) in parts.enumerated() {
            entries.append(
                Entry(
                    start: tail, end: tail + part.count, endsAppend: index == parts.count - 1,
                    committedAt: committedAt))
            content.bytes += part
        }
    }

    mutating func trim(to position: Int) { start = position }

    func entryStart(atOrBefore position: Int) -> Int {
        entries.last { $0.start <= position }.map { position >= tail ? tail : $0.start } ?? 0
    }

    func appendEnd(holding position: Int) -> Int? {
        guard position >= start, position < tail else { return nil }
        return entries.first { $0.endsAppend && $0.end > position }?.end
    }

    // MARK: Comparing

    /// Reads the whole stream in chunks of at most so many bytes, as a client would.
    func expectChunks(of stream: LogStream, _ byteCountLimit: Int, splitsEntries: Bool) throws {
        let boundaries = boundaries
        var position = start
        var bytes: [UInt8] = []
        while position < tail {
            let read = stream.read(
                from: StreamPosition(rawValue: UInt64(position)), upTo: stream.tail, byteCountLimit: byteCountLimit,
                splitsEntries: splitsEntries)
            guard Int(read.start.rawValue) == position, read.byteCount > 0, read.tail == stream.tail else {
                Issue.record("a read at \(position) begins at \(read.start) and has \(read.byteCount) bytes")
                return
            }
            bytes += try read.verifiedBytes()
            position = Int(read.end.rawValue)
            if splitsEntries {
                #expect(read.byteCount == min(byteCountLimit, tail - Int(read.start.rawValue)))
            } else {
                #expect(boundaries.contains(position), "a read ends at \(position), where no entry does")
                // An entry, or what is joined to one in the index, may be longer than the limit.
                #expect(read.byteCount <= max(byteCountLimit, 65_536))
            }
        }
        #expect(ComparableBytes(bytes: bytes) == ComparableBytes(bytes: self.bytes))
    }

    /// Asks for each position where something begins or ends, and for those beside it.
    /// - Parameter sealedEnd: What is behind it is in the journal, where several entries may count as one.
    func expectBoundaries(of stream: LogStream, sealedEnd: Int) throws {
        let boundaries = boundaries
        var positions: Set<Int> = [start, tail, tail + 1]
        for entry in entries where entry.end > start {
            positions.formUnion([entry.start, entry.start + 1, entry.end - 1].filter { $0 >= start })
        }
        for position in positions.sorted() {
            let asked = StreamPosition(rawValue: UInt64(position))
            let found = Int(try stream.entryStart(atOrBefore: asked).rawValue)
            if position < sealedEnd || position >= tail {
                #expect(found == entryStart(atOrBefore: position), "the entry before \(position)")
            } else {
                #expect(boundaries.contains(found) && found <= position, "\(found) before \(position)")
                #expect(found > position - 65_536 || found == entryStart(atOrBefore: position))
            }
            let end = try stream.appendEnd(holding: asked).map { Int($0.rawValue) }
            #expect(end == appendEnd(holding: position), "the append that holds \(position)")
        }
    }
}

extension TestLog {
    /// Adds random appends to a stream and to its model: most of them small, some of several entries, a few large.
    func appendRandomly(
        _ count: Int, to stream: TestStream, _ model: inout EntryModel, _ generator: inout SeededGenerator,
        endingWith terminator: UInt8? = nil, committedAt: Int64 = 0
    ) throws {
        for _ in 0 ..< count {
            var parts: [[UInt8]] = []
            for _ in 0 ... (generator.chance(1, outOf: 4) ? generator.integer(below: 5) : 0) {
                let limit = [30, 500, 9_000, 40_000][min(3, generator.integer(below: 14) / 4)]
                // Half of it can be compressed.
                let byteCount = 1 + generator.integer(below: limit)
                var part = generator.bytes(count: byteCount / 2) + payload(byteCount, byteCount: byteCount - byteCount / 2)
                if let terminator { part = part.map { $0 == terminator ? 0 : $0 } + [terminator] }
                parts.append(part)
            }
            while joined(parts).count > 58_000 { parts.removeLast() }
            if parts.isEmpty { parts = [[terminator ?? 1]] }
            try appendNow(parts: parts, to: stream)
            model.append(parts, committedAt: committedAt)
        }
    }
}
