import SegmentedLog
import SimulatedDisk
import Synchronization

/// A log on a simulated disk whose owners remember what they are told. Driven by hand unless the configuration says
/// otherwise, and the same every time: its clock stands still and its store identifier is 00 01 02 … 0F.
final class TestLog {
    static let directory = "/store"

    let disk: SimulatedDisk
    let log: SegmentedLog
    let events: EventRecorder
    /// What was found when the log was opened.
    let recovered: RecoveredStreams
    /// The streams that are not deleted, as far as this log was told.
    private(set) var streams: [UInt64: TestStream] = [:]

    static func configuration(_ change: (inout LogConfiguration) -> Void = { _ in }) -> LogConfiguration {
        var configuration = LogConfiguration()
        configuration.segmentByteCount = 64 << 10
        configuration.threading = .manual
        configuration.rows = AppendListRows()
        configuration.provisioningRetryMilliseconds = 1
        configuration.wallClock = { 1_700_000_000_000 }
        let identifier = Mutex<[UInt64]>([0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908])
        configuration.randomBits = { identifier.withLock { $0.isEmpty ? 0 : $0.removeFirst() } }
        change(&configuration)
        return configuration
    }

    /// Whether full segments are sealed, and sealed ones merged, whenever the log runs.
    private let isMaintained: Bool

    init(
        _ disk: SimulatedDisk, isMaintained: Bool = false, fileSystem: (any FileSystem)? = nil,
        _ change: (inout LogConfiguration) -> Void = { _ in }
    ) throws(LogOpenError) {
        var configuration = Self.configuration { configuration in
            // Where nothing is sealed, nothing is to wait for it.
            if !isMaintained { configuration.unsealedSegmentCountLimit = .max }
            change(&configuration)
        }
        let events = EventRecorder()
        configuration.eventHandler = { events.record($0) }
        let recovered = RecoveredStreams()
        log = try SegmentedLog.open(
            directory: Self.directory, configuration: configuration, fileSystem: fileSystem ?? disk,
            recoverRow: { row throws(RecoveryRefusal) in try recovered.add(row) },
            recover: { entry throws(RecoveryRefusal) in try recovered.add(entry) })
        self.disk = disk
        self.isMaintained = isMaintained
        self.events = events
        self.recovered = recovered
        recovered.readBytes()
        for stream in recovered.streams.values { streams[stream.number.rawValue] = TestStream(stream.logStream) }
    }

    // MARK: Operations, none of which waits

    func create(
        row: [UInt8] = [], payload: [UInt8]? = nil, completion: Acknowledgement? = nil
    ) throws(LogRefusal) -> TestStream {
        let stream = try withPayload(row, payload) { (row, payload) throws(LogRefusal) in
            try log.createStream(row: row, payload: payload, completion: completion) { TestStream($0) }
        }
        stream.didSubmit(byteCount: payload?.count ?? 0)
        streams[stream.number] = stream
        return stream
    }

    func append(
        _ payload: [UInt8]?, annotation: [UInt8] = [], tag: UInt64 = 0, to stream: TestStream,
        completion: Acknowledgement? = nil
    ) throws(LogRefusal) {
        try withPayload(annotation, payload) { (annotation, payload) throws(LogRefusal) in
            try log.append(
                to: stream, at: stream.submittedEnd, annotation: annotation, payload: payload, tag: tag,
                completion: completion)
        }
        stream.didSubmit(byteCount: payload?.count ?? 0)
    }

    /// Hands the payload over in several entries of one append.
    func append(
        parts: [[UInt8]], annotation: [UInt8] = [], tag: UInt64 = 0, to stream: TestStream,
        completion: Acknowledgement? = nil
    ) throws(LogRefusal) {
        let payload = joined(parts)
        let owned = OwnedBytes(byteCount: payload.count) { $0.copyBytes(from: payload) }
        var ends: [Int] = []
        for part in parts { ends.append((ends.last ?? 0) + part.count) }
        let partEnds = ends
        try withPayload(annotation, nil) { (annotation, _) throws(LogRefusal) in
            try log.append(
                to: stream, at: stream.submittedEnd, annotation: annotation,
                payload: .owned(owned, partEnds: partEnds), tag: tag, completion: completion)
        }
        stream.didSubmit(byteCount: payload.count)
    }

    func delete(_ stream: TestStream, completion: Acknowledgement? = nil) throws(LogRefusal) {
        try log.deleteStream(stream, at: stream.submittedEnd, completion: completion)
        streams[stream.number] = nil
    }

    func trim(
        _ stream: TestStream, to position: Int, completion: Acknowledgement? = nil
    ) throws(LogRefusal) {
        try log.trim(stream, to: StreamPosition(rawValue: UInt64(position)), completion: completion)
    }

    // MARK: Operations that are done when they return

    func run() {
        if isMaintained { log.runPendingWork() } else { log.writePendingCommits() }
    }

    func createNow(row: [UInt8] = [], payload: [UInt8]? = nil) throws -> TestStream {
        try now { (completion) throws(LogRefusal) in try create(row: row, payload: payload, completion: completion) }
    }

    func appendNow(_ payload: [UInt8], annotation: [UInt8] = [], to stream: TestStream) throws {
        try now { (completion) throws(LogRefusal) in
            try append(payload, annotation: annotation, to: stream, completion: completion)
        }
    }

    func deleteNow(_ stream: TestStream) throws {
        try now { (completion) throws(LogRefusal) in try delete(stream, completion: completion) }
    }

    func appendNow(parts: [[UInt8]], annotation: [UInt8] = [], to stream: TestStream) throws {
        try now { (completion) throws(LogRefusal) in
            try append(parts: parts, annotation: annotation, to: stream, completion: completion)
        }
    }

    func trimNow(_ stream: TestStream, to position: Int) throws {
        try now { (completion) throws(LogRefusal) in try trim(stream, to: position, completion: completion) }
    }

    /// Makes the log go on in another segment: what was appended before is in full segments then, which a maintained log
    /// has sealed. What fills the segment is a stream that is deleted at once.
    func fillSegment() throws {
        // With the headers of the segment, of its frame, and of two entries.
        let filler = try createNow(payload: [UInt8](repeating: 0xFF, count: (64 << 10) - 4096 - 56 - 28 - 28))
        try deleteNow(filler)
    }

    private func now<Value>(_ submit: (Acknowledgement) throws(LogRefusal) -> Value) throws -> Value {
        let completion = Acknowledgement()
        let value = try patiently { () throws(LogRefusal) in try submit(completion) }
        run()
        try completion.require()
        return value
    }

    /// Does the pending work and tries again where the log asks to wait.
    func patiently<Value>(_ submit: () throws(LogRefusal) -> Value) throws(LogRefusal) -> Value {
        for _ in 0 ..< 10 {
            do throws(LogRefusal) {
                return try submit()
            } catch {
                guard case .mustWait = error else { throw error }
                run()
            }
        }
        return try submit()
    }

    private func withPayload<Value>(
        _ annotation: [UInt8], _ payload: [UInt8]?,
        _ body: (UnsafeRawBufferPointer, LogPayload) throws(LogRefusal) -> Value
    ) throws(LogRefusal) -> Value {
        let result = annotation.withUnsafeBytes { annotation in
            guard let payload else {
                return Result { () throws(LogRefusal) in try body(annotation, .none) }
            }
            return payload.withUnsafeBytes { payload in
                Result { () throws(LogRefusal) in try body(annotation, .borrowed(payload, terminator: nil)) }
            }
        }
        return try result.get()
    }
}

/// The owner of a stream in the tests.
final class TestStream: LogStreamOwner {
    let logStream: LogStream
    private let state: Mutex<State>

    private struct State {
        var submittedEnd: StreamPosition
        var commits: [CommittedEntry] = []
    }

    init(_ logStream: LogStream) {
        self.logStream = logStream
        state = Mutex(State(submittedEnd: logStream.tail))
    }

    var number: UInt64 { logStream.number.rawValue }
    /// The end of everything that was submitted, durable or not.
    var submittedEnd: StreamPosition { state.withLock { $0.submittedEnd } }
    /// What the log said of this stream's entries, in order.
    var commits: [CommittedEntry] { state.withLock { $0.commits } }
    /// Everything that is durable.
    var bytes: [UInt8] { logStream.bytes() }
    var text: String { String(decoding: bytes, as: UTF8.self) }

    func didSubmit(byteCount: Int) {
        state.withLock { $0.submittedEnd = $0.submittedEnd.advanced(by: byteCount) }
    }

    func entriesDidCommit(_ entries: CommittedEntries) { state.withLock { $0.commits += entries } }
}

extension LogStream {
    func bytes(from position: StreamPosition = .start, byteCountLimit: Int = .max >> 1) -> [UInt8] {
        let read = read(from: position, upTo: tail, byteCountLimit: byteCountLimit, splitsEntries: true)
        return read.bytes
    }
}

extension LogRead {
    /// For those that know that nothing is damaged.
    var bytes: [UInt8] { try! verifiedBytes() }

    func verifiedBytes() throws(LogReadError) -> [UInt8] {
        var result = Result<Void, LogReadError>.success(())
        let bytes = [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, initializedCount in
            result = Result { () throws(LogReadError) in
                try copyBytes(into: UnsafeMutableRawBufferPointer(buffer))
            }
            initializedCount = byteCount
        }
        try result.get()
        return bytes
    }
}

final class EventRecorder: Sendable {
    private let state = Mutex<[LogEvent]>([])
    func record(_ event: LogEvent) { state.withLock { $0.append(event) } }
    var all: [LogEvent] { state.withLock { $0 } }
    var warnings: [LogEvent] { all.filter { $0.level != .info } }
    func count(_ message: String) -> Int { all.count { $0.message == message } }
}
