import Dispatch
import Foundation
import SegmentedLog
import SimulatedDisk
import Synchronization
import Testing

@testable import DurableStreams

/// A store with threads of its own in a directory, and threads that ask for things at the same moment, round after round.
final class StoreRace: Sendable {
    static let roundCount = 2_000

    let store: StreamStore
    let clock = TestClock()
    private let directory: String

    init(_ configure: (inout StoreConfiguration) -> Void = { _ in }) throws {
        directory = FileManager.default.temporaryDirectory.path + "/store-race-\(UInt64.random(in: 0 ... .max))"
        var configuration = StoreConfiguration()
        // Not for the disk: these are about the order of things.
        configuration.durability = .none
        configuration.segmentByteCount = 256 << 10
        configuration.wallClock = { [clock] in clock.now }
        configure(&configuration)
        store = try StreamStore.open(directory: directory, configuration: configuration)
    }

    func end() {
        store.close()
        try? FileManager.default.removeItem(atPath: directory)
    }

    /// Runs rounds: `prepare`, then everybody else at once, each on a thread, then `check`. Ends with the first failure.
    func run(
        _ contenders: [@Sendable (Int) -> Void], prepare: (Int) throws -> Void, check: (Int) throws -> Void
    ) throws {
        let meeting = Meeting(count: contenders.count + 1)
        let over = Mutex(false)
        let threads = contenders.enumerated().map { index, contender in
            NamedThread("contender-\(index)") {
                for round in 0... {
                    meeting.meet()
                    if over.withLock({ $0 }) { return }
                    var random = SeededGenerator(seed: UInt64(round * 8 + index))
                    // Not always in the same order.
                    for _ in 0..<random.integer(below: 4) * random.integer(below: 4) { sched_yield() }
                    contender(round)
                    meeting.meet()
                }
            }
        }
        defer {
            over.withLock { $0 = true }
            meeting.meet()
            for thread in threads { thread.join() }
        }
        for round in 0..<Self.roundCount {
            try prepare(round)
            meeting.meet()
            meeting.meet()
            try check(round)
        }
    }

    // MARK: Asking, and waiting for the answer

    private func answer<Value: Sendable>(
        _ start: (@escaping @Sendable (Result<Value, StreamError>) -> Void) -> Void
    ) -> Result<Value, StreamError> {
        let answer = Mutex<Result<Value, StreamError>?>(nil)
        let isThere = DispatchSemaphore(value: 0)
        start { result in
            answer.withLock { $0 = result }
            isThere.signal()
        }
        isThere.wait()
        return answer.withLock { $0! }
    }

    func create(_ request: CreateRequest, _ content: String = "") -> Result<CreateReceipt, StreamError> {
        answer { completion in
            Array(content.utf8).withUnsafeBytes {
                store.create(request, payload: $0, on: store.context.direct, completion: completion)
            }
        }
    }

    func append(
        _ content: String, to path: StreamPath, _ request: AppendRequest = AppendRequest()
    ) -> Result<AppendReceipt, StreamError> {
        answer { completion in
            Array(content.utf8).withUnsafeBytes {
                store.append(request, payload: $0, to: path, on: store.context.direct, completion: completion)
            }
        }
    }

    func delete(_ path: StreamPath) -> Result<Void, StreamError> {
        answer { store.delete(path, on: store.context.direct, completion: $0) }
    }

    func content(_ path: StreamPath) throws -> String? {
        guard let stream = store.stream(at: path), !stream.isSoftDeleted else { return nil }
        return String(decoding: try stream.read(from: .start, byteLimit: 1 << 20).bytes(), as: UTF8.self)
    }
}

/// Where threads wait for each other.
final class Meeting: Sendable {
    private let arrivedCount = Atomic<Int>(0)
    private let count: Int

    init(count: Int) { self.count = count }

    func meet() {
        let number = arrivedCount.add(1, ordering: .sequentiallyConsistent).newValue
        let last = (number + count - 1) / count * count
        while arrivedCount.load(ordering: .sequentiallyConsistent) < last { sched_yield() }
    }
}

/// What the contenders of one round were told.
final class RaceRecord: Sendable {
    struct Append {
        var text: String
        var tail: Int
        var contender: Int
    }

    private let state = Mutex<State>(State())

    struct State {
        var appends: [Append] = []
        var refusals: [String] = []
        /// What should not be, as soon as it was seen.
        var complaints: [String] = []
        var flags: Set<String> = []
        var positions: [String: Int] = [:]
    }

    var now: State { state.withLock { $0 } }

    func reset() { state.withLock { $0 = State() } }

    func note(_ flag: String) { state.withLock { _ = $0.flags.insert(flag) } }

    func note(_ name: String, at position: Int) { state.withLock { $0.positions[name] = position } }

    func complain(_ text: String) { state.withLock { $0.complaints.append(text) } }

    func note(_ result: Result<AppendReceipt, StreamError>, _ text: String, by contender: Int = 0) {
        state.withLock { state in
            switch result {
            case .success(let receipt):
                state.appends.append(Append(text: text, tail: Int(receipt.tail.rawValue), contender: contender))
            case .failure(let error): state.refusals.append("\(error)")
            }
        }
    }
}

extension [RaceRecord.Append] {
    /// What a stream holds to which these were appended and nothing else, if their positions say so.
    func text(from start: String = "") throws -> String {
        var text = start
        for append in sorted(by: { $0.tail < $1.tail }) {
            text += append.text
            try #require(append.tail == text.utf8.count, "\(append) does not follow \(text)")
        }
        return text
    }
}
