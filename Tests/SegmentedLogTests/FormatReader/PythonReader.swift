import Foundation

/// `Tests/FormatReader/read_store.py`: a reader of stores that was written from `format-spec.md` and shares nothing with
/// the engine.
enum PythonReader {
    /// Whether there is a Python, and its package `lz4`.
    static let isAvailable = (try? run(["--help"]))?.status == 0

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// All streams of the store in a directory; nil if it is corrupt.
    static func read(_ directory: URL) throws -> [UInt64: ReadStream]? {
        let extracted = try TemporaryDirectory()
        let (status, output, errors) = try run([directory.path, "--extract", extracted.url.path])
        if status == 1, errors.hasPrefix("corrupt: ") { return nil }
        guard status == 0 else { throw Failure(description: "status \(status): \(errors)") }
        var streams: [UInt64: ReadStream] = [:]
        for line in output.split(separator: UInt8(ascii: "\n")) {
            let found = try JSONDecoder().decode(Line.self, from: Data(line))
            let bytes = try Data(contentsOf: extracted.url.appending(path: "\(found.number)"))
            streams[found.number] = ReadStream(
                start: found.start, tail: found.tail, newestCommitAt: found.time,
                row: found.row.map(SegmentedLogTests.bytes(hexadecimal:)),
                entries: found.entries.map {
                    ReadStream.Entry(
                        kind: $0.kind, position: $0.position,
                        annotation: SegmentedLogTests.bytes(hexadecimal: $0.annotation))
                },
                content: ComparableBytes(bytes: [UInt8](bytes)))
        }
        return streams
    }

    /// What `--bytes` writes.
    static func bytes(ofStream number: UInt64, in directory: URL) throws -> [UInt8] {
        let (status, output, errors) = try run([directory.path, "--bytes", "\(number)"])
        guard status == 0 else { throw Failure(description: "status \(status): \(errors)") }
        return [UInt8](output)
    }

    /// A stream as a line of the output describes it.
    private struct Line: Decodable {
        var number: UInt64
        var start: UInt64
        var tail: UInt64
        var time: Int64
        var row: String?
        var entries: [Entry]

        struct Entry: Decodable {
            var kind: String
            var position: UInt64
            var annotation: String
        }
    }

    private static func run(_ arguments: [String]) throws -> (status: Int32, output: Data, errors: String) {
        let tests = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..").standardized
        let results = try TemporaryDirectory()
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", tests.appending(path: "FormatReader/read_store.py").path] + arguments
        process.standardOutput = try results.file("output")
        process.standardError = try results.file("errors")
        try process.run()
        process.waitUntilExit()
        return (
            process.terminationStatus, try Data(contentsOf: results.url.appending(path: "output")),
            try String(contentsOf: results.url.appending(path: "errors"), encoding: .utf8)
        )
    }
}

/// What a reader says of one stream, be it this one or the engine.
struct ReadStream: Equatable {
    struct Entry: Equatable {
        var kind: String
        var position: UInt64
        var annotation: [UInt8]
    }

    var start: UInt64
    var tail: UInt64
    /// In milliseconds since 1970.
    var newestCommitAt: Int64
    /// Of the newest sealed segment that has one.
    var row: [UInt8]?
    /// Those in the journal.
    var entries: [Entry]
    /// From the start to the tail.
    var content = ComparableBytes()
}

/// A directory that goes away with the object.
final class TemporaryDirectory: Sendable {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "segmented-log-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    /// A copy of a directory with nothing in it but files.
    convenience init(copyOf directory: URL) throws {
        try self.init()
        for name in try FileManager.default.contentsOfDirectory(atPath: directory.path) {
            try FileManager.default.copyItem(at: directory.appending(path: name), to: url.appending(path: name))
        }
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    /// A new file, open for writing.
    func file(_ name: String) throws -> FileHandle {
        let file = url.appending(path: name)
        try Data().write(to: file)
        return try FileHandle(forWritingTo: file)
    }
}
