import SegmentedLog

/// What the engine says of a store, in the same terms as ``PythonReader``.
enum EngineReading {
    /// Opens the store and reads all of it; nil if any of it is refused.
    static func read(
        _ directory: String, fileSystem: any FileSystem = LinuxFileSystem()
    ) throws(LogOpenError) -> [UInt64: ReadStream]? {
        let found = Found()
        let log: SegmentedLog
        do throws(LogOpenError) {
            log = try SegmentedLog.open(
                directory: directory, configuration: TestLog.configuration(), fileSystem: fileSystem,
                recoverRow: { found.add($0) }, recover: { found.add($0) })
        } catch {
            switch error {
            case .corrupt, .unsupportedVersion: return nil
            default: throw error
            }
        }
        defer { log.close() }
        for (number, stream) in found.logStreams {
            let read = stream.read(from: .start, upTo: stream.tail, byteCountLimit: .max >> 1, splitsEntries: true)
            var bytes = [UInt8](repeating: 0, count: read.byteCount)
            do { try bytes.withUnsafeMutableBytes { try read.copyBytes(into: $0) } } catch { return nil }
            found.streams[number]?.start = stream.start.rawValue
            found.streams[number]?.tail = stream.tail.rawValue
            found.streams[number]?.content.bytes = bytes
        }
        return found.streams
    }

    private final class Found {
        var streams: [UInt64: ReadStream] = [:]
        var logStreams: [UInt64: LogStream] = [:]

        func add(_ sealed: RecoveredStream) {
            logStreams[sealed.stream.number.rawValue] = sealed.stream
            streams[sealed.stream.number.rawValue] = ReadStream(
                start: 0, tail: 0, newestCommitAt: sealed.newestCommitAt, row: Array(sealed.row), entries: [])
        }

        func add(_ entry: RecoveredEntry) {
            let number = entry.stream.number.rawValue
            if entry.kind == .create {
                logStreams[number] = entry.stream
                streams[number] = ReadStream(start: 0, tail: 0, newestCommitAt: 0, entries: [])
            }
            if entry.kind == .delete {
                logStreams[number] = nil
                streams[number] = nil
            }
            streams[number]?.newestCommitAt = entry.committedAt
            streams[number]?.entries.append(
                ReadStream.Entry(
                    kind: "\(entry.kind)", position: entry.position.rawValue, annotation: Array(entry.annotation)))
        }
    }
}
