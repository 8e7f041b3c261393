import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

@testable import DurableStreamsServer

@Suite struct BodyMemoryLedgerTests {
    private func waiter(_ number: UInt64, _ byteCount: Int, held: Int = 0) -> BodyMemoryLedger.Waiter {
        .init(number: number, byteCount: byteCount, heldByteCount: held)
    }

    @Test func `What fits is granted at once and what does not waits its turn`() {
        var ledger = BodyMemoryLedger(byteLimit: 100)
        let first = ledger.reserve(waiter(1, 60))
        let second = ledger.reserve(waiter(2, 60))
        // It would fit, but it came later.
        let third = ledger.reserve(waiter(3, 10))
        #expect(first && !second && !third)
        #expect(ledger.settle().isEmpty)
        ledger.release(60)
        #expect(ledger.settle() == [.granted(2), .granted(3)])
        #expect(ledger.usedByteCount == 70)
    }

    @Test func `When all holders wait whoever fits goes first`() {
        var ledger = BodyMemoryLedger(byteLimit: 100)
        _ = ledger.reserve(waiter(1, 80))
        let big = ledger.reserve(waiter(2, 90))
        let more = ledger.reserve(waiter(3, 20, held: 80))
        #expect(!big && !more)
        #expect(ledger.settle() == [.granted(3)])
    }

    @Test func `When nobody fits the last holder gives up and the others get on`() {
        var ledger = BodyMemoryLedger(byteLimit: 100)
        _ = ledger.reserve(waiter(1, 50))
        _ = ledger.reserve(waiter(2, 50))
        let first = ledger.reserve(waiter(3, 50, held: 50))
        #expect(!first)
        #expect(ledger.settle().isEmpty, "the other one may still get on")
        let second = ledger.reserve(waiter(4, 50, held: 50))
        #expect(!second)
        #expect(ledger.settle() == [.refused(4)])
        ledger.release(50)
        #expect(ledger.settle() == [.granted(3)])
        #expect(ledger.usedByteCount == 100)
    }

    @Test func `A waiter that leaves is forgotten`() {
        var ledger = BodyMemoryLedger(byteLimit: 100)
        _ = ledger.reserve(waiter(1, 100))
        _ = ledger.reserve(waiter(2, 10))
        let isWithdrawn = ledger.withdraw(2)
        #expect(isWithdrawn)
        let again = ledger.withdraw(2)
        #expect(!again)
        ledger.release(100)
        #expect(ledger.settle().isEmpty)
        #expect(ledger.waiterCount == 0)
    }

    @Test(arguments: 0..<8)
    func `Random traffic always comes to an end and gives everything back`(seed: Int) {
        var random = SplitMix(state: UInt64(seed))
        var ledger = BodyMemoryLedger(byteLimit: 1_000)
        var held: [UInt64: Int] = [:]
        var waiting: [UInt64: Int] = [:]
        func apply(_ verdicts: [BodyMemoryLedger.Verdict]) {
            for verdict in verdicts {
                switch verdict {
                case .granted(let number):
                    held[number, default: 0] += waiting.removeValue(forKey: number) ?? 0
                case .refused(let number):
                    waiting[number] = nil
                    ledger.release(held.removeValue(forKey: number) ?? 0)
                    apply(ledger.settle())
                }
            }
        }
        for number in 1...UInt64(500) {
            let body = random.next() % 4 == 0 ? held.keys.sorted().randomElement(using: &random) ?? number : number
            if waiting[body] == nil {
                let byteCount = Int(random.next() % 400) + 1
                if ledger.reserve(.init(number: body, byteCount: byteCount, heldByteCount: held[body] ?? 0)) {
                    held[body, default: 0] += byteCount
                } else {
                    waiting[body] = byteCount
                    apply(ledger.settle())
                }
            }
            #expect(ledger.usedByteCount <= 1_000)
            #expect(ledger.usedByteCount == held.values.reduce(0, +))
            // Somebody is done, if somebody can be.
            if random.next() % 3 == 0, let done = held.keys.filter({ waiting[$0] == nil }).min() {
                ledger.release(held.removeValue(forKey: done) ?? 0)
                apply(ledger.settle())
            }
        }
        while let done = held.keys.filter({ waiting[$0] == nil }).min() {
            ledger.release(held.removeValue(forKey: done) ?? 0)
            apply(ledger.settle())
        }
        #expect(waiting.isEmpty && held.isEmpty, "seed \(seed)")
        #expect(ledger.usedByteCount == 0 && ledger.stalledByteCount == 0)
    }
}

@Suite struct BodyMemoryTests {
    @Test func `A waiting body hears of its turn on its own event loop`() async throws {
        let memory = BodyMemory(byteLimit: 100)
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        guard case .granted = memory.reserve(100, heldByteCount: 0, on: eventLoop, deliver: { _, _ in }) else {
            Issue.record("there was room")
            return
        }
        let granted = await withCheckedContinuation { continuation in
            let reservation = memory.reserve(30, heldByteCount: 0, on: eventLoop) { _, isGranted in
                continuation.resume(returning: isGranted && eventLoop.inEventLoop)
            }
            guard case .waiting = reservation else {
                continuation.resume(returning: false)
                return
            }
            memory.release(100)
        }
        #expect(granted)
        #expect(memory.usedByteCount == 30)
    }
}

@Suite struct BodyCollectorTests {
    private let allocator = ByteBufferAllocator()

    @Test func `A body in one part is handed on as it came`() {
        var collector = BodyCollector(byteCountLimit: 100)
        let part = ByteBuffer(string: "hello")
        #expect(collector.capacityNeeded(forPartOf: 5) == 0)
        collector.append(part, growingTo: 0, allocator: allocator)
        #expect(collector.bytes == part)
    }

    @Test(arguments: [1, 7, 1_000, 65_536])
    func `A body in many parts is put together and grows with what has come`(partByteCount: Int) {
        let total = 300_000
        let bytes = (0..<total).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var collector = BodyCollector(byteCountLimit: total)
        var received = 0
        var capacity = 0
        while received < total {
            let end = min(received + partByteCount, total)
            let part = ByteBuffer(bytes: bytes[received..<end])
            let needed = collector.capacityNeeded(forPartOf: part.readableBytes)
            if needed > 0 {
                capacity = needed
                #expect(capacity < 4 * end + 64)
            }
            collector.append(part, growingTo: needed, allocator: allocator)
            received = end
            if let collected = collector.bytes, received > partByteCount {
                #expect(collected.storageCapacity <= max(capacity, 1))
            }
        }
        #expect(collector.bytes.map { Array($0.readableBytesView) } == bytes)
    }
}

@Suite struct PartQueueTests {
    @Test func `Parts come out in the order in which they went in`() {
        var queue = PartQueue()
        for number in 0..<1_000 {
            queue.append(.part(.body(ByteBuffer(string: "\(number)"))))
            if number % 3 == 0 { _ = queue.popFirst() }
        }
        var last = -1
        while let item = queue.popFirst() {
            guard case .part(.body(let bytes)) = item, let number = Int(String(buffer: bytes)) else { break }
            #expect(number == last + 1 || last == -1)
            last = number
        }
        #expect(last == 999)
        #expect(queue.isEmpty)
    }

    @Test func `A swarm of requests ends in a failure instead of filling the memory`() {
        var queue = PartQueue()
        for _ in 0..<100_000 { queue.append(.part(.end(nil))) }
        var count = 0
        var hasFailed = false
        while let item = queue.popFirst() {
            count += 1
            if case .failure(.tooMuchAhead) = item { hasFailed = true }
        }
        #expect(hasFailed)
        #expect(count <= 8 << 10 + 1)
    }
}
