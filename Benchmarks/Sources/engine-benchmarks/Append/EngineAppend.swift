import Glibc
import SegmentedLog

/// The log itself, as an event loop uses it: a writer's next append is made in the completion of the one before, on the
/// log's writer thread.
struct EngineAppend: AppendSystem {
    let name = "SegmentedLog"

    func canRun(_ appendCase: AppendCase) -> Bool { true }

    static func openLog(_ directory: String, _ appendCase: AppendCase) throws(LogOpenError) -> SegmentedLog {
        var configuration = LogConfiguration()
        configuration.durability = appendCase.durability
        configuration.eventHandler = { if $0.level != .info { print($0) } }
        return try SegmentedLog.open(
            directory: directory, configuration: configuration, recoverRow: { _ in }, recover: { _ in })
    }

    func open(_ directory: String, _ appendCase: AppendCase, _ text: SampleText) throws -> any AppendSession {
        let log = try Self.openLog(directory, appendCase)
        return Session(log: log, streams: try log.makeStreams(appendCase.streams), appendCase: appendCase, text: text)
    }

    private struct Session: AppendSession {
        let log: SegmentedLog
        let streams: [BenchmarkStream]
        let appendCase: AppendCase
        let text: SampleText

        func run(nanoseconds: Int64) -> AppendTally {
            let shared = Shared(self, end: monotonicNanoseconds() + nanoseconds)
            let writers = (0..<appendCase.writers).map { Writer($0, shared) }
            for writer in writers { writer.start() }
            for _ in writers { shared.done.wait() }
            return shared.tally
        }

        func close() { log.close() }
    }

    private final class Shared: @unchecked Sendable {
        let session: Session
        let end: Int64
        let done = SemaphoreBox()
        /// Only completions change it, all of them on the log's writer thread.
        var tally = AppendTally()

        init(_ session: Session, end: Int64) {
            self.session = session
            self.end = end
        }
    }

    private final class Writer: CommitCompletion, @unchecked Sendable {
        private let number: Int
        private let shared: Shared
        private var appends = 0
        private var startedAt: Int64 = 0

        init(_ number: Int, _ shared: Shared) {
            self.number = number
            self.shared = shared
        }

        func start() {
            startedAt = monotonicNanoseconds()
            submit(shared.session.appendCase.batch)
        }

        func commitDidFinish(_ failure: CommitFailure?) {
            precondition(failure == nil, "\(failure!)")
            let now = monotonicNanoseconds()
            shared.tally.appends += shared.session.appendCase.batch
            shared.tally.latencies.record(now - startedAt)
            guard now < shared.end else { return shared.done.signal() }
            startedAt = now
            submit(shared.session.appendCase.batch)
        }

        /// The last append of a batch is the one that is waited for: commits come in order.
        private func submit(_ count: Int) {
            let session = shared.session
            var rest = count
            while rest > 0 {
                let stream = session.streams[session.appendCase.stream(of: number, append: appends)]
                do throws(LogRefusal) {
                    let completion = rest == 1 ? self : nil
                    try session.text.withRecord(number &+ appends, byteCount: session.appendCase.byteCount) {
                        (payload) throws(LogRefusal) in
                        // From here on the completion may run at any time, and count the next appends.
                        appends += 1
                        try stream.append(payload, to: session.log, completion)
                    }
                } catch {
                    appends -= 1
                    guard case .mustWait(let ticket) = error else { preconditionFailure("\(error)") }
                    return session.log.whenRoom(ticket) { [rest] in self.submit(rest) }
                }
                rest -= 1
            }
        }
    }
}
