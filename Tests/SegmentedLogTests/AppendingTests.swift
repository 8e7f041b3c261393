import SegmentedLog
import SimulatedDisk
import Synchronization
import Testing

struct `Appending` {
    private let disk: SimulatedDisk
    private let test: TestLog

    init() throws {
        disk = SimulatedDisk(seed: 1)
        test = try TestLog(disk)
        // The spare segment is made now, so that the tests count only what they cause.
        test.run()
    }

    // MARK: Round trips

    @Test func `What is appended is read back, before and after the log is opened again`() throws {
        let stream = try test.createNow(row: Array("row".utf8))
        try test.appendNow(Array("hello ".utf8), annotation: Array("first".utf8), to: stream)
        try test.appendNow(Array("world".utf8), annotation: Array("second".utf8), to: stream)
        #expect(stream.text == "hello world")
        #expect(stream.logStream.tail.rawValue == 11)
        test.log.close()
        let again = try TestLog(disk)
        let recovered = try #require(again.recovered.streams[stream.number])
        #expect(recovered.text == "hello world")
        #expect(recovered.row == Array("row".utf8))
        #expect(recovered.appends.map(\.annotation) == [Array("first".utf8), Array("second".utf8)])
        #expect(recovered.appends.map(\.byteCount) == [6, 5])
        #expect(again.events.warnings.isEmpty)
    }

    @Test func `A payload and its terminator are one entry`() throws {
        let stream = try test.createNow()
        try Array("{}".utf8).withUnsafeBytes { payload in
            try test.log.append(
                to: stream, at: .start, annotation: UnsafeRawBufferPointer(start: nil, count: 0),
                payload: .borrowed(payload, terminator: 0x2C))
        }
        test.run()
        #expect(stream.text == "{},")
        #expect(test.log.statistics.entryCount == 2)
    }

    @Test func `An append without a payload keeps its annotation and moves nothing`() throws {
        let stream = try test.createNow(payload: Array("x".utf8))
        let completion = Acknowledgement()
        try test.append(nil, annotation: Array("closed".utf8), tag: 7, to: stream, completion: completion)
        test.run()
        #expect(completion.isDurable)
        #expect(stream.logStream.tail.rawValue == 1)
        #expect(stream.commits.last?.tag == 7)
        test.log.close()
        let recovered = try #require(try TestLog(disk).recovered.streams[stream.number])
        #expect(recovered.appends.last == .init(annotation: Array("closed".utf8), byteCount: 0))
    }

    @Test func `A stream can begin with a payload, durable with it at once`() throws {
        let stream = try test.createNow(row: [1], payload: Array("begin".utf8))
        #expect(stream.text == "begin")
        #expect(test.log.statistics.commitCount == 1)
        #expect(stream.commits.map(\.kind) == [.create, .append])
        #expect(stream.commits.map(\.end.rawValue) == [0, 5])
    }

    @Test func `Parts of one append are entries of one commit, and the tag and the annotation come with the last`() throws {
        let stream = try test.createNow()
        let completion = Acknowledgement()
        try test.append(
            parts: [Array("ab".utf8), Array("c".utf8), Array("def".utf8)], annotation: [9], tag: 5, to: stream,
            completion: completion)
        test.run()
        #expect(completion.isDurable && completion.callCount == 1)
        #expect(stream.text == "abcdef")
        #expect(stream.commits.map(\.end.rawValue) == [0, 2, 3, 6])
        #expect(stream.commits.map(\.tag) == [0, 0, 0, 5])
        test.log.close()
        let recovered = try #require(try TestLog(disk).recovered.streams[stream.number])
        #expect(recovered.appends == [.init(annotation: [9], byteCount: 6)])
    }

    @Test func `A deleted stream is gone, and its number is not used again`() throws {
        let first = try test.createNow(payload: [1])
        try test.deleteNow(first)
        #expect(first.commits.last?.kind == .delete)
        #expect(test.log.statistics.streamCount == 0)
        test.log.close()
        let again = try TestLog(disk)
        #expect(again.recovered.streams.isEmpty)
        #expect(try again.createNow().number > first.number)
    }

    @Test func `Streams keep their bytes apart, however their appends interleave`() throws {
        let streams = try (0 ..< 20).map { _ in try test.createNow() }
        var expected = [[UInt8]](repeating: [], count: streams.count)
        for number in 0 ..< 400 {
            let index = number * 7 % streams.count
            let bytes = payload(number, byteCount: 1 + number % 40)
            try test.append(bytes, to: streams[index])
            expected[index] += bytes
            if number % 13 == 0 { test.run() }
        }
        test.run()
        #expect(streams.map(\.bytes) == expected)
        test.log.close()
        let again = try TestLog(disk)
        #expect(streams.map { again.recovered.streams[$0.number]?.bytes } == expected)
    }

    // MARK: What readers see

    @Test func `Readers see nothing of a commit before it is durable`() throws {
        let stream = try test.createNow(payload: Array("old".utf8))
        try test.append(Array("new".utf8), to: stream)
        #expect(stream.text == "old")
        #expect(stream.logStream.tail.rawValue == 3)
        test.run()
        #expect(stream.text == "oldnew")
    }

    @Test func `A read ends at its limit, in the middle of an entry where that is allowed`() throws {
        let stream = try test.createNow()
        for number in 0 ..< 4 { try test.appendNow([UInt8](repeating: UInt8(number), count: 10), to: stream) }
        let read = stream.logStream.read(from: StreamPosition(rawValue: 5), upTo: stream.logStream.tail, byteCountLimit: 12, splitsEntries: true)
        #expect(read.bytes == [UInt8](repeating: 0, count: 5) + [UInt8](repeating: 1, count: 7))
        #expect(read.start.rawValue == 5 && read.end.rawValue == 17 && read.tail.rawValue == 40)
        #expect(read.byteCount == 12)
    }

    @Test func `A read that does not split entries ends where one ends, with at least one`() throws {
        let stream = try test.createNow()
        for number in 0 ..< 4 { try test.appendNow([UInt8](repeating: UInt8(number), count: 10), to: stream) }
        for limit in 1 ... 60 {
            let read = stream.logStream.read(from: .start, upTo: stream.logStream.tail, byteCountLimit: limit, splitsEntries: false)
            #expect(read.byteCount % 10 == 0)
            #expect(read.byteCount == max(10, min(40, limit / 10 * 10)))
        }
    }

    @Test func `A read at the tail is empty, and the start of an entry is found before any position in it`() throws {
        let stream = try test.createNow(payload: Array("0123456789".utf8))
        _ = try test.createNow(payload: Array("between".utf8))
        try test.appendNow(Array("abcde".utf8), to: stream)
        let tail = stream.logStream.tail
        let read = stream.logStream.read(from: tail, upTo: tail, byteCountLimit: 100, splitsEntries: true)
        #expect(read.byteCount == 0 && read.start == tail && read.end == tail)
        for position in 0 ..< 15 {
            let position = StreamPosition(rawValue: UInt64(position))
            let start = try stream.logStream.entryStart(atOrBefore: position)
            #expect(start.rawValue == (position.rawValue < 10 ? 0 : 10))
        }
        #expect(try stream.logStream.entryStart(atOrBefore: tail) == tail)
    }

    // MARK: Group commit

    @Test func `A thousand appends that arrive together share one write and one sync`() throws {
        let streams = try (0 ..< 10).map { _ in try test.createNow() }
        let (writes, syncs) = (disk.callCount(.write), disk.callCount(.synchronize))
        let completions = (0 ..< 1_000).map { _ in Acknowledgement() }
        for (number, completion) in completions.enumerated() {
            try test.append(payload(number, byteCount: 20), to: streams[number % 10], completion: completion)
        }
        #expect(completions.allSatisfy { $0.outcome == nil })
        test.run()
        #expect(disk.callCount(.write) == writes + 1)
        #expect(disk.callCount(.synchronize) == syncs + 1)
        #expect(completions.allSatisfy { $0.isDurable && $0.callCount == 1 })
    }

    @Test func `While one commit is synced, the next one fills`() throws {
        let disk = SimulatedDisk(seed: 1)
        let test = try TestLog(disk) { $0.threading = .threads }
        let created = Acknowledgement()
        let stream = try test.create(completion: created)
        created.wait()
        // Wait for the spare, too: it is synced by another thread.
        while disk.callCount(.rename) < 2 || disk.callCount(.map) < 2 { try test.appendAndWait([1], to: stream) }

        disk.hold([.synchronize])
        let first = Acknowledgement()
        try test.append([2], to: stream, completion: first)
        disk.waitUntilHeld()
        let (writes, syncs) = (disk.callCount(.write), disk.callCount(.synchronize))
        let others = (0 ..< 500).map { _ in Acknowledgement() }
        for other in others { try test.append([3], to: stream, completion: other) }
        #expect(first.outcome == nil)
        disk.letThrough()
        others.last?.wait()
        #expect(first.isDurable)
        #expect(others.allSatisfy { $0.isDurable })
        #expect(disk.callCount(.write) == writes + 1)
        #expect(disk.callCount(.synchronize) == syncs + 2)
        test.log.close()
    }

    @Test func `Owners are told before those who wait, and those in the order of their appends`() throws {
        let order = Mutex<[String]>([])
        let stream = try test.createNow()
        let owner = OrderedOwner(stream.logStream) { order.withLock { $0.append("owner") } }
        for number in 0 ..< 3 {
            let completion = OrderedCompletion { order.withLock { $0.append("append \(number)") } }
            try test.log.append(
                to: owner, at: .start, annotation: UnsafeRawBufferPointer(start: nil, count: 0), payload: .none,
                completion: completion)
        }
        let isKept = try test.log.afterPending(OrderedCompletion { order.withLock { $0.append("wait") } })
        #expect(isKept)
        test.run()
        #expect(order.withLock { $0 } == ["owner", "owner", "owner", "append 0", "append 1", "append 2", "wait"])
    }

    @Test func `Waiting for what is pending is refused as needless when nothing is`() throws {
        let none = Acknowledgement()
        var isKept = try test.log.afterPending(none)
        #expect(!isKept)
        _ = try test.create()
        let completion = Acknowledgement()
        isKept = try test.log.afterPending(completion)
        #expect(isKept && completion.outcome == nil)
        test.run()
        #expect(completion.isDurable)
        isKept = try test.log.afterPending(none)
        #expect(!isKept && none.outcome == nil)
    }

    @Test func `Threads append concurrently and every stream keeps its order`() throws {
        let test = try TestLog(SimulatedDisk(seed: 1)) {
            $0.threading = .threads
            $0.segmentByteCount = 256 << 10
        }
        let streams = try (0 ..< 4).map { _ in
            let completion = Acknowledgement()
            let stream = try test.create(completion: completion)
            completion.wait()
            return stream
        }
        let log = test.log
        let threads = streams.map { stream in
            NamedThread("appender") { appendForever(500, to: stream, of: log) }
        }
        for thread in threads { thread.join() }
        log.close()
        for stream in streams {
            #expect(stream.bytes == (0 ..< 500).flatMap { payload($0, byteCount: 40) })
        }
        #expect(log.statistics.entryCount == 2_004)
        #expect(log.statistics.payloadByteCount == 4 * 500 * 40)
    }
}

/// Appends so many payloads, waiting where the log asks to, and then for the last one.
private func appendForever(_ count: Int, to stream: TestStream, of log: SegmentedLog) {
    for number in 0 ..< count {
        let isLast = number == count - 1
        let completion = Acknowledgement()
        payload(number, byteCount: 40).withUnsafeBytes { payload in
            while true {
                do throws(LogRefusal) {
                    return try log.append(
                        to: stream, at: stream.submittedEnd, annotation: UnsafeRawBufferPointer(start: nil, count: 0),
                        payload: .borrowed(payload, terminator: nil), completion: isLast ? completion : nil)
                } catch {
                    guard case .mustWait(let ticket) = error else {
                        Issue.record("\(error)")
                        return
                    }
                    let room = Acknowledgement()
                    log.whenRoom(ticket) { room.commitDidFinish(nil) }
                    room.wait()
                }
            }
        }
        stream.didSubmit(byteCount: 40)
        if isLast { completion.wait() }
    }
}

extension TestLog {
    /// With threads: appends and waits until it is durable.
    func appendAndWait(_ payload: [UInt8], to stream: TestStream) throws {
        let completion = Acknowledgement()
        try append(payload, to: stream, completion: completion)
        completion.wait()
        try completion.require()
    }
}

private final class OrderedOwner: LogStreamOwner {
    let logStream: LogStream
    private let body: @Sendable () -> Void
    init(_ logStream: LogStream, _ body: @escaping @Sendable () -> Void) {
        self.logStream = logStream
        self.body = body
    }
    func entriesDidCommit(_ entries: CommittedEntries) { for _ in entries { body() } }
}

private final class OrderedCompletion: CommitCompletion {
    private let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    func commitDidFinish(_ failure: CommitFailure?) { body() }
}
