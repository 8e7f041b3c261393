import Glibc
import SegmentedLog

/// Reads of the log's streams, from each of the places where their bytes can be.
struct EngineRead: ReadSystem {
    enum Place: String {
        /// The journal segment, mapped: what was appended lately.
        case live = "live"
        /// A sealed segment, and its blocks are in the cache.
        case cached = "sealed, cached"
        /// A sealed segment, and each read decompresses its blocks. The file is in the page cache.
        case decoded = "sealed, decoded"
    }

    let place: Place
    var name: String { "SegmentedLog, \(place.rawValue)" }

    func open(_ directory: String, _ records: RecordSet) throws -> any ReadSession {
        var configuration = LogConfiguration()
        configuration.durability = .none
        configuration.maintenanceBytesPerSecond = nil
        configuration.segmentByteCount = place == .live ? 512 << 20 : 16 << 20
        configuration.blockCacheByteCountLimit = place == .cached ? 256 << 20 : 0
        configuration.eventHandler = { if $0.level != .info { print($0) } }
        let log = try SegmentedLog.open(
            directory: directory, configuration: configuration, recoverRow: { _ in }, recover: { _ in })
        let streams = try log.makeStreams(records.streams)
        records.forEach { stream, _, record in
            do {
                try log.retrying { () throws(LogRefusal) in try streams[stream].append(record, to: log, nil) }
            } catch {
                preconditionFailure("\(error)")
            }
        }
        if place == .live {
            try log.settle()
            precondition(log.statistics.sealedSegmentCount == 0)
        } else {
            try log.sealEverything(segmentByteCount: configuration.segmentByteCount)
        }
        return Session(log: log, streams: streams, place: place, records: records)
    }

    private final class Session: ReadSession {
        private let log: SegmentedLog
        private let streams: [BenchmarkStream]
        private let place: Place
        private let records: RecordSet
        private var before: LogStatistics

        init(log: SegmentedLog, streams: [BenchmarkStream], place: Place, records: RecordSet) {
            self.log = log
            self.streams = streams
            self.place = place
            self.records = records
            before = log.statistics
        }

        func read(stream: Int, number: Int, into buffer: UnsafeMutableRawBufferPointer) {
            let stream = streams[stream].logStream
            let start = StreamPosition(rawValue: UInt64(number * records.byteCount))
            let read = stream.read(
                from: start, upTo: stream.tail, byteCountLimit: records.byteCount, splitsEntries: true)
            precondition(read.byteCount == records.byteCount)
            do { try read.copyBytes(into: buffer) } catch { preconditionFailure("\(error)") }
        }

        func scan(stream: Int, into buffer: UnsafeMutableRawBufferPointer) -> Int {
            let stream = streams[stream].logStream
            var position = stream.start
            let tail = stream.tail
            while position < tail {
                let read = stream.read(from: position, upTo: tail, byteCountLimit: buffer.count, splitsEntries: true)
                do { try read.copyBytes(into: buffer) } catch { preconditionFailure("\(error)") }
                position = read.end
            }
            return tail.distance(from: stream.start)
        }

        func didTouch() { before = log.statistics }

        func checkSource() {
            let now = log.statistics
            let hits = now.blockCacheHitCount - before.blockCacheHitCount
            let misses = now.blockCacheMissCount - before.blockCacheMissCount
            switch place {
            case .live: precondition(hits == 0 && misses == 0, "not all was read from the journal")
            case .cached: precondition(hits > 0 && misses == 0, "\(misses) blocks had to be decoded")
            case .decoded: precondition(hits == 0 && misses > 0, "\(hits) blocks were in the cache")
            }
            before = now
        }

        func close() { log.close() }
    }
}

extension SegmentedLog {
    /// Waits until all that was appended so far is durable.
    func settle() throws {
        let waiter = Waiter()
        if try afterPending(waiter) { waiter.wait() }
    }

    /// Waits until no full segment is left to be sealed, and no sealed one to be merged.
    func waitForMaintenance() {
        var quietCount = 0
        while quietCount < 20 {
            usleep(10_000)
            quietCount = statistics.unsealedSegmentCount == 0 && !statistics.isMaintaining ? quietCount + 1 : 0
        }
    }

    /// Fills the last segment with another stream's bytes, so that all that was appended so far is sealed.
    func sealEverything(segmentByteCount: Int) throws {
        let filler = try makeStreams(1)[0]
        let text = SampleText(byteCount: 1 << 20)
        for _ in 0...(segmentByteCount >> 19) {
            try text.withRecord(0, byteCount: 512 << 10) { record in
                try retrying { () throws(LogRefusal) in try filler.append(record, to: self, nil) }
            }
        }
        try settle()
        waitForMaintenance()
    }
}
