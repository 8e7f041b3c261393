import Foundation
import Testing

/// Half an hour of mixed load on the real server, with small segments, so that it seals and merges all the time, and
/// with a SIGKILL now and then: nothing is lost or there twice, and neither memory nor files pile up.
///
///     DURABLE_STREAMS_SOAK_MINUTES=30 swift test --filter SoakTests
///
/// `DURABLE_STREAMS_SOAK_KILLS` says how often the server is killed in that time (50).
@Suite(.ownServerOnly) struct SoakTests {
    static let writerCount = 8

    @Test func `Hours of appends, reads, deletions and kills lose nothing and leave nothing behind`() async throws {
        guard let minutes = ProcessInfo.processInfo.environment["DURABLE_STREAMS_SOAK_MINUTES"].flatMap(Double.init)
        else {
            print("skipped: set DURABLE_STREAMS_SOAK_MINUTES to soak")
            return
        }
        let killCount = ProcessInfo.processInfo.environment["DURABLE_STREAMS_SOAK_KILLS"].flatMap(Int.init) ?? 50
        let directory = ServerProgram.temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        var writers = (0..<Self.writerCount).map { SoakWriter(number: $0) }
        var samples: [SoakSample] = []
        for round in 0...killCount {
            let server = try await ServerProgram(directory: directory, arguments: ["--segment-bytes", "1048576"])
            try await withThrowingTaskGroup(of: SoakWriter.self) { group in
                for writer in writers { group.addTask { try await writer.work(at: server.endpoint, round: round) } }
                try await Task.sleep(for: .seconds(minutes * 60 / Double(killCount + 1)))
                samples.append(try SoakSample(server))
                await server.kill()
                for try await writer in group { writers[writer.number] = writer }
            }
            print("round \(round): \(writers.reduce(0) { $0 + $1.appendCount }) appends, \(samples[round])")
        }
        let server = try await ServerProgram(directory: directory, arguments: ["--segment-bytes", "1048576"])
        for writer in writers { try await writer.check(at: server.endpoint) }
        #expect(await server.terminate() == 0)
        try Self.expectFlat(samples)
    }

    /// Compares the last third with the first, after some rounds to fill caches and pools.
    private static func expectFlat(_ samples: [SoakSample]) throws {
        let settled = samples.dropFirst(3)
        guard settled.count >= 9 else { return }
        let early = settled.prefix(settled.count / 3)
        let late = settled.suffix(settled.count / 3)
        func most(_ samples: ArraySlice<SoakSample>, _ value: (SoakSample) -> Int) -> Int {
            samples.map(value).max() ?? 0
        }
        #expect(most(late, \.memoryByteCount) <= most(early, \.memoryByteCount) * 3 / 2 + (16 << 20))
        #expect(most(late, \.descriptorCount) <= most(early, \.descriptorCount) + 8)
        #expect(most(late, \.fileCount) <= most(early, \.fileCount) * 2 + 8)
        #expect(most(late, \.diskByteCount) <= most(early, \.diskByteCount) * 2 + (32 << 20))
    }
}

private struct SoakSample: CustomStringConvertible {
    var memoryByteCount: Int
    var descriptorCount: Int
    var fileCount: Int
    var diskByteCount = 0

    init(_ server: ServerProgram) throws {
        memoryByteCount = try server.anonymousByteCount
        descriptorCount = try server.descriptorCount
        let files = try FileManager.default.contentsOfDirectory(
            at: server.directory, includingPropertiesForKeys: [.fileSizeKey])
        fileCount = files.count
        for file in files { diskByteCount += (try? file.resourceValues(forKeys: [.fileSizeKey]).fileSize) ?? 0 }
    }

    var description: String {
        "memory \(memoryByteCount >> 20) MiB, \(descriptorCount) descriptors, \(fileCount) files, \(diskByteCount >> 20) MiB"
    }
}

/// Appends numbered lines as an idempotent producer to a stream of its own, a new one each round, reads back what is
/// there, and deletes the streams of rounds long ago.
private struct SoakWriter {
    private static let keptStreamCount = 3

    let number: Int
    private(set) var appendCount = 0
    /// Lines that are acknowledged, by the round of their stream.
    private var lineCounts: [Int: Int] = [:]
    /// Streams whose deletion was acknowledged; those on their way are in neither.
    private var deletedRounds: [Int] = []
    /// An append whose answer never came: sent again, with the same number, to the next server.
    private var unanswered: (round: Int, line: Int)?

    init(number: Int) { self.number = number }

    private func path(_ round: Int) -> String { "/v1/stream/soak/\(number)/\(round)" }

    private func text(_ round: Int, _ line: Int) -> String {
        let words = ["stream ", "offset ", "append ", "durable ", "commit "]
        let word = words[(line &* 7 &+ number) % words.count]
        return "w\(number) r\(round) l\(line) " + String(repeating: word, count: (line &* 13) % 90) + "\n"
    }

    /// Works until the server is gone.
    func work(at endpoint: Endpoint, round: Int) async throws -> SoakWriter {
        var writer = self
        let connection = try await Connection(to: endpoint)
        try await writer.settle(connection)
        for known in writer.lineCounts.keys { try await writer.compare(known, connection) }
        do {
            try await writer.create(round, connection)
            for old in writer.lineCounts.keys.sorted().dropLast(Self.keptStreamCount) {
                writer.lineCounts[old] = nil
                let response = try await connection.exchange(Request("DELETE", writer.path(old)))
                try #require(response.status == 204)
                writer.deletedRounds.append(old)
            }
            while true {
                try await writer.append(round, connection)
                if writer.appendCount % 500 == 0 { try await writer.compare(round, connection) }
            }
        } catch let error where !(error is ExpectationFailedError) {
            return writer
        }
    }

    /// After a restart: what was on its way is sent again, and is there once, whether it had arrived or not.
    private mutating func settle(_ connection: Connection) async throws {
        guard let (round, line) = unanswered else { return }
        let response = try await send(round, line, connection)
        #expect(response.status == 200 || response.status == 204, "a retry is answered with \(response.status)")
        lineCounts[round] = line + 1
        unanswered = nil
    }

    private mutating func create(_ round: Int, _ connection: Connection) async throws {
        let response = try await connection.exchange(Request("PUT", path(round), ["Content-Type": "text/plain"]))
        try #require(response.status == 201 || response.status == 200)
        lineCounts[round] = 0
    }

    private mutating func append(_ round: Int, _ connection: Connection) async throws {
        let line = lineCounts[round] ?? 0
        unanswered = (round, line)
        let response = try await send(round, line, connection)
        try #require(response.status == 200, "an append is answered with \(response.status)")
        unanswered = nil
        lineCounts[round] = line + 1
        appendCount += 1
    }

    private func send(_ round: Int, _ line: Int, _ connection: Connection) async throws -> Response {
        try await connection.exchange(
            Request(
                "POST", path(round),
                [
                    "Content-Type": "text/plain", "Producer-Id": "writer-\(number)", "Producer-Epoch": "0",
                    "Producer-Seq": "\(line)",
                ], body: .text(text(round, line))))
    }

    func check(at endpoint: Endpoint) async throws {
        var writer = self
        let connection = try await Connection(to: endpoint)
        try await writer.settle(connection)
        for round in writer.lineCounts.keys { try await writer.compare(round, connection) }
        for round in deletedRounds {
            let response = try await connection.exchange(Request("HEAD", path(round)))
            #expect(response.status == 404, "\(path(round)) was deleted")
        }
        await connection.close()
    }

    /// Reads all of a stream, which is exactly what was acknowledged.
    private func compare(_ round: Int, _ connection: Connection) async throws {
        var bytes: [UInt8] = []
        var offset = "-1"
        while true {
            let response = try await connection.exchange(Request("GET", "\(path(round))?offset=\(offset)"))
            try #require(response.status == 200)
            bytes += response.body
            offset = try #require(response.nextOffset)
            if response.isUpToDate { break }
        }
        var expected: [UInt8] = []
        for line in 0..<(lineCounts[round] ?? 0) { expected += Array(text(round, line).utf8) }
        #expect(bytes == expected, "\(path(round)) has \(bytes.count) bytes instead of \(expected.count)")
    }
}
