import Glibc
import SegmentedLog
import SimulatedDisk
import Testing

/// Long runs of random operations on the engine and on plain arrays, with openings, clean and not, in between: both are
/// always the same. `MODEL_STEPS=<count>` makes them longer.
struct `The engine and a plain model of it` {
    /// What a stream is, without any engine.
    private struct Plain {
        var model = EntryModel()
        var row: [UInt8]
        var annotations: [[UInt8]] = []
    }

    private struct Run {
        var disk: SimulatedDisk
        var test: TestLog
        var streams: [UInt64: Plain] = [:]
        var generator: SeededGenerator
        let durability: Durability
        var mergeCount = 0
        var openingCount = 0

        init(seed: UInt64, _ durability: Durability) throws {
            disk = SimulatedDisk(seed: seed, recordsTrace: false)
            generator = SeededGenerator(seed: seed, purpose: "model")
            self.durability = durability
            test = try Self.open(disk, durability, 2)
        }

        private static func open(
            _ disk: SimulatedDisk, _ durability: Durability, _ mergedSegmentCount: Int
        ) throws -> TestLog {
            try TestLog(disk, isMaintained: true) {
                $0.durability = durability
                $0.mergedSegmentCount = mergedSegmentCount
                // Not even two blocks.
                $0.blockCacheByteCountLimit = 30_000
            }
        }

        mutating func step() throws {
            let numbers = streams.keys.sorted()
            switch generator.integer(below: 100) {
            case 0 ..< 8: try create()
            case _ where numbers.isEmpty: try create()
            case 8 ..< 12 where numbers.count > 3: try delete(random(numbers))
            case 12 ..< 20: try trim(random(numbers))
            case 20 ..< 70: try append(random(numbers))
            case 70 ..< 96: try compare(random(numbers))
            case 96 ..< 99: try compareAll()
            default: try reopen()
            }
        }

        private mutating func random(_ numbers: [UInt64]) -> UInt64 { numbers[generator.integer(below: numbers.count)] }

        private mutating func create() throws {
            let row = generator.bytes(count: generator.integer(below: 50))
            let stream = try test.createNow(row: row)
            streams[stream.number] = Plain(row: row)
        }

        private mutating func delete(_ number: UInt64) throws {
            try test.deleteNow(stream(number))
            streams[number] = nil
        }

        private mutating func trim(_ number: UInt64) throws {
            let model = streams[number]!.model
            let wanted = model.start + generator.integer(below: model.tail - model.start + 1)
            let start = max(model.start, model.entryStart(atOrBefore: wanted))
            try test.trimNow(stream(number), to: start)
            streams[number]!.model.trim(to: start)
        }

        private mutating func append(_ number: UInt64) throws {
            let annotation = generator.chance(1, outOf: 8) ? generator.bytes(count: 20) : []
            if generator.chance(1, outOf: 12) {
                let completion = Acknowledgement()
                try test.patiently { () throws(LogRefusal) in
                    try test.append(nil, annotation: [1] + annotation, to: test.streams[number]!, completion: completion)
                }
                test.run()
                try completion.require()
                streams[number]!.annotations.append([1] + annotation)
                return
            }
            var parts: [[UInt8]] = []
            repeat {
                let byteCount = 1 + generator.integer(below: [20, 400, 20_000][generator.integer(below: 3)])
                parts.append(generator.chance(1, outOf: 2) ? generator.bytes(count: byteCount) : payload(7, byteCount: byteCount))
            } while parts.count < 6 && generator.chance(1, outOf: 3) && joined(parts).count < 35_000
            try test.appendNow(parts: parts, annotation: annotation, to: stream(number))
            streams[number]!.model.append(parts)
            if !annotation.isEmpty { streams[number]!.annotations.append(annotation) }
        }

        private func stream(_ number: UInt64) throws -> TestStream { try #require(test.streams[number]) }

        // MARK: Comparing

        /// One read from anywhere, and the boundaries around it.
        private mutating func compare(_ number: UInt64) throws {
            let (stream, model) = (try stream(number).logStream, streams[number]!.model)
            #expect(Int(stream.start.rawValue) == model.start && Int(stream.tail.rawValue) == model.tail)
            let asked = generator.integer(below: model.tail + 1)
            let limit = 1 + generator.integer(below: [100, 20_000, 300_000][generator.integer(below: 3)])
            let read = stream.read(
                from: StreamPosition(rawValue: UInt64(asked)), upTo: stream.tail, byteCountLimit: limit,
                splitsEntries: true)
            let start = max(asked, model.start)
            let end = min(model.tail, start + limit)
            #expect(Int(read.start.rawValue) == start && read.byteCount == end - start)
            let expected = Array(model.content.bytes[start ..< end])
            #expect(ComparableBytes(bytes: try read.verifiedBytes()) == ComparableBytes(bytes: expected))
            let appendEnd = try stream.appendEnd(holding: StreamPosition(rawValue: UInt64(start)))
            #expect(appendEnd.map { Int($0.rawValue) } == model.appendEnd(holding: start))
            let entryStart = Int(try stream.entryStart(atOrBefore: StreamPosition(rawValue: UInt64(start))).rawValue)
            #expect(model.boundaries.contains(entryStart) && entryStart <= start)
            let whole = stream.read(
                from: StreamPosition(rawValue: UInt64(entryStart)), upTo: stream.tail, byteCountLimit: limit,
                splitsEntries: false)
            #expect(model.boundaries.contains(Int(whole.end.rawValue)))
            #expect(
                ComparableBytes(bytes: try whole.verifiedBytes())
                    == ComparableBytes(bytes: Array(model.content.bytes[entryStart ..< Int(whole.end.rawValue)])))
            #expect(test.log.statistics.blockCacheByteCount <= 30_000)
        }

        mutating func compareAll() throws {
            #expect(test.streams.keys.sorted() == streams.keys.sorted())
            #expect(test.log.statistics.streamCount == streams.count)
            for (number, plain) in streams {
                #expect(ComparableBytes(bytes: try stream(number).bytes) == ComparableBytes(bytes: plain.model.bytes))
            }
        }

        private mutating func reopen() throws {
            openingCount += 1
            mergeCount += test.events.count("merged segments")
            #expect(test.events.warnings.isEmpty)
            let isClean = generator.chance(1, outOf: 2)
            if isClean { test.log.close() }
            let isPowerLoss = (isClean || durability == .sync) && generator.chance(1, outOf: 2)
            let next = isPowerLoss ? disk.powerLoss(seed: generator.next()) : disk.processCrash()
            test.log.close()
            disk = next
            test = try Self.open(disk, durability, 2 + generator.integer(below: 4))
            #expect(test.recovered.streams.keys.sorted() == streams.keys.sorted())
            for (number, found) in test.recovered.streams {
                let plain = try #require(streams[number])
                #expect(found.row == plain.row && found.annotations == plain.annotations)
                #expect(Int(found.start.rawValue) == plain.model.start)
                #expect(ComparableBytes(bytes: found.bytes) == ComparableBytes(bytes: plain.model.bytes))
            }
        }
    }

    @Test(arguments: [Durability.sync, .interval(milliseconds: 3_600_000), .none], 1 ... 2 as ClosedRange<UInt64>)
    func `are the same all the time`(_ durability: Durability, _ seed: UInt64) throws {
        let stepCount = getenv("MODEL_STEPS").flatMap { Int(String(cString: $0)) } ?? 2_500
        var run = try Run(seed: seed, durability)
        for _ in 0 ..< stepCount { try run.step() }
        try run.compareAll()
        run.test.log.close()
        #expect(run.mergeCount >= stepCount / 100, "\(run.mergeCount) merges")
        #expect(run.openingCount >= stepCount / 200)
    }
}
