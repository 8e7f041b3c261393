import ArgumentParser
import Glibc
import SegmentedLog

/// Fills a store, waits until its segments are sealed and merged, and opens it again.
struct OpenTime: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "open", abstract: "Time and memory of opening a store of many streams.")

    @Argument(help: "A directory on the disk to measure: filled if it is empty, else only opened.") var directory: String
    @Option(help: "Streams.") var streams = 100_000
    @Option(help: "Bytes in all, in MiB.") var mebibytes = 10_240
    @Option(help: "Bytes of an append.") var byteCount = 4_096

    func run() throws {
        if access("\(directory)/LOCK", F_OK) != 0 { try fill() }
        for attempt in 1...3 {
            let memoryBefore = anonymousMemoryByteCount()
            let before = monotonicNanoseconds()
            var owners: [BenchmarkStream] = []
            owners.reserveCapacity(streams)
            let log = try SegmentedLog.open(
                directory: directory, recoverRow: { owners.append(BenchmarkStream($0.stream)) }, recover: { _ in })
            let milliseconds = (monotonicNanoseconds() - before) / 1_000_000
            let memory = anonymousMemoryByteCount() - memoryBefore
            let statistics = log.statistics
            print(
                "opening \(attempt): \(milliseconds) ms, \(statistics.streamCount) streams, "
                    + "\(statistics.sealedSegmentCount) sealed segments with \(statistics.sealedByteCount >> 20) MiB, "
                    + "\(statistics.segmentCount) journal segments, memory \(memory >> 20) MiB, "
                    + "\(memory / max(1, statistics.streamCount)) bytes for each stream")
            log.close()
        }
    }

    private func fill() throws {
        var configuration = LogConfiguration()
        configuration.durability = .none
        configuration.maintenanceBytesPerSecond = nil
        configuration.eventHandler = { if $0.level != .info { print($0) } }
        let log = try SegmentedLog.open(
            directory: directory, configuration: configuration, recoverRow: { _ in }, recover: { _ in })
        var owners: [BenchmarkStream] = []
        let row = Array(SampleText(byteCount: 60).bytes)
        for _ in 0..<streams {
            try log.retrying { () throws(LogRefusal) in
                let owner = try row.withUnsafeBufferPointer { (row) throws(LogRefusal) in
                    try log.createStream(row: UnsafeRawBufferPointer(row)) { BenchmarkStream($0) }
                }
                owners.append(owner)
            }
        }
        let text = SampleText(byteCount: byteCount + (1 << 20))
        var generator = SystemRandomNumberGenerator()
        let count = (mebibytes << 20) / byteCount
        for number in 0..<count {
            let owner = owners[number < streams ? number : Int.random(in: 0..<streams, using: &generator)]
            try log.retrying { () throws(LogRefusal) in
                try text.withRecord(number, byteCount: byteCount) { (payload) throws(LogRefusal) in
                    try owner.append(payload, to: log, nil)
                }
            }
            while number % 10_000 == 0, log.statistics.unsealedSegmentCount > 4 { usleep(10_000) }
        }
        log.waitUntilMaintained()
        log.close()
    }
}
