import SegmentedLog
import SimulatedDisk
import Synchronization

/// A store with small segments on any file system, and a random workload for it that a seed determines: streams come, are
/// appended to in every way, trimmed and deleted, and full segments are sealed and merged on the way.
final class WorkedStore {
    private let log: SegmentedLog
    private var generator: SeededGenerator
    private var streams: [UInt64: TestStream] = [:]
    private var starts: [UInt64: StreamPosition] = [:]
    private var operationNumber = 0
    /// So that it goes on from one opening of a store to the next.
    private static let clock = Mutex<Int64>(1_700_000_000_000)

    init(
        _ directory: String, fileSystem: any FileSystem, seed: UInt64, durability: Durability = .sync
    ) throws(LogOpenError) {
        var configuration = TestLog.configuration()
        configuration.durability = durability
        configuration.mergedSegmentCount = 2 + Int(seed % 3)
        configuration.recycledSegmentCountLimit = 2
        configuration.wallClock = { Self.clock.withLock { $0 += 7; return $0 } }
        configuration.randomBits = { seed }
        generator = SeededGenerator(seed: seed, purpose: "worked store")
        let recovered = RecoveredStreams()
        log = try SegmentedLog.open(
            directory: directory, configuration: configuration, fileSystem: fileSystem,
            recoverRow: { row throws(RecoveryRefusal) in try recovered.add(row) },
            recover: { entry throws(RecoveryRefusal) in try recovered.add(entry) })
        for stream in recovered.streams.values {
            streams[stream.number.rawValue] = TestStream(stream.logStream)
            starts[stream.number.rawValue] = stream.logStream.start
        }
    }

    var statistics: LogStatistics { log.statistics }

    /// - Throws: Where the disk is gone.
    func work(operationCount: Int) throws(LogRefusal) {
        for _ in 0 ..< operationCount {
            try operate()
            if generator.chance(1, outOf: 3) { log.runPendingWork() }
        }
        log.runPendingWork()
    }

    func close() { log.close() }

    private func operate() throws(LogRefusal) {
        operationNumber += 1
        let numbers = streams.keys.sorted()
        let choice = generator.integer(below: 40)
        guard !numbers.isEmpty, choice > 5 else { return try create() }
        let stream = streams[numbers[generator.integer(below: numbers.count)]]!
        switch choice {
        case 6...8 where numbers.count > 3:
            try patiently { () throws(LogRefusal) in try log.deleteStream(stream, at: stream.submittedEnd) }
            streams[stream.number] = nil
        case 9...11: try trim(stream)
        case 12: try append([], to: stream)
        case 13: try append([generator.bytes(count: 70_000)], to: stream)
        case 14: try append((0 ..< 40).map { _ in randomPayload(limit: 60) }, to: stream)
        default:
            var parts = [randomPayload(limit: 12_000)]
            while parts.count < 4, generator.chance(1, outOf: 4) { parts.append(randomPayload(limit: 12_000)) }
            try append(parts, to: stream)
        }
    }

    private func create() throws(LogRefusal) {
        let row = Array("row \(operationNumber)".utf8)
        let content = generator.chance(1, outOf: 2) ? randomPayload(limit: 3_000) : []
        let stream = try patiently { () throws(LogRefusal) in
            try with(row, content) { (row, content) throws(LogRefusal) in
                let payload = content.isEmpty ? LogPayload.none : .borrowed(content, terminator: nil)
                return try log.createStream(row: row, payload: payload) { TestStream($0) }
            }
        }
        stream.didSubmit(byteCount: content.count)
        streams[stream.number] = stream
    }

    /// To a place that is durable, and where an entry begins.
    private func trim(_ stream: TestStream) throws(LogRefusal) {
        let tail = stream.logStream.tail
        var wanted = StreamPosition(rawValue: UInt64(generator.integer(below: Int(tail.rawValue) + 1)))
        if generator.chance(1, outOf: 4) { wanted = tail }
        let target = (try? stream.logStream.entryStart(atOrBefore: wanted)) ?? tail
        let start = max(target, starts[stream.number] ?? .start)
        starts[stream.number] = start
        try patiently { () throws(LogRefusal) in try log.trim(stream, to: start) }
    }

    private func append(_ parts: [[UInt8]], to stream: TestStream) throws(LogRefusal) {
        let hasAnnotation = parts.isEmpty || generator.chance(1, outOf: 2)
        let annotation = hasAnnotation ? Array("annotation \(operationNumber)".utf8) : []
        let content = joined(parts)
        var ends: [Int] = []
        for part in parts { ends.append((ends.last ?? 0) + part.count) }
        let payload =
            parts.isEmpty
            ? LogPayload.none
            : .owned(OwnedBytes(byteCount: content.count) { $0.copyBytes(from: content) }, partEnds: ends)
        try patiently { () throws(LogRefusal) in
            try with(annotation, []) { (annotation, _) throws(LogRefusal) in
                try log.append(to: stream, at: stream.submittedEnd, annotation: annotation, payload: payload)
            }
        }
        stream.didSubmit(byteCount: content.count)
    }

    private func randomPayload(limit: Int) -> [UInt8] {
        let byteCount = 1 + generator.integer(below: generator.chance(1, outOf: 2) ? min(200, limit) : limit)
        // Some of it does not compress.
        return generator.chance(1, outOf: 3)
            ? generator.bytes(count: byteCount) : payload(operationNumber, byteCount: byteCount)
    }

    private func patiently<Value>(_ submit: () throws(LogRefusal) -> Value) throws(LogRefusal) -> Value {
        for _ in 0 ..< 10 {
            do throws(LogRefusal) {
                return try submit()
            } catch {
                guard case .mustWait = error else { throw error }
                log.runPendingWork()
            }
        }
        return try submit()
    }

    private func with<Value>(
        _ first: [UInt8], _ second: [UInt8],
        _ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) throws(LogRefusal) -> Value
    ) throws(LogRefusal) -> Value {
        let result = first.withUnsafeBytes { first in
            second.withUnsafeBytes { second in
                Result { () throws(LogRefusal) in try body(first, second) }
            }
        }
        return try result.get()
    }
}
