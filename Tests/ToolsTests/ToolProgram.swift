import Foundation
import Testing

/// The real executable, run once to its end.
struct ToolProgram {
    var status: Int32
    var output: Data
    var errors: String

    var text: String { String(decoding: output, as: UTF8.self) }

    /// What it printed as JSON.
    func json() throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: output) as? [String: Any])
    }

    static func run(_ arguments: String..., input: Data = Data()) throws -> ToolProgram {
        let directory = try TemporaryDirectory()
        let inputFile = directory.url.appending(path: "in")
        let outputFile = directory.url.appending(path: "out")
        let errorFile = directory.url.appending(path: "err")
        try input.write(to: inputFile)
        try Data().write(to: outputFile)
        try Data().write(to: errorFile)
        let process = Process()
        process.executableURL = try executable()
        process.arguments = arguments
        process.standardInput = try FileHandle(forReadingFrom: inputFile)
        process.standardOutput = try FileHandle(forWritingTo: outputFile)
        process.standardError = try FileHandle(forWritingTo: errorFile)
        try process.run()
        process.waitUntilExit()
        return ToolProgram(
            status: process.terminationStatus, output: try Data(contentsOf: outputFile),
            errors: try String(contentsOf: errorFile, encoding: .utf8))
    }

    static func executable() throws -> URL {
        // Beside the bundle of the tests, in the build directory.
        let bundle = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        let candidates = [bundle.deletingLastPathComponent(), Bundle.main.bundleURL]
        let found = candidates.map { $0.appending(path: "durable-streams") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
        return try #require(found, "no executable beside \(bundle.path)")
    }
}

/// A directory of its own, gone with the object.
final class TemporaryDirectory {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appending(path: "tools-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func path(_ name: String) -> String { url.appending(path: name).path }
}
