import Glibc
import SegmentedLog
import SimulatedDisk
import Synchronization

@testable import DurableStreams

/// A store that does nothing by itself, and can be closed, or killed, and opened again. Times are those of its clocks.
final class ManualStore {
    private(set) var disk: SimulatedDisk
    private(set) var store: StreamStore
    let wallClock = TestClock()
    let steadyClock = TestClock(0)
    private let configure: (inout StoreConfiguration) -> Void

    init(
        _ disk: SimulatedDisk = SimulatedDisk(seed: 1, recordsTrace: false),
        _ configure: @escaping (inout StoreConfiguration) -> Void = { _ in }
    ) throws {
        self.disk = disk
        self.configure = configure
        store = try Self.open(disk, wallClock, steadyClock, configure)
    }

    private static func open(
        _ disk: SimulatedDisk, _ wallClock: TestClock, _ steadyClock: TestClock,
        _ configure: (inout StoreConfiguration) -> Void
    ) throws -> StreamStore {
        try TestStore.open(disk) {
            $0.hasThreads = false
            $0.mergedSegmentCount = 2
            $0.wallClock = { wallClock.now }
            $0.steadyClock = { steadyClock.now }
            configure(&$0)
        }
    }

    /// Time goes by.
    func wait(seconds: Int64) {
        wallClock.advance(milliseconds: seconds * 1_000)
        steadyClock.advance(milliseconds: seconds * 1_000)
    }

    /// Time goes by, and now and then the store looks at what has become of its streams.
    func run(seconds: Int64) {
        for second in 0..<seconds {
            wait(seconds: 1)
            if second % 5 == 4 { store.runPendingWork() }
        }
        store.runPendingWork()
    }

    /// The process is killed, and after a while there is a new one.
    func restart(afterSeconds seconds: Int64 = 0, wallClockError: Int64 = 0) throws {
        disk = disk.processCrash()
        wallClock.advance(milliseconds: (seconds + wallClockError) * 1_000)
        // Another boot: this clock says anything.
        steadyClock.advance(milliseconds: -12_345_678)
        store = try Self.open(disk, wallClock, steadyClock, configure)
    }

    /// Lets the store do all it has to do, and gives what it answered.
    func perform<Value: Sendable>(
        _ start: (StreamStore, DeliveryLane, @escaping @Sendable (Result<Value, StreamError>) -> Void) -> Void
    ) throws -> Value {
        let answer = Mutex<Result<Value, StreamError>?>(nil)
        start(store, DeliveryLane(direct: ())) { result in answer.withLock { $0 = result } }
        for _ in 0..<1_000 {
            store.runPendingWork()
            if let result = answer.withLock({ $0 }) { return try result.get() }
            // What may have to be read from the disk is looked at on other threads.
            usleep(1_000)
        }
        throw NoAnswer()
    }

    struct NoAnswer: Error {}

    @discardableResult
    func create(_ request: CreateRequest, _ content: String = "") throws -> CreateReceipt {
        try perform { store, lane, completion in
            Array(content.utf8).withUnsafeBytes {
                store.create(request, payload: $0, on: lane, completion: completion)
            }
        }
    }

    @discardableResult
    func append(
        _ content: String, to path: StreamPath, _ request: AppendRequest = AppendRequest()
    ) throws -> AppendReceipt {
        try perform { store, lane, completion in
            Array(content.utf8).withUnsafeBytes {
                store.append(request, payload: $0, to: path, on: lane, completion: completion)
            }
        }
    }

    func delete(_ path: StreamPath) throws {
        try perform { store, lane, completion in store.delete(path, on: lane, completion: completion) }
    }

    @discardableResult
    func trim(_ path: StreamPath, upTo position: Int) throws -> Int {
        let position = StreamPosition(rawValue: UInt64(position))
        let earliest: StreamPosition = try perform { store, lane, completion in
            store.trim(path, upTo: position, on: lane, completion: completion)
        }
        return Int(earliest.rawValue)
    }

    func exists(_ path: StreamPath) -> Bool { store.stream(at: path) != nil }

    /// All that can be read.
    func content(_ path: StreamPath) throws -> String {
        guard let stream = store.stream(at: path) else { throw StreamError.notFound }
        var bytes: [UInt8] = []
        var position = stream.earliest
        while true {
            let read = try stream.read(from: position, byteLimit: 10_000)
            bytes += try read.bytes()
            position = read.end
            if read.reachesTail { return String(decoding: bytes, as: UTF8.self) }
        }
    }

    /// Appends so much to a stream of its own that all segments before are sealed.
    func seal() throws {
        let path = try StreamPath("filler")
        try create(CreateRequest(path: path))
        for _ in 0..<4 { try append(String(repeating: "f", count: 30_000), to: path) }
    }
}

/// The error that something throws, in words.
func failure(_ body: () throws -> Void) -> String {
    do {
        try body()
        return "none"
    } catch {
        return "\(error)"
    }
}
