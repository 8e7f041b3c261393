import SegmentedLog
import Synchronization

/// The least that an owner of a stream has to be: it knows where the next append goes.
final class BenchmarkStream: LogStreamOwner {
    let logStream: LogStream
    private let submitted: Mutex<StreamPosition>

    init(_ logStream: LogStream) {
        self.logStream = logStream
        submitted = Mutex(logStream.tail)
    }

    func entriesDidCommit(_ entries: CommittedEntries) {}

    /// Takes the place for so many bytes, and lets the body put them there before anyone else comes.
    func append(_ byteCount: Int, _ body: (StreamPosition) throws(LogRefusal) -> Void) throws(LogRefusal) {
        let result = submitted.withLock { end -> Result<Void, LogRefusal> in
            let result = Result { () throws(LogRefusal) in try body(end) }
            if case .success = result { end = end.advanced(by: byteCount) }
            return result
        }
        try result.get()
    }

    /// Appends bytes without an annotation.
    func append(
        _ payload: UnsafeRawBufferPointer, to log: SegmentedLog, _ completion: (any CommitCompletion)?
    ) throws(LogRefusal) {
        try append(payload.count) { (position) throws(LogRefusal) in
            try log.append(
                to: self, at: position, annotation: UnsafeRawBufferPointer(start: nil, count: 0),
                payload: .borrowed(payload, terminator: nil), completion: completion)
        }
    }
}

extension SegmentedLog {
    /// Makes streams, and returns when all of them are durable.
    func makeStreams(_ count: Int) throws -> [BenchmarkStream] {
        var streams: [BenchmarkStream] = []
        streams.reserveCapacity(count)
        for number in 0..<count {
            let waiter = number == count - 1 ? Waiter() : nil
            try retrying { () throws(LogRefusal) in
                streams.append(
                    try createStream(row: UnsafeRawBufferPointer(start: nil, count: 0), completion: waiter) {
                        BenchmarkStream($0)
                    })
            }
            waiter?.wait()
        }
        return streams
    }

    /// Tries until there is room. Blocks.
    func retrying(_ body: () throws(LogRefusal) -> Void) throws(LogRefusal) {
        while true {
            do throws(LogRefusal) {
                return try body()
            } catch {
                guard case .mustWait(let ticket) = error else { throw error }
                let room = SemaphoreBox()
                whenRoom(ticket) { room.signal() }
                room.wait()
            }
        }
    }
}

/// Lets a thread wait for a commit.
final class Waiter: CommitCompletion {
    private let semaphore = SemaphoreBox()

    func commitDidFinish(_ failure: CommitFailure?) {
        precondition(failure == nil, "\(failure!)")
        semaphore.signal()
    }

    func wait() { semaphore.wait() }
}
