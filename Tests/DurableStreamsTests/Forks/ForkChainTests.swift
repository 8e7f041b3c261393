import SegmentedLog
import SimulatedDisk
import Testing

@testable import DurableStreams

@Suite struct ForkChainTests {
    @Test(arguments: 1...8)
    func `Chains of forks read as if everything had been copied`(seed: UInt64) throws {
        let store = try ManualStore()
        var random = SeededGenerator(seed: seed)
        var contents: [(path: StreamPath, bytes: [UInt8])] = []
        for number in 0..<60 {
            let path = try StreamPath("s/\(number)")
            var bytes: [UInt8] = []
            var fork: ForkRequest?
            if !contents.isEmpty, random.chance(9, outOf: 10) {
                // Mostly of a late one, so that chains get long.
                let source = contents[max(0, contents.count - 1 - random.integer(below: 3))]
                let offset = random.integer(below: source.bytes.count + 1)
                let isAtTail = random.chance(1, outOf: 3)
                bytes = isAtTail ? source.bytes : Array(source.bytes[..<offset])
                fork = ForkRequest(
                    source: source.path, offset: isAtTail ? nil : StreamPosition(rawValue: UInt64(offset)))
            }
            let own = String(repeating: "\(number).", count: random.integer(below: 300))
            try store.create(CreateRequest(path: path, fork: fork), own)
            bytes += Array(own.utf8)
            contents.append((path, bytes))
            let index = random.integer(below: contents.count)
            let more = String(repeating: "m\(number)", count: 1 + random.integer(below: 800))
            try store.append(more, to: contents[index].path)
            contents[index].bytes += Array(more.utf8)
            if number % 20 == 19 {
                try store.seal()
                try store.restart()
                try store.delete(StreamPath("filler"))
            }
        }
        for (path, bytes) in contents {
            let stream = try #require(store.store.stream(at: path))
            #expect(try store.content(path) == String(decoding: bytes, as: UTF8.self))
            for _ in 0..<20 {
                let start = random.integer(below: bytes.count + 1)
                let limit = 1 + random.integer(below: 5_000)
                let read = try stream.read(from: StreamPosition(rawValue: UInt64(start)), byteLimit: limit)
                #expect(try read.bytes() == Array(bytes[start..<min(bytes.count, start + limit)]))
            }
        }
    }

    @Test func `A long chain is read, deleted and let go of without trouble`() throws {
        let count = 3_000
        let store = try ManualStore { $0.segmentByteCount = 4 << 20 }
        store.store.runPendingWork()
        let lane = DeliveryLane(direct: ())
        try store.create(CreateRequest(path: StreamPath("s/0")), "0")
        for number in 1..<count {
            let source = try StreamPath("s/\(number - 1)")
            let request = CreateRequest(path: try StreamPath("s/\(number)"), fork: ForkRequest(source: source))
            [UInt8(ascii: "0") + UInt8(number % 10)].withUnsafeBytes {
                store.store.create(request, payload: $0, on: lane) { _ in }
            }
            store.store.context.log.writePendingCommits()
        }
        let last = try StreamPath("s/\(count - 1)")
        let expected = (0..<count).map { "\($0 % 10)" }.joined()
        #expect(try store.content(last) == expected)
        try store.restart()
        #expect(try store.content(last) == expected)
        for number in 0..<count - 1 {
            store.store.delete(try StreamPath("s/\(number)"), on: lane) { _ in }
        }
        store.store.context.log.writePendingCommits()
        #expect(try store.content(last) == expected)
        let held = store.store.stream(at: last)
        try store.delete(last)
        #expect(store.store.statistics.streamCount == 0)
        withExtendedLifetime(held) {}
    }
}
