import SimulatedDisk
import Testing

@testable import DurableStreams
@testable import SegmentedLog

@Suite struct StreamStateRowTests {
    private func state(_ records: AppendRecord...) -> WriterState {
        var state = WriterState()
        for record in records { state.apply(record, byteCount: 0) }
        return state
    }

    private func decode(_ bytes: [UInt8]) -> StreamStateRow? { bytes.withUnsafeBytes { StreamStateRow.decode($0) } }

    private let full: [AppendRecord] = [
        AppendRecord(sequence: "s1"),
        AppendRecord(producer: ProducerStamp(identifier: "q", epoch: 5, sequence: 6)),
        AppendRecord(closes: true, producer: ProducerStamp(identifier: "p", epoch: 2, sequence: 3)),
    ]

    @Test func `A row of an open stream that nobody has done anything special to has these bytes`() throws {
        let row = StreamStateRow(creation: [7, 8, 9], writer: WriterState())
        #expect(row.encode() == [1, 0, 3, 0, 0, 0, 7, 8, 9])
        #expect(try #require(decode(row.encode())).encode() == row.encode())
    }

    @Test func `A row with everything has these bytes`() throws {
        let row = StreamStateRow(creation: [7], writer: state(full[0], full[1], full[2]))
        let p: [UInt8] = [1, 0, 0, 0, UInt8(ascii: "p"), 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]
        let q: [UInt8] = [1, 0, 0, 0, UInt8(ascii: "q"), 5, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0]
        let expected: [UInt8] =
            [1, 15, 1, 0, 0, 0, 7] + [2, 0, 0, 0] + Array("s1".utf8) + [2, 0, 0, 0] + p + q + p
        #expect(row.encode() == expected)
        let decoded = try #require(decode(expected))
        #expect(decoded.creation == [7])
        #expect(decoded.writer.isClosed && decoded.writer.lastSequence == "s1")
        #expect(decoded.writer.producerState("q") == ProducerState(epoch: 5, sequence: 6))
        #expect(decoded.writer.closedBy == ProducerStamp(identifier: "p", epoch: 2, sequence: 3))
        #expect(decoded.encode() == expected)
    }

    @Test func `A softly deleted stream and a start of its own are at the end`() throws {
        var row = StreamStateRow(creation: [7], writer: WriterState())
        row.apply(AppendRecord(start: StreamPosition(rawValue: 9)))
        row.apply(AppendRecord(deletesSoftly: true))
        row.apply(AppendRecord(start: StreamPosition(rawValue: 3)))
        let expected: [UInt8] = [1, 48, 1, 0, 0, 0, 7, 9, 0, 0, 0, 0, 0, 0, 0]
        #expect(row.encode() == expected)
        let decoded = try #require(decode(expected))
        #expect(decoded.isDeletedSoftly && decoded.start?.rawValue == 9)
    }

    @Test func `No beginning of a row and no row with a byte more is a row`() {
        let bytes = StreamStateRow(creation: [7], writer: state(full[0], full[1], full[2])).encode()
        for count in 0..<bytes.count { #expect(decode(Array(bytes[..<count])) == nil) }
        #expect(decode(bytes + [0]) == nil)
    }

    @Test func `Unknown versions and flags, producers out of order or of no number are refused`() {
        let plain: [UInt8] = [1, 0, 0, 0, 0, 0]
        #expect(decode(plain) != nil)
        #expect(decode([2] + plain[1...]) == nil)
        #expect(decode([1, 0x80] + plain[2...]) == nil)
        #expect(decode([1, 4] + plain[2...] + [0, 0, 0, 0]) == nil)
        #expect(decode([1, 4] + plain[2...] + [0xFF, 0xFF, 0xFF, 0xFF]) == nil)
        let producer: [UInt8] = [1, 0, 0, 0, 0x70] + Array(repeating: 0, count: 16)
        #expect(decode([1, 4] + plain[2...] + [1, 0, 0, 0] + producer) != nil)
        #expect(decode([1, 4] + plain[2...] + [2, 0, 0, 0] + producer + producer) == nil)
        // Closed by someone, and yet not closed.
        #expect(decode([1, 8] + plain[2...] + producer) == nil)
    }

    @Test func `Random bytes are refused or are a row, and nothing crashes`() {
        var random = SeededGenerator(seed: 3)
        let valid = StreamStateRow(creation: [7], writer: state(full[0], full[1], full[2])).encode()
        for _ in 0..<20_000 {
            var bytes = valid
            for _ in 0..<(1 + random.integer(below: 3)) {
                bytes[random.integer(below: bytes.count)] = UInt8(truncatingIfNeeded: random.next())
            }
            if let row = decode(bytes) { _ = row.encode() }
        }
    }

    /// What sealing does to a stream, whatever it finds in each journal segment.
    @Test(arguments: 1...60)
    func `Folding rows over any cut of the entries is folding over all of them`(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let creation = StreamRow(
            path: try StreamPath("a"), contentType: .octetStream, lifetime: nil,
            isClosedAtCreation: random.chance(1, outOf: 8), createdAt: WallClockTime(millisecondsSince1970: 1))
        var annotations = [(EntryKind.create, creation.encode())]
        var expected = StreamStateRow(
            creation: creation.encode(), writer: WriterState(isClosed: creation.isClosedAtCreation))
        for _ in 0..<random.integer(below: 20) {
            var record = AppendRecord(closes: random.chance(1, outOf: 10), renews: random.chance(1, outOf: 4))
            if random.chance(1, outOf: 3) { record.sequence = "\(random.integer(below: 100))" }
            if random.chance(1, outOf: 2) {
                // Two spellings of one text, which are two producers.
                let identifier = ["p", "q", "\u{E9}", "e\u{301}"][random.integer(below: 4)]
                record.producer = ProducerStamp(
                    identifier: identifier, epoch: random.next() % 4, sequence: random.next() % 100)
            }
            if random.chance(1, outOf: 9) { record.deletesSoftly = true }
            if random.chance(1, outOf: 4) { record.start = StreamPosition(rawValue: random.next() % 100) }
            expected.apply(record)
            let bytes = record.encode()
            if !bytes.isEmpty { annotations.append((.append, bytes)) }
        }
        let whole = try fold(annotations[...], to: nil)
        #expect(whole == expected.encode())
        var row: [UInt8]?
        var rest = annotations[...]
        while !rest.isEmpty {
            let count = row == nil ? max(1, random.integer(below: rest.count + 1)) : random.integer(below: rest.count + 1)
            row = try fold(rest.prefix(count), to: row)
            rest = rest.dropFirst(count)
        }
        #expect(row == whole)
    }

    private func fold(_ annotations: ArraySlice<(EntryKind, [UInt8])>, to row: [UInt8]?) throws -> [UInt8] {
        let memory = annotations.map { UnsafeMutableRawBufferPointer.allocate(byteCount: $0.1.count, alignment: 1) }
        defer { memory.forEach { $0.deallocate() } }
        var changes = LogRowChanges()
        for (memory, (kind, bytes)) in zip(memory, annotations) {
            memory.copyBytes(from: bytes)
            changes.entries.append(.init(kind: kind, annotation: UnsafeRawBufferPointer(memory), committedAt: 0))
        }
        guard let row else { return try StreamRowFolder().row(after: changes, to: nil) }
        return try row.withUnsafeBytes { try StreamRowFolder().row(after: changes, to: $0) }
    }

    @Test func `Rows and records that make no sense are refused`() {
        #expect(throws: RecoveryRefusal.self) { try fold([(.append, [1, 1])], to: nil) }
        #expect(throws: RecoveryRefusal.self) { try fold([(.create, [9])], to: nil) }
        #expect(throws: RecoveryRefusal.self) { try fold([(.append, [1, 1])], to: [9]) }
        #expect(throws: RecoveryRefusal.self) { try fold([(.append, [9])], to: [1, 0, 0, 0, 0, 0]) }
    }
}
