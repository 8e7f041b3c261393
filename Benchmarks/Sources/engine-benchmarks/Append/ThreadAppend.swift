import SegmentedLog

/// The log, by threads that block until each append is durable: the way that the other systems are used, with the same
/// cost of waking a thread for every append.
struct ThreadAppend: AppendSystem {
    let name = "SegmentedLog, threads"

    func canRun(_ appendCase: AppendCase) -> Bool { true }

    func open(_ directory: String, _ appendCase: AppendCase, _ text: SampleText) throws -> any AppendSession {
        let log = try EngineAppend.openLog(directory, appendCase)
        return Session(
            log: log, streams: try log.makeStreams(appendCase.streams),
            waiters: (0..<appendCase.writers).map { _ in Waiter() }, appendCase: appendCase, text: text)
    }

    private struct Session: AppendSession {
        let log: SegmentedLog
        let streams: [BenchmarkStream]
        let waiters: [Waiter]
        let appendCase: AppendCase
        let text: SampleText

        func run(nanoseconds: Int64) -> AppendTally {
            runBlockingWriters(appendCase, nanoseconds: nanoseconds) { [self] writer, first in
                let last = first + appendCase.batch - 1
                for number in first...last {
                    let stream = streams[appendCase.stream(of: writer, append: number)]
                    text.withRecord(writer &+ number, byteCount: appendCase.byteCount) { record in
                        do {
                            try log.retrying { () throws(LogRefusal) in
                                try stream.append(record, to: log, number == last ? waiters[writer] : nil)
                            }
                        } catch {
                            preconditionFailure("\(error)")
                        }
                    }
                }
                waiters[writer].wait()
            }
        }

        func close() { log.close() }
    }
}
