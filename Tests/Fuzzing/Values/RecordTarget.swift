/// The annotations of streams' entries. What is taken says the same when it is written and read again.
enum RecordTarget: FuzzTarget {
    static let name = "record"

    static func seeds() -> [[UInt8]] {
        guard let path = try? StreamPath("a/b"), let contentType = ContentType("text/plain; charset=utf-8") else { return [] }
        let lifetimes: [Lifetime?] = [
            nil, .sliding(seconds: 60),
            .until(WallClockTime(millisecondsSince1970: 1_700_000_000_000), text: "2023-11-14T22:13:20Z"),
        ]
        let rows = lifetimes.map {
            StreamRow(
                path: path, contentType: contentType, lifetime: $0, isClosedAtCreation: $0 == nil,
                createdAt: WallClockTime(millisecondsSince1970: 1_700_000_000_000)
            ).encode()
        }
        var record = AppendRecord(closes: true)
        record.sequence = "7"
        record.producer = ProducerStamp(identifier: "p", epoch: 1, sequence: 2)
        var writer = WriterState()
        writer.apply(record, byteCount: 0)
        let state = StreamStateRow(creation: rows[0], writer: writer)
        return rows + [record.encode(), AppendRecord(closes: true).encode(), state.encode()]
    }

    static func run(_ bytes: UnsafeRawBufferPointer) {
        if let row = StreamRow.decode(bytes) {
            let again = row.encode().withUnsafeBytes { StreamRow.decode($0) }
            expect(again == row, "a row reads back as another one")
        }
        if let state = StreamStateRow.decode(bytes) {
            expect(state.encode() == Array(bytes), "a row of a stream's state is written as another one")
        }
        if let record = AppendRecord.decode(bytes) {
            expect(record.encode() == Array(bytes), "a record is written as another one")
        }
    }
}
