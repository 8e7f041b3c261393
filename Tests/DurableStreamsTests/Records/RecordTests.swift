import SegmentedLog
import Testing

@testable import DurableStreams

@Suite struct RecordTests {
    @Test func `A stream's row has these bytes`() throws {
        let row = StreamRow(
            path: try StreamPath("a/b"), contentType: try #require(ContentType("Text/Plain; charset=utf-8")),
            lifetime: .sliding(seconds: 60), isClosedAtCreation: true,
            createdAt: WallClockTime(millisecondsSince1970: 0x0102_0304_0506))
        let expected: [UInt8] =
            [1, 1, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, 0, 0, 3, 0, 0, 0] + Array("a/b".utf8) + [25, 0, 0, 0]
            + Array("Text/Plain; charset=utf-8".utf8) + [1, 60, 0, 0, 0, 0, 0, 0, 0, 0]
        #expect(row.encode() == expected)
        #expect(expected.withUnsafeBytes { StreamRow.decode($0) } == row)
    }

    @Test func `An append that only adds bytes has no record`() {
        #expect(AppendRecord().encode().isEmpty)
        #expect([UInt8]().withUnsafeBytes { AppendRecord.decode($0) } == AppendRecord())
    }

    @Test func `An append's record has these bytes`() {
        let record = AppendRecord(
            closes: true, sequence: "s1", producer: ProducerStamp(identifier: "p", epoch: 2, sequence: 3))
        let expected: [UInt8] =
            [1, 7, 2, 0, 0, 0] + Array("s1".utf8) + [1, 0, 0, 0] + Array("p".utf8) + [2, 0, 0, 0, 0, 0, 0, 0]
            + [3, 0, 0, 0, 0, 0, 0, 0]
        #expect(record.encode() == expected)
        #expect(expected.withUnsafeBytes { AppendRecord.decode($0) } == record)
    }

    @Test func `A retention follows the lifetime`() throws {
        let row = StreamRow(
            path: try StreamPath("a"), contentType: try #require(ContentType("a/b")), lifetime: nil,
            isClosedAtCreation: false, createdAt: WallClockTime(millisecondsSince1970: 1),
            retention: Retention(byteCountLimit: 0x0102))
        let expected: [UInt8] =
            [1, 2, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0] + Array("a".utf8) + [3, 0, 0, 0] + Array("a/b".utf8) + [0]
            + Array(repeating: 0xFF, count: 8) + [2, 1, 0, 0, 0, 0, 0, 0] + [0]
        #expect(row.encode() == expected)
        #expect(expected.withUnsafeBytes { StreamRow.decode($0) } == row)
    }

    @Test func `A fork's origin comes last`() throws {
        let row = StreamRow(
            path: try StreamPath("f"), contentType: try #require(ContentType("a/b")),
            lifetime: .sliding(seconds: 9), isClosedAtCreation: false, createdAt: WallClockTime(millisecondsSince1970: 1),
            fork: ForkRow(
                source: StreamNumber(rawValue: 7), sourcePath: try StreamPath("s"), start: StreamPosition(rawValue: 2),
                offset: StreamPosition(rawValue: 3), subOffset: 4, divergence: StreamPosition(rawValue: 5),
                inheritsLifetime: true))
        func number(_ value: UInt8) -> [UInt8] { [value, 0, 0, 0, 0, 0, 0, 0] }
        let start: [UInt8] = [1, 0] + number(1) + [1, 0, 0, 0] + Array("f".utf8) + [3, 0, 0, 0] + Array("a/b".utf8)
        let fork = number(7) + number(2) + number(3) + number(4) + number(5) + [1, 1, 0, 0, 0] + Array("s".utf8)
        let expected = start + [1] + number(9) + [1] + fork
        #expect(row.encode() == expected)
        #expect(expected.withUnsafeBytes { StreamRow.decode($0) } == row)
        // An offset behind the divergence, and an unknown flag.
        for (place, value) in [(16, 9), (40, 2)] as [(Int, UInt8)] {
            var wrong = fork
            wrong[place] = value
            #expect((start + [1] + number(9) + [1] + wrong).withUnsafeBytes { StreamRow.decode($0) } == nil)
        }
    }

    @Test func `A soft deletion and a trim without the engine have these bytes`() {
        #expect(AppendRecord(deletesSoftly: true).encode() == [1, 16])
        let trim = AppendRecord(start: StreamPosition(rawValue: 0x0102))
        #expect(trim.encode() == [1, 32, 2, 1, 0, 0, 0, 0, 0, 0])
        #expect(trim.encode().withUnsafeBytes { AppendRecord.decode($0) } == trim)
    }

    @Test func `A renewal has these bytes`() {
        #expect(AppendRecord(renews: true).encode() == [1, 8])
        #expect(([1, 8] as [UInt8]).withUnsafeBytes { AppendRecord.decode($0) } == AppendRecord(renews: true))
    }

    @Test(arguments: [
        StreamRowSample.plain, .until, .sliding, .retained, .fork,
    ])
    func `No beginning of a row and no row with a byte more is a row`(_ sample: StreamRowSample) throws {
        let row = try sample.row()
        let bytes = row.encode()
        #expect(bytes.withUnsafeBytes { StreamRow.decode($0) } == row)
        for count in 0..<bytes.count {
            #expect(Array(bytes[..<count]).withUnsafeBytes { StreamRow.decode($0) } == nil)
        }
        #expect((bytes + [0]).withUnsafeBytes { StreamRow.decode($0) } == nil)
    }

    @Test func `Unknown versions and flags are refused`() {
        let bytes = AppendRecord(closes: true).encode()
        #expect([2, bytes[1]].withUnsafeBytes { AppendRecord.decode($0) } == nil)
        #expect([bytes[0], 64].withUnsafeBytes { AppendRecord.decode($0) } == nil)
        #expect([bytes[0], 0].withUnsafeBytes { AppendRecord.decode($0) } == nil)
    }
}

enum StreamRowSample: Sendable {
    case plain, until, sliding, retained, fork

    func row() throws -> StreamRow {
        var row = StreamRow(
            path: try StreamPath("x"), contentType: .octetStream, lifetime: nil, isClosedAtCreation: false,
            createdAt: WallClockTime(millisecondsSince1970: 1))
        switch self {
        case .plain: break
        case .until: row.lifetime = .until(WallClockTime(millisecondsSince1970: 5), text: "1970-01-01T00:00:00.005Z")
        case .fork:
            row.fork = ForkRow(
                source: StreamNumber(rawValue: 1), sourcePath: try StreamPath("y"), start: .start, offset: .start,
                subOffset: 0, divergence: .start, inheritsLifetime: false)
        case .retained: row.retention = Retention(ageLimitSeconds: 5)
        case .sliding: row.lifetime = .sliding(seconds: 1 << 50)
        }
        return row
    }
}
