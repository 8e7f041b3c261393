import Foundation
import Testing

/// Each workload, shortly, on the real executable.
@Suite(.serialized) struct BenchCommandTests {
    static let short = ["--seconds", "0.3", "--warm-up-seconds", "0.1"]

    struct Outcome {
        var status: Int32
        var output: Data
        var errors: String

        func json() throws -> [String: Any] {
            try #require(try JSONSerialization.jsonObject(with: output) as? [String: Any], "\(errors)")
        }
    }

    /// Runs `durable-streams bench` in a directory of its own, which has to be empty again afterwards.
    static func bench(_ arguments: [String]) throws -> Outcome {
        let directory = FileManager.default.temporaryDirectory.appending(path: "bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let process = Process()
        process.executableURL = try executable()
        process.arguments = ["bench"] + arguments
        process.currentDirectoryURL = directory
        let (output, errors) = (Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        try process.run()
        let outputBytes = output.fileHandleForReading.readDataToEndOfFile()
        let errorBytes = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.path).isEmpty)
        return Outcome(
            status: process.terminationStatus, output: outputBytes, errors: String(decoding: errorBytes, as: UTF8.self))
    }

    private static func executable() throws -> URL {
        // Beside the bundle of the tests, in the build directory.
        let bundle = URL(filePath: CommandLine.arguments[0]).resolvingSymlinksInPath()
        let candidates = [bundle.deletingLastPathComponent(), Bundle.main.bundleURL]
        let found = candidates.map { $0.appending(path: "durable-streams") }
            .first { FileManager.default.isExecutableFile(atPath: $0.path) }
        return try #require(found, "no executable beside \(bundle.path)")
    }

    @Test(arguments: [
        (["append", "--connections", "8"], "requests", "latencyP50Microseconds"),
        (["append", "--connections", "4", "--streams", "10", "--producers"], "requests", "latencyP99Microseconds"),
        (["append", "--connections", "4", "--json-batch", "10", "--threads", "2"], "messagesPerSecond", "requests"),
        (["create", "--count", "200"], "requests", "serverMicrosecondsPerRequest"),
        (["read", "--streams", "3"], "requests", "serverMicrosecondsPerRequest"),
        (["head"], "requests", "latencyP99_9Microseconds"),
        (["tail"], "requests", "latencyMaximumMicroseconds"),
        (["catch-up", "--bytes", "3000000"], "megabytesPerSecond", "serverMillisecondsPerMegabyte"),
        (["long-poll"], "roundTrips", "deliveryP50Microseconds"),
        (["sse", "--connections", "3"], "roundTrips", "deliveryP50Microseconds"),
        (["fan-out", "--readers", "30", "--rate", "50", "--threads", "2"], "deliveries", "deliveryP99Microseconds"),
        (["fan-out", "--readers", "30", "--rate", "50", "--mode", "long-poll"], "deliveries", "appendP50Microseconds"),
        (["fan-out", "--readers", "30", "--rate", "50", "--binary"], "deliveries", "deliveryP50Microseconds"),
        (["append", "--rate", "200", "--connections", "8"], "requests", "latencyP50Microseconds"),
        (["mixed"], "quietAppendsPerSecond", "loadedAppendP99Microseconds"),
        (
            ["mixed", "--rate", "200", "--catch-up-bytes", "3000000"], "quietAppendsPerSecond",
            "loadedAppendP99Microseconds"
        ),
        (["duplicate"], "requests", "latencyP50Microseconds"),
    ])
    func `A workload finds no errors and plausible figures`(arguments: [String], first: String, second: String) throws {
        let outcome = try Self.bench(arguments + Self.short + ["--json", "-", "--", "--durability", "none"])
        let json = try outcome.json()
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(json["errors"] as? Int == 0, "\(json)")
        for key in [first, second] {
            let value = try #require(json[key] as? Double, "\(json)")
            #expect(value > 0 || key.hasPrefix("server"), "\(key)")
        }
        if let median = json["latencyP50Microseconds"] as? Double {
            let late = try #require(json["latencyP99Microseconds"] as? Double)
            #expect(median > 5 && median <= late && late < 1e7)
        }
        #expect(try #require(json["serverMemoryAfterMebibytes"] as? Double) > 0.5)
    }

    @Test(arguments: [[], ["--mode", "sse"], ["--mode", "long-poll"]])
    func `Idle connections have a price in memory`(mode: [String]) throws {
        let outcome = try Self.bench(["idle", "--connections", "200", "--json", "-"] + mode + Self.short)
        #expect(outcome.status == 0, "\(outcome.errors)")
        let bytes = try #require(try outcome.json()["serverMemoryBytesPerConnection"] as? Double)
        #expect(bytes > 500 && bytes < 200_000)
    }

    @Test func `A server that is killed and started again has everything`() throws {
        let outcome = try Self.bench(["restart", "--streams", "50", "--json", "-"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(try #require(try outcome.json()["firstAnswerMilliseconds"] as? Double) > 0)
    }

    @Test func `A fan-out delivers at its rate, whatever the server does`() throws {
        let arguments = ["fan-out", "--readers", "10", "--rate", "100", "--seconds", "1", "--warm-up-seconds", "0.1"]
        let json = try Self.bench(arguments + ["--json", "-", "--", "--durability", "none"]).json()
        let deliveries = try #require(json["deliveries"] as? Double)
        #expect(deliveries > 500 && deliveries < 1_500, "\(json)")
    }

    @Test func `A connection that a server has closed between two requests is opened anew`() throws {
        let arguments = ["mixed", "--rate", "2", "--connections", "4", "--catch-up-readers", "0", "--json", "-"]
        let outcome = try Self.bench(arguments + ["--seconds", "2.5", "--", "--idle-timeout-ms", "1000"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        #expect(try #require(try outcome.json()["reconnections"] as? Double) > 0)
    }

    @Test func `Appends at a rate come at that rate`() throws {
        let arguments = ["append", "--connections", "8", "--rate", "400", "--seconds", "1", "--warm-up-seconds", "0.1"]
        let json = try Self.bench(arguments + ["--json", "-", "--", "--durability", "none"]).json()
        let requests = try #require(json["requests"] as? Double)
        #expect(requests > 200 && requests < 600, "\(json)")
    }

    @Test func `A server that answers wrong makes the exit status 1, and is told in words`() throws {
        let server = FaultyServer(.loses)
        defer { server.stop() }
        let outcome = try Self.bench(["append", "--url", server.url] + Self.short)
        #expect(outcome.status == 1)
        #expect(outcome.errors.contains("error: "))
        #expect(outcome.errors.contains("was due"), "\(outcome.errors)")
    }

    @Test(arguments: [
        ["append", "--bytes", "10"], ["append", "--connections", "0"], ["fan-out", "--mode", "pigeon"],
        ["read", "--url", "http://127.0.0.1:4437", "--", "--durability", "none"], ["append", "--pid", "1"],
    ])
    func `What makes no sense is refused before anything is started`(arguments: [String]) throws {
        let outcome = try Self.bench(arguments)
        #expect(outcome.status == 64, "\(outcome.errors)")
        #expect(outcome.output.isEmpty)
    }

    @Test func `A server that can't be started or reached is the exit status 2`() throws {
        #expect(try Self.bench(["append", "--url", "http://127.0.0.1:1/v1/stream"]).status == 2)
        #expect(try Self.bench(["append", "--", "--no-such-option"]).status == 2)
    }
}
