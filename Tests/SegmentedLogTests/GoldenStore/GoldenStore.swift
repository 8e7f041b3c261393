import Foundation
import SegmentedLog

/// What was done to the store in `Golden/version-1`, in order, and what it must hold for ever.
///
/// The files were written by ``write(to:)`` when version 1 of the format was new. A change that makes it write other files
/// is no reason to make them anew: stores of that version are out there.
enum GoldenStore {
    enum Operation {
        case create(row: String)
        /// To the stream that was created so many streams after the first one.
        case append(Int, parts: [Part], annotation: String)
        /// To the begin of the entry with this number, counted from 0 since the stream began.
        case trim(Int, toEntry: Int)
        case delete(Int)
    }

    struct Part {
        var byteCount: Int
        var compresses = true
    }

    /// Under 20 commits for each segment of 64 KiB; the last one is torn.
    static let operations: [Operation] = {
        var operations: [Operation] = (0 ..< 6).map { .create(row: "row \($0)") }
        for round in 0 ..< 38 {
            for stream in 0 ..< 6 where (stream != 1 || round < 12) && (stream != 5 || round < 31) {
                let parts: [Part] =
                    switch stream {
                    case 0: [Part(byteCount: 40 + round)]
                    case 1: [Part(byteCount: 5_000)]
                    case 2: [Part(byteCount: 900), Part(byteCount: 30), Part(byteCount: 300, compresses: false)]
                    case 3: [Part(byteCount: 700, compresses: false)]
                    case 4: round % 9 == 4 ? [Part(byteCount: 40_000)] : []
                    default: (0 ..< round % 4).map { Part(byteCount: 1 + $0) }
                    }
                operations.append(
                    .append(stream, parts: parts, annotation: round % 3 == 0 || parts.isEmpty ? "note \(round)" : ""))
            }
            switch round {
            case 11: operations.append(.delete(1))
            case 13: operations.append(.trim(2, toEntry: 20))
            case 16: operations.append(.create(row: ""))
            case 17: operations.append(.append(6, parts: [Part(byteCount: 17_000)], annotation: ""))
            case 26: operations.append(.trim(3, toEntry: 25))
            case 30: operations.append(.delete(5))
            default: break
            }
        }
        operations.append(.create(row: "late"))
        operations.append(.append(7, parts: [Part(byteCount: 3), Part(byteCount: 4)], annotation: "last"))
        operations.append(.append(0, parts: [Part(byteCount: 500)], annotation: "torn"))
        return operations
    }()

    // MARK: What it must hold

    struct Stream: Equatable {
        var number: UInt64
        var row: [UInt8]
        /// Those that are not empty.
        var annotations: [[UInt8]] = []
        var start = 0
        var content: [UInt8] = []
        var newestCommitAt: Int64
    }

    /// The living streams after all operations but the torn one, by number.
    static let streams: [UInt64: Stream] = {
        var streams: [Stream?] = []
        var entryBegins: [[Int]] = []
        var sequenceNumber: UInt64 = 1
        for (index, operation) in operations.dropLast().enumerated() {
            switch operation {
            case .create(let row):
                streams.append(
                    Stream(number: sequenceNumber, row: Array(row.utf8), newestCommitAt: time(ofOperation: index)))
                entryBegins.append([])
                sequenceNumber += 1
            case .append(let stream, let parts, let annotation):
                for part in contents(of: parts, operation: index) {
                    entryBegins[stream].append(streams[stream]!.content.count)
                    streams[stream]!.content += part
                }
                if !annotation.isEmpty { streams[stream]!.annotations.append(Array(annotation.utf8)) }
                streams[stream]!.newestCommitAt = time(ofOperation: index)
                sequenceNumber += UInt64(max(1, parts.count))
            case .trim(let stream, let entry):
                streams[stream]!.start = entryBegins[stream][entry]
                streams[stream]!.newestCommitAt = time(ofOperation: index)
                sequenceNumber += 1
            case .delete(let stream):
                streams[stream] = nil
                sequenceNumber += 1
            }
        }
        return Dictionary(uniqueKeysWithValues: streams.compactMap { $0 }.map { ($0.number, $0) })
    }()

    static func time(ofOperation index: Int) -> Int64 { 1_700_000_000_000 + 1_000 * Int64(index) }

    static func contents(of parts: [Part], operation index: Int) -> [[UInt8]] {
        parts.enumerated().map { place, part in
            guard !part.compresses else {
                let text = Array("operation \(index), part \(place); ".utf8)
                return (0 ..< part.byteCount).map { text[$0 % text.count] }
            }
            // A linear congruential generator; its high bits.
            var state = UInt64(index * 10 + place)
            return (0 ..< part.byteCount).map { _ in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return UInt8(state >> 56)
            }
        }
    }

    // MARK: How it was written

    /// Does all operations, each in a commit of its own, and tears the last one.
    static func write(to directory: URL) throws {
        var configuration = TestLog.configuration()
        configuration.mergedSegmentCount = 3
        configuration.recycledSegmentCountLimit = 0
        let clock = Clock()
        configuration.wallClock = { clock.now }
        let log = try SegmentedLog.open(
            directory: directory.path, configuration: configuration,
            recoverRow: { (_) throws(RecoveryRefusal) in }, recover: { (_) throws(RecoveryRefusal) in })
        log.runPendingWork()
        var streams: [TestStream] = []
        for (index, operation) in operations.enumerated() {
            clock.now = time(ofOperation: index)
            try perform(operation, index, on: log, &streams)
            log.runPendingWork()
        }
        log.close()
        try tearLastFrame(in: directory)
    }

    private final class Clock: @unchecked Sendable {
        var now: Int64 = 0
    }

    private static func perform(
        _ operation: Operation, _ index: Int, on log: SegmentedLog, _ streams: inout [TestStream]
    ) throws {
        switch operation {
        case .create(let row):
            streams.append(try Array(row.utf8).withUnsafeBytes { try log.createStream(row: $0) { TestStream($0) } })
        case .append(let number, let parts, let annotation):
            let contents = contents(of: parts, operation: index)
            let content = joined(contents)
            var ends: [Int] = []
            for part in contents { ends.append((ends.last ?? 0) + part.count) }
            let owned = OwnedBytes(byteCount: content.count) { $0.copyBytes(from: content) }
            try Array(annotation.utf8).withUnsafeBytes {
                try log.append(
                    to: streams[number], at: streams[number].submittedEnd, annotation: $0,
                    payload: ends.isEmpty ? .none : .owned(owned, partEnds: ends))
            }
            streams[number].didSubmit(byteCount: content.count)
        case .trim(let number, let entry):
            let start = entryBegin(number, entry, before: index)
            try log.trim(streams[number], to: StreamPosition(rawValue: UInt64(start)))
        case .delete(let number):
            try log.deleteStream(streams[number], at: streams[number].submittedEnd)
        }
    }

    private static func entryBegin(_ stream: Int, _ entry: Int, before end: Int) -> Int {
        let byteCounts = operations[..<end].flatMap { operation -> [Int] in
            guard case .append(stream, let parts, _) = operation else { return [] }
            return parts.map(\.byteCount)
        }
        return byteCounts[..<entry].reduce(0, +)
    }

    /// As if the power had failed while the last frame was on its way.
    private static func tearLastFrame(in directory: URL) throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
        for name in names.reversed() where name.hasSuffix(".journal") {
            let file = directory.appending(path: name)
            var bytes = [UInt8](try Data(contentsOf: file))
            guard let last = Array(stride(from: 4096, to: bytes.count - 4, by: 8))
                .last(where: { bytes[$0...].starts(with: "FRM1".utf8) })
            else { continue }
            for offset in last + 300 ..< bytes.count { bytes[offset] = 0 }
            try Data(bytes).write(to: file)
            return
        }
    }
}
