import Foundation
import Glibc
import Testing

/// The real executable, in a process of its own, on a directory that outlives it.
final class ServerProgram: @unchecked Sendable {
    let endpoint: Endpoint
    let directory: URL
    private let process = Process()

    /// Starts it and waits until it answers.
    init(directory: URL, arguments: [String] = []) async throws {
        self.directory = directory
        let port = try Self.freePort()
        endpoint = Endpoint(host: "127.0.0.1", port: port, basePath: "/v1/stream/")
        process.executableURL = try Self.executable()
        // More than one event loop, as in ``PackagedServer``.
        process.arguments =
            ["serve", "--port", "\(port)", "--data-dir", directory.path, "--log-level", "error", "--threads", "2"]
            + arguments
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let deadline = ContinuousClock.now + .generous
        while true {
            if let connection = try? await Connection(to: endpoint), let health = try? await connection.exchange(Request("GET", "/healthz")),
                health.status == 200
            {
                await connection.close()
                return
            }
            try #require(process.isRunning, "the server has ended with status \(process.terminationStatus)")
            try #require(ContinuousClock.now < deadline, "the server does not answer")
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// A test that fails must not leave its server behind, which would also keep the output of the tests open.
    deinit {
        if process.isRunning { Glibc.kill(process.processIdentifier, SIGKILL) }
    }

    static func temporaryDirectory() -> URL {
        FileManager.default.temporaryDirectory.appending(path: "server-program-\(UUID().uuidString)")
    }

    /// As if the machine took the process away: SIGKILL, and no time for anything.
    func kill() async {
        Glibc.kill(process.processIdentifier, SIGKILL)
        await ended()
    }

    /// Asks it to end, and returns its exit status.
    func terminate() async -> Int32 {
        Glibc.kill(process.processIdentifier, SIGTERM)
        await ended()
        return process.terminationStatus
    }

    private func ended() async {
        while process.isRunning { try? await Task.sleep(for: .milliseconds(5)) }
    }

    /// The memory that the process has in RAM, in bytes.
    var residentByteCount: Int {
        get throws {
            let text = try String(contentsOfFile: "/proc/\(process.processIdentifier)/statm", encoding: .utf8)
            let pages = try #require(text.split(separator: " ").dropFirst().first.flatMap { Int($0) })
            return pages * Int(getpagesize())
        }
    }

    /// The memory that is the process's own: without the pages of mapped files.
    var anonymousByteCount: Int {
        get throws {
            let text = try String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
            let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("RssAnon:") })
            let words = line.split(whereSeparator: \.isWhitespace)
            return try #require(words.dropFirst().first.flatMap { Int($0) }) * 1_024
        }
    }

    /// Open files, sockets and the like.
    var descriptorCount: Int {
        get throws {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process.processIdentifier)/fd").count
        }
    }

    private static func executable() throws -> URL {
        // Beside the bundle of the tests, in the build directory.
        let bundle = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        let candidates = [bundle.deletingLastPathComponent(), Bundle.main.bundleURL]
        let found = candidates.map { $0.appending(path: "durable-streams") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
        return try #require(found, "no executable beside \(bundle.path)")
    }

    static func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { raw in
                bind(descriptor, raw, size) == 0 && getsockname(descriptor, raw, &size) == 0
            }
        }
        try #require(isBound, "no free port")
        return UInt16(bigEndian: address.sin_port)
    }
}

/// Runs the real program for one test, in a directory of its own.
func withServerProgram(
    _ arguments: [String] = [],
    _ body: (ServerProgram) async throws -> Void
) async throws {
    let directory = ServerProgram.temporaryDirectory()
    defer { try? FileManager.default.removeItem(at: directory) }
    let server = try await ServerProgram(directory: directory, arguments: arguments)
    do {
        try await Endpoint.$running.withValue(server.endpoint) { try await body(server) }
    } catch {
        await server.kill()
        throw error
    }
    #expect(await server.terminate() == 0)
}
