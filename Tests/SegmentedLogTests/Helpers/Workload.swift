import SegmentedLog
import SimulatedDisk

/// What clients may do to a log, at random, and the model of what comes of it. Everything follows from the seed.
struct Workload {
    var generator: SeededGenerator
    var model = LogModel()
    /// The workload's shape.
    var largestPayloadByteCount = 12_000
    var oversizeIsAllowed = false
    /// Whether refusals are taken for an answer. Otherwise only the end of the disk excuses one.
    var mayBeRefused = false

    private(set) var operationNumber = 0
    /// Reads that were planned, and what they must give, whatever becomes of their segments.
    private var reads: [(read: LogRead, expected: ComparableBytes)] = []

    init(generator: SeededGenerator) { self.generator = generator }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    // MARK: Running

    /// Submits operations and lets the log do its work from time to time, in the end all of it.
    mutating func run(_ test: TestLog, operationCount: Int) throws {
        var waiting: [Acknowledgement] = []
        let submittedBefore = model.operations.count
        for _ in 0 ..< operationCount where !test.disk.isDead {
            let completion = Acknowledgement()
            if try submit(to: test, completion) { waiting.append(completion) }
            if generator.chance(1, outOf: 3) { test.run() }
            if generator.chance(1, outOf: 12) { try checkReads(test) }
            if generator.chance(1, outOf: 15) { planRead(test) }
        }
        test.run()
        try takePromises(waiting, after: submittedBefore, test)
        if !test.disk.isDead { try checkReads(test) }
        for (read, expected) in reads where ComparableBytes(bytes: read.bytes) != expected {
            throw Failure(description: "a read that was planned before gives other bytes")
        }
        reads = []
    }

    private mutating func takePromises(_ waiting: [Acknowledgement], after start: Int, _ test: TestLog) throws {
        guard waiting.allSatisfy({ $0.callCount <= 1 }) else { throw Failure(description: "acknowledged twice") }
        let durableCount = waiting.prefix { $0.isDurable }.count
        guard waiting.dropFirst(durableCount).allSatisfy({ !$0.isDurable }) else {
            throw Failure(description: "acknowledged after one that was not")
        }
        model.promise(start + durableCount)
        if !test.disk.isDead, !mayBeRefused, durableCount < waiting.count {
            throw Failure(description: "\(waiting.count - durableCount) commits were not done: \(test.events.warnings)")
        }
    }

    // MARK: Operations

    /// One random operation. False if it was refused.
    private mutating func submit(to test: TestLog, _ completion: Acknowledgement) throws -> Bool {
        operationNumber += 1
        let choice = generator.integer(below: 20)
        let numbers = test.streams.keys.sorted()
        do throws(LogRefusal) {
            if numbers.isEmpty || choice < 3 {
                try create(test, completion)
            } else {
                let stream = test.streams[numbers[generator.integer(below: numbers.count)]]!
                if choice < 6, numbers.count > 1 {
                    try test.patiently { () throws(LogRefusal) in try test.delete(stream, completion: completion) }
                    model.submit(.delete(number: stream.number))
                } else if (6 ..< 8).contains(choice), stream.logStream.tail != .start {
                    try trim(stream, test, completion)
                } else {
                    try append(to: stream, test, completion)
                }
            }
            return true
        } catch {
            guard test.disk.isDead || mayBeRefused else { throw Failure(description: "refused: \(error)") }
            return false
        }
    }

    private mutating func create(_ test: TestLog, _ completion: Acknowledgement) throws(LogRefusal) {
        let row = Array("row \(operationNumber)".utf8)
        let content = generator.chance(1, outOf: 3) ? randomPayload() : nil
        let stream = try test.patiently { () throws(LogRefusal) in
            try test.create(row: row, payload: content, completion: completion)
        }
        model.submit(.create(number: stream.number, row: row, payload: content))
    }

    /// To a place that is durable, and where an entry begins; mostly to one that leaves little.
    private mutating func trim(
        _ stream: TestStream, _ test: TestLog, _ completion: Acknowledgement
    ) throws(LogRefusal) {
        let tail = Int(stream.logStream.tail.rawValue)
        let kept = generator.integer(below: generator.chance(2, outOf: 3) ? tail / 4 + 1 : tail + 1)
        let wanted = StreamPosition(rawValue: UInt64(tail - kept))
        let target = (try? stream.logStream.entryStart(atOrBefore: wanted)) ?? stream.logStream.tail
        let start = max(target, StreamPosition(rawValue: UInt64(model.state(of: stream.number)?.start ?? 0)))
        try test.patiently { () throws(LogRefusal) in
            try test.log.trim(stream, to: start, completion: completion)
        }
        model.submit(.trim(number: stream.number, start: Int(start.rawValue)))
    }

    private mutating func append(
        to stream: TestStream, _ test: TestLog, _ completion: Acknowledgement
    ) throws(LogRefusal) {
        let annotation = generator.chance(1, outOf: 2) ? Array("annotation \(operationNumber)".utf8) : []
        var parts = [randomPayload()]
        while parts.count < 4, generator.chance(1, outOf: 4) { parts.append(randomPayload()) }
        while parts.count > 1, parts.reduce(0, { $0 + $1.count }) > 60_000 { parts.removeLast() }
        if oversizeIsAllowed, generator.chance(1, outOf: 25) {
            parts.append(payload(operationNumber, byteCount: 70_000))
        }
        try test.patiently { () throws(LogRefusal) in
            if parts.count == 1 {
                try test.append(parts[0], annotation: annotation, to: stream, completion: completion)
            } else {
                try test.append(parts: parts, annotation: annotation, to: stream, completion: completion)
            }
        }
        model.submit(.append(number: stream.number, payload: joined(parts), annotation: annotation))
    }

    /// Half of them small; of the others half cannot be compressed.
    private mutating func randomPayload() -> [UInt8] {
        if generator.chance(1, outOf: 2) {
            return payload(operationNumber, byteCount: 1 + generator.integer(below: 200))
        }
        let byteCount = 1 + generator.integer(below: largestPayloadByteCount)
        return generator.chance(1, outOf: 2)
            ? randomBytes(byteCount: byteCount, &generator) : payload(operationNumber, byteCount: byteCount)
    }

    // MARK: Reading

    /// What is durable is read back, and nothing else.
    private func checkReads(_ test: TestLog) throws {
        let state = model.state
        for (number, stream) in test.streams {
            guard let expected = state[number] else { continue }
            let found = stream.logStream.bytes(from: StreamPosition(rawValue: UInt64(expected.start)))
            guard expected.content.hasPrefix(found) else {
                throw Failure(description: "stream \(number) reads as something that was not appended to it")
            }
        }
    }

    private mutating func planRead(_ test: TestLog) {
        let numbers = test.streams.keys.sorted()
        guard reads.count < 3, !numbers.isEmpty else { return }
        let stream = test.streams[numbers[generator.integer(below: numbers.count)]]!.logStream
        let (start, tail) = (stream.start, stream.tail)
        let position = start.advanced(by: generator.integer(below: tail.distance(from: start) + 1))
        let read = stream.read(
            from: position, upTo: tail, byteCountLimit: 1 + generator.integer(below: 100_000),
            splitsEntries: generator.chance(1, outOf: 2))
        guard let expected = model.state(of: stream.number.rawValue) else { return }
        let first = Int(read.start.rawValue) - expected.start
        guard first >= 0 else { return }
        reads.append((read, ComparableBytes(bytes: Array(expected.content.bytes[first ..< (first + read.byteCount)]))))
    }
}
