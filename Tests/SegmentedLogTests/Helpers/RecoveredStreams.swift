import SegmentedLog

/// The fold over the entries that a log gives back when it is opened. An owner's state is such a fold.
final class RecoveredStreams {
    struct Stream {
        var number: StreamNumber
        var row: [UInt8]
        /// Those that are in the journal.
        var appends: [Append] = []
        /// Those that are not empty, wherever they are.
        var annotations: [[UInt8]] = []
        var start = StreamPosition.start
        var logStream: LogStream
        /// The bytes of an append whose last entry has not come yet.
        var openByteCount = 0

        /// What was there when the log had been opened.
        fileprivate(set) var bytes: [UInt8] = []
        /// Why there are none.
        fileprivate(set) var readError: LogReadError?
        var text: String { String(decoding: bytes, as: UTF8.self) }
    }

    struct Append: Equatable {
        var annotation: [UInt8]
        var byteCount: Int
    }

    /// Those that are not deleted.
    private(set) var streams: [UInt64: Stream] = [:]
    private(set) var entryCount = 0
    private(set) var deletedNumbers: [UInt64] = []
    private(set) var committedAt: [Int64] = []

    /// Reads all bytes, once the log is open.
    func readBytes() {
        for number in streams.keys {
            let stream = streams[number]!.logStream
            let read = stream.read(from: .start, upTo: stream.tail, byteCountLimit: .max >> 1, splitsEntries: true)
            do throws(LogReadError) {
                streams[number]!.bytes = try read.verifiedBytes()
            } catch {
                streams[number]!.readError = error
            }
        }
    }

    func add(_ sealed: RecoveredStream) throws(RecoveryRefusal) {
        let number = sealed.stream.number
        guard streams[number.rawValue] == nil, let row = AppendListRows.Row(sealed.row) else {
            throw RecoveryRefusal(reason: "a malformed row")
        }
        streams[number.rawValue] = Stream(
            number: number, row: row.creation, annotations: row.annotations, start: sealed.start, logStream: sealed.stream)
    }

    func add(_ entry: RecoveredEntry) throws(RecoveryRefusal) {
        entryCount += 1
        committedAt.append(entry.committedAt)
        let number = entry.stream.number
        let annotation = Array(entry.annotation)
        switch entry.kind {
        case .create:
            guard streams[number.rawValue] == nil else { throw RecoveryRefusal(reason: "created twice") }
            streams[number.rawValue] = Stream(number: number, row: annotation, logStream: entry.stream)
        case .append:
            guard var stream = streams[number.rawValue] else { throw RecoveryRefusal(reason: "an unknown stream") }
            stream.openByteCount += entry.payloadByteCount
            if !entry.continues {
                stream.appends.append(Append(annotation: annotation, byteCount: stream.openByteCount))
                stream.openByteCount = 0
                if !annotation.isEmpty { stream.annotations.append(annotation) }
            }
            streams[number.rawValue] = stream
        case .trim:
            guard streams[number.rawValue] != nil else { throw RecoveryRefusal(reason: "an unknown stream") }
            streams[number.rawValue]!.start = entry.position
        case .delete:
            guard streams.removeValue(forKey: number.rawValue) != nil else {
                throw RecoveryRefusal(reason: "an unknown stream")
            }
            deletedNumbers.append(number.rawValue)
        }
    }
}
