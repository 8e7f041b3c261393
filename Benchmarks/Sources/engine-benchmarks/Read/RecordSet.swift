import Glibc

/// The records that every system is filled with before it is read. Each begins with its stream and number, so that a
/// wrong one is noticed.
struct RecordSet: Sendable {
    var streams: Int
    var recordsPerStream: Int
    var byteCount: Int
    let text = SampleText(byteCount: 4 << 20)

    var totalByteCount: Int { streams * recordsPerStream * byteCount }

    /// In the order in which they are written: the streams take turns.
    func forEach(_ body: (_ stream: Int, _ number: Int, _ record: UnsafeRawBufferPointer) -> Void) {
        var record = [UInt8](repeating: 0, count: byteCount)
        record.withUnsafeMutableBytes { record in
            for number in 0..<recordsPerStream {
                for stream in 0..<streams {
                    text.withRecord(number &* streams &+ stream, byteCount: byteCount) { record.copyMemory(from: $0) }
                    record.storeBytes(of: UInt64(stream), as: UInt64.self)
                    record.storeBytes(of: UInt64(number), toByteOffset: 8, as: UInt64.self)
                    body(stream, number, UnsafeRawBufferPointer(record))
                }
            }
        }
    }

    func check(_ record: UnsafeMutableRawBufferPointer, stream: Int, number: Int) {
        precondition(
            record.loadUnaligned(as: UInt64.self) == UInt64(stream)
                && record.loadUnaligned(fromByteOffset: 8, as: UInt64.self) == UInt64(number),
            "record \(number) of stream \(stream) is another one")
    }
}

/// Something that records can be read from.
protocol ReadSystem {
    var name: String { get }
    /// Opens it in an empty directory and puts the records in.
    func open(_ directory: String, _ records: RecordSet) throws -> any ReadSession
}

protocol ReadSession {
    /// Copies one record.
    func read(stream: Int, number: Int, into buffer: UnsafeMutableRawBufferPointer)
    /// Copies all records of a stream, so many as fit into the buffer at a time.
    /// - Returns: The number of bytes.
    func scan(stream: Int, into buffer: UnsafeMutableRawBufferPointer) -> Int
    /// All records have been read once: what that brought into memory is not the measurement's.
    func didTouch()
    /// Whether what was read since the last call came from where the session's name says.
    func checkSource()
    func close()
}

extension ReadSession {
    func didTouch() {}
    func checkSource() {}
}
