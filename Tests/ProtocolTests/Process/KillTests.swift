import Foundation
import Synchronization
import Testing

/// The real server under load, killed at a random moment, started again, and held to what it told its clients.
///
/// The moments follow from a seed, another one in every run, which is printed: `DURABLE_STREAMS_TEST_SEED=<seed>` has the
/// same ones once more. What the server had done by then is up to the machine.
@Suite(.ownServerOnly) struct KillTests {
    static let writerCount = 8

    private static func seed() -> UInt64 {
        ProcessInfo.processInfo.environment["DURABLE_STREAMS_TEST_SEED"].flatMap { UInt64($0) } ?? .random(in: 0 ... .max)
    }

    @Test func `What was acknowledged before a SIGKILL is there once and in order, and nothing is torn`() async throws {
        let directory = ServerProgram.temporaryDirectory()
        defer { try? FileManager.default.removeItem(at: directory) }
        var history = KillHistory(writerCount: Self.writerCount)
        let seed = Self.seed()
        print("DURABLE_STREAMS_TEST_SEED=\(seed) for the moments of the kills")
        var random = SeededGenerator(seed: seed)
        for round in 0..<20 {
            // Small segments, so that rounds also end in the middle of a change of segments.
            let server = try await ServerProgram(directory: directory, arguments: ["--segment-bytes", "262144"])
            try await history.check(at: server.endpoint, round: round)
            let milliseconds = 20 + Int(random.next() % 300)
            history = try await withThrowingTaskGroup(of: WriterLog.self) { group in
                for writer in history.writers {
                    group.addTask { await writer.write(to: server.endpoint, round: round) }
                }
                try await Task.sleep(for: .milliseconds(milliseconds))
                await server.kill()
                var next = history
                for try await log in group { next.writers[log.number] = log }
                return next
            }
        }
        let server = try await ServerProgram(directory: directory)
        try await history.check(at: server.endpoint, round: 20)
        #expect(history.writers.allSatisfy { $0.acknowledgedCount > 0 })
        #expect(await server.terminate() == 0)
    }
}

/// What all writers know.
private struct KillHistory {
    var writers: [WriterLog]

    init(writerCount: Int) { writers = (0..<writerCount).map { WriterLog(number: $0) } }

    /// Compares what the server has with what it said, and takes over what it has beyond that.
    mutating func check(at endpoint: Endpoint, round: Int) async throws {
        let connection = try await Connection(to: endpoint)
        let shared = try await Self.lines(of: "shared", connection)
        for index in writers.indices {
            let own = try await Self.lines(of: "own-\(index)", connection)
            let mine = shared.filter { $0.hasPrefix("w\(index)-") }
            try writers[index].check(own: own, shared: mine, round: round)
            for mark in writers[index].marks {
                let response = try await connection.exchange(
                    Request("GET", "\(endpoint.basePath)\(mark.path)?offset=\(mark.offset)"))
                #expect(response.status == 200, "an offset of round \(round) is not valid any more")
            }
            for path in writers[index].closed {
                let head = try await connection.exchange(Request("HEAD", endpoint.basePath + path))
                #expect(head.status == 200 && head.isClosed, "\(path) was closed, in round \(round)")
            }
            for path in writers[index].deleted {
                let head = try await connection.exchange(Request("HEAD", endpoint.basePath + path))
                #expect(head.status == 404, "\(path) was deleted, in round \(round)")
            }
        }
        await connection.close()
    }

    private static func lines(of path: String, _ connection: Connection) async throws -> [String] {
        var text: [UInt8] = []
        var offset = "-1"
        while true {
            let response = try await connection.exchange(Request("GET", "/v1/stream/\(path)?offset=\(offset)"))
            if response.status == 404 { return [] }
            try #require(response.status == 200)
            text += response.body
            offset = try #require(response.nextOffset)
            if response.isUpToDate { break }
        }
        #expect(text.isEmpty || text.last == 0x0A, "a fragment at the end of \(path)")
        return text.split(separator: 0x0A).map { String(decoding: $0, as: UTF8.self) }
    }
}

/// One writer: it appends numbered lines, each to a stream of its own and to one that all share, one at a time.
private struct WriterLog {
    struct Mark { var path: String, offset: String }

    let number: Int
    /// Lines that the server has said are there, in each of the two streams.
    var own = 0
    var shared = 0
    /// The line that was on its way when the server died, if it may be there.
    var marks: [Mark] = []
    var closed: [String] = []
    var deleted: [String] = []

    var acknowledgedCount: Int { own + shared }

    mutating func check(own ownLines: [String], shared sharedLines: [String], round: Int) throws {
        for (lines, acknowledged) in [(ownLines, own), (sharedLines, shared)] {
            #expect(lines.count >= acknowledged, "an acknowledged line is lost in round \(round)")
            #expect(lines.count <= acknowledged + 1, "a line is there twice in round \(round)")
            for (index, line) in lines.enumerated() where line != Self.line(number, index) {
                Issue.record("line \(index) of writer \(number) is \(line) in round \(round)")
            }
        }
        own = ownLines.count
        shared = sharedLines.count
    }

    private static func line(_ writer: Int, _ index: Int) -> String {
        "w\(writer)-\(index)-" + String(repeating: "x", count: index % 300)
    }

    /// Works until the server is gone.
    func write(to endpoint: Endpoint, round: Int) async -> WriterLog {
        var log = self
        do {
            let connection = try await Connection(to: endpoint)
            for path in ["own-\(number)", "shared"] { try await log.create(path, connection) }
            while true {
                let ownOffset = try await log.append(Self.line(number, log.own), to: "own-\(number)", connection)
                log.own += 1
                if log.own % 50 == 0 { log.marks.append(Mark(path: "own-\(number)", offset: ownOffset)) }
                let sharedOffset = try await log.append(Self.line(number, log.shared), to: "shared", connection)
                log.shared += 1
                if log.shared % 50 == 0 { log.marks.append(Mark(path: "shared", offset: sharedOffset)) }
                if log.own % 20 == 10 { try await log.closeOne("closed-\(number)-\(round)-\(log.own)", connection) }
                if log.own % 20 == 0 { try await log.deleteOne("deleted-\(number)-\(round)-\(log.own)", connection) }
            }
        } catch {
            return log
        }
    }

    private func create(_ path: String, _ connection: Connection) async throws {
        let response = try await connection.exchange(
            Request("PUT", "/v1/stream/\(path)", ["Content-Type": "text/plain"]))
        guard response.status == 201 || response.status == 200 else { throw ClientError.malformed("\(response)") }
    }

    private func append(_ line: String, to path: String, _ connection: Connection) async throws -> String {
        let response = try await connection.exchange(
            Request("POST", "/v1/stream/\(path)", ["Content-Type": "text/plain"], body: .text(line + "\n")))
        guard response.status == 204, let offset = response.nextOffset else { throw ClientError.malformed("\(response)") }
        return offset
    }

    private mutating func closeOne(_ path: String, _ connection: Connection) async throws {
        try await create(path, connection)
        let response = try await connection.exchange(
            Request("POST", "/v1/stream/\(path)", ["Content-Type": "text/plain", "Stream-Closed": "true"], body: "end\n"))
        guard response.status == 204 else { throw ClientError.malformed("\(response)") }
        closed.append(path)
    }

    private mutating func deleteOne(_ path: String, _ connection: Connection) async throws {
        try await create(path, connection)
        let response = try await connection.exchange(Request("DELETE", "/v1/stream/\(path)"))
        guard response.status == 204 else { throw ClientError.malformed("\(response)") }
        deleted.append(path)
    }
}
