import SegmentedLog
import SimulatedDisk

/// Several lives of one log on a disk that fails in each of them, all of it determined by a seed.
///
/// Each life opens the log, compares what it gives back with the model, lets a random workload on, and ends in a crash
/// at a random effect, a crash between two effects, or a clean end; then the power fails, or only the process is gone.
struct Simulation {
    let seed: UInt64
    var generator: SeededGenerator
    let durability: Durability
    var model = LogModel()
    /// One for each life.
    private var disks: [SimulatedDisk] = []
    private(set) var lifeCount = 0
    private(set) var operationNumber = 0

    /// The workload's shape.
    var lifeCountLimit = 4
    var operationCountLimit = 40
    var largestPayloadByteCount = 12_000
    var oversizeIsAllowed = false
    var recordsTrace = false
    /// Where the first life ends, instead of at random.
    var crashingEffect: Int?

    init(seed: UInt64, durability: Durability = .sync) {
        self.seed = seed
        self.durability = durability
        generator = SeededGenerator(seed: seed, purpose: "workload")
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// What each life did to its disk.
    var traces: [[String]] { disks.map(\.trace) }

    mutating func run() throws {
        var disk = SimulatedDisk(seed: seed, recordsTrace: recordsTrace)
        disks.append(disk)
        while lifeCount < lifeCountLimit {
            lifeCount += 1
            if let crashingEffect, lifeCount == 1 {
                disk.crash(atEffect: crashingEffect)
            } else if generator.chance(3, outOf: 4) {
                disk.crash(atEffect: 1 + generator.integer(below: generator.chance(1, outOf: 3) ? 12 : 80))
            }
            let isClosed = try live(on: disk)
            disk = end(of: disk, isClosed: isClosed)
            disks.append(disk)
        }
        // The last life: nothing fails any more, and everything works.
        let test = try open(disk)
        try check(test)
        try work(test, operationCount: 10)
        test.log.close()
        guard model.promisedCount == model.operations.count else {
            let (done, all) = (model.promisedCount, model.operations.count)
            throw Failure(description: "without a failure, \(done) of \(all) are done")
        }
        try check(try open(disk.powerLoss(seed: seed, mode: .everythingLost)))
    }

    /// One life, from opening to whatever ends it. True if it was a clean end.
    private mutating func live(on disk: SimulatedDisk) throws -> Bool {
        let test: TestLog
        do {
            test = try open(disk)
        } catch {
            guard disk.isDead, case .system = error else { throw error }
            return false
        }
        try check(test)
        try work(test, operationCount: 1 + generator.integer(below: operationCountLimit))
        guard !disk.isDead, generator.chance(1, outOf: 4) else { return false }
        test.log.close()
        return !disk.isDead
    }

    private mutating func end(of disk: SimulatedDisk, isClosed: Bool) -> SimulatedDisk {
        if isClosed { model.promise(model.operations.count) }
        if generator.chance(1, outOf: 4) {
            return disk.processCrash()
        }
        if !isClosed, durability != .sync { model.forgetPromises() }
        return disk.powerLoss(seed: seed &* 31 &+ UInt64(lifeCount))
    }

    private mutating func open(_ disk: SimulatedDisk) throws(LogOpenError) -> TestLog {
        let durability = durability
        let recycledSegmentCountLimit = generator.integer(below: 3)
        let mergedSegmentCount = 2 + generator.integer(below: 3)
        let bits = seed
        return try TestLog(disk, isMaintained: true) {
            $0.durability = durability
            $0.recycledSegmentCountLimit = recycledSegmentCountLimit
            $0.mergedSegmentCount = mergedSegmentCount
            $0.randomBits = { bits }
        }
    }

    private mutating func check(_ test: TestLog) throws {
        if let warning = test.events.all.first(where: { $0.level == .error }) {
            throw Failure(description: "\(warning)")
        }
        // In the weaker modes what was found after the end of a process may still be lost with the power.
        try model.check(try LogModel.state(of: test.recovered), isSettled: durability == .sync)
    }

    // MARK: Workload

    private mutating func work(_ test: TestLog, operationCount: Int) throws {
        var waiting: [Acknowledgement] = []
        let submittedBefore = model.operations.count
        for _ in 0 ..< operationCount where !test.disk.isDead {
            let completion = Acknowledgement()
            if try submit(to: test, completion) { waiting.append(completion) }
            if generator.chance(1, outOf: 3) { test.run() }
            if generator.chance(1, outOf: 10) { try checkReads(test) }
        }
        test.run()
        try takePromises(waiting, after: submittedBefore, test)
        if !test.disk.isDead { try checkReads(test) }
    }

    private mutating func takePromises(_ waiting: [Acknowledgement], after start: Int, _ test: TestLog) throws {
        guard waiting.allSatisfy({ $0.callCount <= 1 }) else { throw Failure(description: "acknowledged twice") }
        let durableCount = waiting.prefix { $0.isDurable }.count
        guard waiting.dropFirst(durableCount).allSatisfy({ !$0.isDurable }) else {
            throw Failure(description: "acknowledged after one that was not")
        }
        model.promise(start + durableCount)
        if !test.disk.isDead, durableCount < waiting.count {
            throw Failure(description: "\(waiting.count - durableCount) commits were not done: \(test.events.warnings)")
        }
    }

    /// One random operation. False if the log is gone.
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
            // Nothing but the crash can be the reason.
            guard test.disk.isDead else { throw Failure(description: "refused: \(error)") }
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

    /// To a place that is durable, and where an entry begins.
    private mutating func trim(
        _ stream: TestStream, _ test: TestLog, _ completion: Acknowledgement
    ) throws(LogRefusal) {
        let tail = Int(stream.logStream.tail.rawValue)
        let wanted = StreamPosition(rawValue: UInt64(generator.integer(below: tail + 1)))
        let target = (try? stream.logStream.entryStart(atOrBefore: wanted)) ?? stream.logStream.tail
        let start = max(target, StreamPosition(rawValue: UInt64(model.state[stream.number]?.start ?? 0)))
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

    private mutating func randomPayload() -> [UInt8] {
        let limit = generator.chance(1, outOf: 2) ? 200 : largestPayloadByteCount
        return payload(operationNumber, byteCount: 1 + generator.integer(below: limit))
    }

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
}
