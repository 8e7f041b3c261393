import DurableStreams
import Synchronization

/// A serial executor with a lane, as an event loop has one: it sleeps until something is handed over.
final class BenchmarkLoop: Sendable {
    let lane: DeliveryLane
    private let wakeUp = SemaphoreBox()
    private let mustStop = Atomic(false)

    init() {
        let wakeUp = wakeUp
        lane = DeliveryLane(scheduleDrain: { wakeUp.signal() }, scheduleTick: { _ in })
        _ = BenchmarkThread { [self] in
            while true {
                wakeUp.wait()
                lane.drain()
                if mustStop.load(ordering: .acquiring) { return }
            }
        }
    }

    func stop() {
        mustStop.store(true, ordering: .releasing)
        wakeUp.signal()
    }

    /// Runs work on the loop and waits for it. Not from the loop.
    func sync(_ work: @escaping @Sendable () -> Void) {
        let done = SemaphoreBox()
        lane.run {
            work()
            done.signal()
        }
        done.wait()
    }
}

extension StreamStore {
    static func open(_ directory: String, _ durability: Durability) throws(StoreOpenError) -> StreamStore {
        var configuration = StoreConfiguration()
        configuration.durability = durability
        configuration.eventHandler = { if $0.level != .info { print($0) } }
        return try open(directory: directory, configuration: configuration)
    }

    /// Makes streams of bytes, and returns when all of them are durable.
    func makeStreams(_ count: Int, on loop: BenchmarkLoop) -> [StreamPath] {
        let paths = (0..<count).map { number in
            guard let path = try? StreamPath("benchmarks/streams/\(number)") else { preconditionFailure("no path") }
            return path
        }
        let done = SemaphoreBox()
        loop.lane.run {
            let none = UnsafeRawBufferPointer(start: nil, count: 0)
            for path in paths {
                self.create(CreateRequest(path: path), payload: none, on: loop.lane) { result in
                    guard case .success = result else { preconditionFailure("\(result)") }
                    done.signal()
                }
            }
        }
        for _ in 0..<count { done.wait() }
        return paths
    }
}
