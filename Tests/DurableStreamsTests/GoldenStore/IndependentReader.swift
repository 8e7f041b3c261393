import Foundation
import SegmentedLog

@testable import DurableStreams

/// `Tests/FormatReader/read_store.py --records`: a reader of streams that was written from `format-spec.md` and shares
/// nothing with the store.
enum IndependentReader {
    /// Whether there is a Python, and its package `lz4`.
    static let isAvailable = (try? run(["--help"]))?.status == 0

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// All streams of the store in a directory, by number, those too that only live for their forks.
    static func read(_ directory: URL) throws -> [UInt64: ReadStream] {
        let extracted = FileManager.default.temporaryDirectory.appending(path: "streams-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: extracted, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: extracted) }
        let (status, output) = try run([directory.path, "--records", "--extract", extracted.path])
        guard status == 0 else {
            throw Failure(description: "status \(status): \(String(decoding: output, as: UTF8.self))")
        }
        var streams: [UInt64: ReadStream] = [:]
        for line in output.split(separator: UInt8(ascii: "\n")) {
            var stream = try JSONDecoder().decode(ReadStream.self, from: Data(line))
            stream.content = [UInt8](try Data(contentsOf: extracted.appending(path: "\(stream.number)")))
            streams[stream.number] = stream
        }
        return streams
    }

    private static func run(_ arguments: [String]) throws -> (status: Int32, output: Data) {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", tests.appending(path: "FormatReader/read_store.py").path] + arguments
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let output = pipe.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return (process.terminationStatus, output)
    }
}

/// What a reader says of one stream, be it the independent one or the store.
struct ReadStream: Equatable, Decodable {
    struct Stamp: Equatable, Decodable {
        var identifier: String
        var epoch: UInt64
        var sequence: UInt64
    }

    struct LifetimeText: Equatable, Decodable {
        var seconds: UInt64?
        var until: Int64?
        var text: String?
    }

    struct RetentionLimits: Equatable, Decodable {
        var ageSeconds: UInt64?
        var byteCount: UInt64?
    }

    struct Fork: Equatable, Decodable {
        var source: UInt64
        var start: UInt64
        var offset: UInt64
        var subOffset: UInt64
        var divergence: UInt64
        var inheritsLifetime: Bool
        var sourcePath: String
    }

    var number: UInt64
    var path: String
    var contentType: String
    var createdAt: Int64
    var lifetime: LifetimeText?
    var retention: RetentionLimits?
    var fork: Fork?
    var closed: Bool
    var softlyDeleted: Bool
    var sequence: String?
    /// By rising identifier.
    var producers: [Stamp]
    var closedBy: Stamp?
    var earliest: UInt64
    var tail: UInt64
    /// From the earliest position to the tail; not part of the line.
    var content: [UInt8] = []

    private enum CodingKeys: String, CodingKey {
        case number, path, contentType, createdAt, lifetime, retention, fork, closed, softlyDeleted, sequence, producers
        case closedBy, earliest, tail
    }

    /// What an open store has.
    init(_ stream: DurableStreams.Stream) throws {
        number = stream.number.rawValue
        path = stream.path.text
        contentType = stream.contentType.text
        createdAt = stream.createdAt.millisecondsSince1970
        switch stream.lifetime {
        case nil: break
        case .sliding(let seconds): lifetime = LifetimeText(seconds: seconds)
        case .until(let time, let text): lifetime = LifetimeText(until: time.millisecondsSince1970, text: text)
        }
        retention = stream.configuration.retention.map {
            RetentionLimits(ageSeconds: $0.ageLimitSeconds, byteCount: $0.byteCountLimit)
        }
        fork = stream.configuration.fork.map { fork in
            Fork(
                source: fork.row.source.rawValue, start: fork.row.start.rawValue, offset: fork.row.offset.rawValue,
                subOffset: fork.row.subOffset, divergence: fork.row.divergence.rawValue,
                inheritsLifetime: fork.row.inheritsLifetime, sourcePath: fork.row.sourcePath.text)
        }
        let writer = stream.withState { $0.writer }
        closed = writer.isClosed
        softlyDeleted = stream.withState { $0.isDeletedSoftly }
        sequence = writer.lastSequence
        producers = writer.producers.sorted { $0.key < $1.key }.map {
            Stamp(identifier: $0.key.text, epoch: $0.value.epoch, sequence: $0.value.sequence)
        }
        closedBy = writer.closedBy.map { Stamp(identifier: $0.identifier, epoch: $0.epoch, sequence: $0.sequence) }
        earliest = stream.earliest.rawValue
        tail = stream.snapshot.tail.rawValue
        var position = stream.earliest
        while position < stream.snapshot.tail {
            // What is only kept for forks, too.
            let read = try stream.plan(from: position, upTo: stream.snapshot.tail, byteLimit: 1 << 20)
            content += try read.bytes()
            position = read.end
        }
    }
}
