import SegmentedLog

/// A log on which no background thread works, so that sealing and merging can be done, and timed, alone.
enum UnsealedStore {
    /// What the journal keeps of an append beside its bytes.
    private static let entryHeaderByteCount = 28

    static func configuration(segmentByteCount: Int, mergedSegmentCount: Int) -> LogConfiguration {
        var configuration = LogConfiguration()
        configuration.segmentByteCount = segmentByteCount
        configuration.mergedSegmentCount = mergedSegmentCount
        configuration.threading = .manual
        configuration.durability = .none
        configuration.maintenanceBytesPerSecond = nil
        // Much may be pending: what is written by hand is written at the end.
        configuration.pendingByteCountLimit = 4 << 30
        configuration.unsealedSegmentCountLimit = 1_000
        configuration.eventHandler = { if $0.level != .info { print($0) } }
        return configuration
    }

    static func open(_ directory: String, _ configuration: LogConfiguration) throws -> (SegmentedLog, [BenchmarkStream]) {
        var streams: [StreamNumber: BenchmarkStream] = [:]
        let log = try SegmentedLog.open(
            directory: directory, configuration: configuration,
            recoverRow: { streams[$0.stream.number] = BenchmarkStream($0.stream) },
            recover: { entry in
                if entry.kind == .create { streams[entry.stream.number] = BenchmarkStream(entry.stream) }
            })
        return (log, streams.sorted { $0.key.rawValue < $1.key.rawValue }.map(\.value))
    }

    /// Leaves a log with so many full journal segments, none of them sealed: closing writes what is pending and seals
    /// nothing.
    static func fill(
        _ directory: String, segments: Int, streamCount: Int, recordByteCount: Int, input: [UInt8],
        _ configuration: LogConfiguration
    ) throws {
        let (log, _) = try open(directory, configuration)
        log.provisionSegments()
        var streams: [BenchmarkStream] = []
        for _ in 0..<streamCount {
            streams.append(
                try log.createStream(row: UnsafeRawBufferPointer(start: nil, count: 0)) { BenchmarkStream($0) })
        }
        // Each stream goes through a part of the input of its own, and through it again if it is short.
        let part = max(recordByteCount, input.count / streamCount)
        // Half a segment more than is to be sealed: the last segment stays in the journal.
        let count = (2 * segments + 1) * configuration.segmentByteCount / 2 / (recordByteCount + entryHeaderByteCount)
        try input.withUnsafeBytes { input in
            for number in 0..<count {
                let stream = number % streamCount
                let offset = (stream * part + (number / streamCount) * recordByteCount) % (input.count - recordByteCount)
                let record = UnsafeRawBufferPointer(rebasing: input[offset..<(offset + recordByteCount)])
                try append(record, to: streams[stream], log)
            }
        }
        log.close()
    }

    private static func append(_ record: UnsafeRawBufferPointer, to stream: BenchmarkStream, _ log: SegmentedLog) throws {
        for attempt in 0... {
            do throws(LogRefusal) {
                return try stream.append(record, to: log, nil)
            } catch {
                guard case .mustWait = error, attempt < 3 else { throw error }
                log.provisionSegments()
            }
        }
    }
}
