import SegmentedLog
import SimulatedDisk

/// A store so small that each of its bytes can be damaged in turn: two sealed segments with little in them, and a
/// journal with a few commits.
struct SmallStore {
    let disk: SimulatedDisk
    /// Everything that was acknowledged.
    let whole: LogModel.State
    /// As before the last commit.
    let withoutLastCommit: LogModel.State

    init() throws {
        disk = SimulatedDisk(seed: 5, recordsTrace: false)
        let test = try TestLog(disk, isMaintained: true) { $0.recycledSegmentCountLimit = 0 }
        var writer = Writer(test: test)
        var generator = SeededGenerator(seed: 5, purpose: "small store")
        let (first, second) = (try writer.create("first"), try writer.create("second"))
        try writer.append(payload(1, byteCount: 700), to: first)
        try writer.append(generator.bytes(count: 90), to: second, annotation: [7])
        let deleted = try writer.create("deleted")
        try writer.append([1, 2, 3], to: deleted)
        try test.fillSegment()
        try writer.delete(deleted)
        try writer.append(generator.bytes(count: 60), to: first)
        try writer.append(payload(2, byteCount: 300), to: second)
        try test.fillSegment()
        let third = try writer.create("third")
        try writer.append(Array("in the journal".utf8), to: third, annotation: [8, 9])
        try writer.append(Array("of the first".utf8), to: first)
        try writer.trim(second, to: 90)
        // An append alone in the last frame.
        try writer.append(Array("the last".utf8), to: third)
        test.log.close()
        whole = writer.model.state
        withoutLastCommit = writer.model.state(after: writer.model.operations.count - 1)
    }

    /// Does one commit after the other, and remembers what must come of them.
    private struct Writer {
        let test: TestLog
        var model = LogModel()

        mutating func create(_ row: String) throws -> TestStream {
            let stream = try test.createNow(row: Array(row.utf8))
            model.submit(.create(number: stream.number, row: Array(row.utf8), payload: nil))
            return stream
        }

        mutating func append(_ payload: [UInt8], to stream: TestStream, annotation: [UInt8] = []) throws {
            try test.appendNow(payload, annotation: annotation, to: stream)
            model.submit(.append(number: stream.number, payload: payload, annotation: annotation))
        }

        mutating func trim(_ stream: TestStream, to position: Int) throws {
            try test.trimNow(stream, to: position)
            model.submit(.trim(number: stream.number, start: position))
        }

        mutating func delete(_ stream: TestStream) throws {
            try test.deleteNow(stream)
            model.submit(.delete(number: stream.number))
        }
    }

    func paths(_ suffix: String) -> [String] { disk.paths.filter { $0.hasSuffix(suffix) } }

    // MARK: Where what is

    func layout(ofSealed path: String) -> SealedLayout { SealedLayout(disk.content(path)!) }

    /// Where the streams begin that are not deleted, by stream number.
    var starts: [UInt64: Int] { whole.mapValues(\.start) }

    /// The frames of a journal segment, without the padding behind them.
    func frames(ofJournal path: String) -> [Range<Int>] {
        let content = disk.content(path)!
        var frames: [Range<Int>] = []
        var offset = 4096
        while content[offset...].starts(with: "FRM1".utf8) {
            let byteCount = content[(offset + 8) ..< (offset + 12)].reversed().reduce(0) { $0 << 8 | Int($1) }
            frames.append(offset ..< (offset + byteCount))
            offset += (byteCount + 7) / 8 * 8
        }
        return frames
    }

    // MARK: What comes of it

    enum Outcome: Equatable {
        /// Nobody may open it: the file that it names, and the offset.
        case refused(path: String, byteOffset: Int)
        /// All that was acknowledged is there.
        case whole
        case lacksLastCommit
        /// All that can be read is right, and the other streams, by their numbers, say where they are damaged.
        case unreadable([UInt64: LogReadError])
        /// It must never come to this.
        case wrong(String)
    }

    func opened(_ disk: SimulatedDisk) throws -> Outcome {
        let recovered: RecoveredStreams
        do throws(LogOpenError) {
            let test = try TestLog(disk)
            recovered = test.recovered
            test.log.close()
        } catch {
            switch error {
            case .corrupt(let path, let byteOffset, _): return .refused(path: path, byteOffset: byteOffset)
            case .unsupportedVersion(let path, _): return .refused(path: path, byteOffset: 8)
            default: return .wrong("\(error)")
            }
        }
        let errors = recovered.streams.compactMapValues(\.readError)
        guard errors.isEmpty else {
            guard Set(recovered.streams.keys) == Set(whole.keys) else { return .wrong("not all streams") }
            for stream in recovered.streams.values where stream.readError == nil {
                if stream.bytes != whole[stream.number.rawValue]!.content.bytes { return .wrong("other bytes") }
            }
            return .unreadable(errors)
        }
        let state = try LogModel.state(of: recovered)
        if state == whole { return .whole }
        return state == withoutLastCommit ? .lacksLastCommit : .wrong("\(state)")
    }
}
