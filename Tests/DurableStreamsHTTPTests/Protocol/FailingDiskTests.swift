import DurableStreams
@testable import DurableStreamsHTTP
import DurableStreamsWire
import Glibc
import SimulatedDisk
import Testing

/// What clients are told while the disk is full, or after it has failed.
@Suite(.timeLimit(.minutes(1))) struct FailingDiskTests {
    private let disk = SimulatedDisk(seed: 1, recordsTrace: false)
    private let type = [("Content-Type", "application/octet-stream")]

    /// Content that nothing makes room for: it does not get smaller when its segment is compressed.
    private let piece: [UInt8] = {
        var generator = SeededGenerator(seed: 1)
        return (0..<10_000).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }()

    private func failJournal() {
        disk.inject(DiskFault([.synchronize], pathFragment: "1.journal", isPermanent: true, errno: EIO))
    }

    private func expectToldToComeBack(_ response: TestResponse, _ comment: String) {
        #expect(response.status == 503, "\(comment): \(response)")
        #expect(response["Retry-After"].flatMap { Int($0) }.map { $0 > 0 } == true, "\(comment): \(response)")
        #expect(response["Cache-Control"] == "no-store", "\(comment)")
    }

    /// Appends until the answer is another one, and adds what was appended.
    private func fill(_ driver: ProtocolDriver, _ path: String, _ content: inout [UInt8]) async throws -> TestResponse {
        for _ in 0..<50 {
            let response = try await driver.send(.post, path, type, body: piece)
            guard response.status == 204 else { return response }
            content += piece
        }
        throw TestFailure("a full disk takes everything")
    }

    @Test func `on a full disk writes are 507, reads go on, and writes too once there is room`() async throws {
        let driver = try ProtocolDriver(disk: disk)
        var content = Array("first".utf8)
        _ = try await driver.send(.put, "a", type, body: content)
        disk.byteCountLimit = disk.usedByteCount
        let refused = try await fill(driver, "a", &content)
        #expect(refused.status == 507)
        #expect(refused["Cache-Control"] == "no-store")
        #expect(try await driver.send(.put, "b", type, body: piece).status == 507)
        #expect(try await driver.send(.head, "b").status == 404)
        let read = try await driver.send(.get, "a?offset=-1")
        #expect(read.status == 200 && read.body == content)
        #expect(try await driver.send(.get, "a?offset=-1&live=long-poll").body == content)

        disk.byteCountLimit = .max
        var response = refused
        for _ in 0..<2_000 where response.status == 507 {
            try await Task.sleep(for: .milliseconds(5))
            response = try await driver.send(.post, "a", type, body: piece)
        }
        #expect(response.status == 204)
        #expect(try await driver.send(.put, "b", type, body: piece).status == 201)
        #expect(try await driver.send(.get, "a?offset=-1").body == content + piece)
    }

    @Test func `after a failed sync every write is 503 with a time to come back, and reads go on`() async throws {
        let driver = try ProtocolDriver({ $0.longPollTimeoutMilliseconds = 50 }, disk: disk)
        _ = try await driver.send(.put, "a", type, body: Array("durable".utf8))
        failJournal()
        for round in 1...2 {
            let writes: [(ProtocolRequest.Method, String, [UInt8]?)] = [
                (.post, "a", piece), (.put, "b", nil), (.put, "b", piece), (.delete, "a", nil),
            ]
            for (method, path, body) in writes {
                expectToldToComeBack(
                    try await driver.send(method, path, type, body: body), "\(method) in round \(round)")
            }
            expectToldToComeBack(try await driver.send(.post, "a", [("Stream-Closed", "true")]), "closing")
        }
        let read = try await driver.send(.get, "a?offset=-1")
        #expect(read.status == 200 && read.text == "durable")
        #expect(read["Stream-Up-To-Date"] == "true" && read["Stream-Closed"] == nil)
        let end = OffsetToken(position: 7).description
        #expect(try await driver.send(.head, "a").nextOffset == end)
        #expect(try await driver.send(.head, "b").status == 404)
        #expect(try await driver.send(.get, "a?offset=now&live=long-poll").status == 204)
        let reader = try await driver.events("a?offset=-1&live=sse")
        try await reader.until("the control event") { $0.controls.last?.upToDate == true }
        #expect(reader.controls.last?.streamNextOffset == end)
        await reader.cancel()
    }

    @Test func `nobody sees what waits for a sync, and nobody ever does if the sync fails`() async throws {
        let driver = try ProtocolDriver(disk: disk)
        _ = try await driver.send(.put, "a", [("Content-Type", "text/plain")], text: "durable")
        _ = try await driver.send(.put, "c", type, body: Array("to stay".utf8))
        let waiting = await driver.begin(.get, "a?offset=now&live=long-poll")
        let reader = try await driver.events("a?offset=-1&live=sse")
        try await reader.until("what is durable") { $0.data == "durable" }

        disk.hold([.synchronize])
        let writes = [
            await driver.begin(.post, "a", [("Content-Type", "text/plain")], body: piece),
            await driver.begin(.put, "b", type, body: piece), await driver.begin(.delete, "c"),
            // A refusal, which rests on the create that is not durable.
            await driver.begin(.put, "b", [("Content-Type", "text/html")]),
        ]
        disk.waitUntilHeld()
        try await expectOnlyDurable(driver)
        #expect(writes.allSatisfy { !$0.isAnswered })

        failJournal()
        disk.letThrough()
        for (number, write) in writes.enumerated() {
            expectToldToComeBack(try await write.response(), "write \(number)")
        }
        try await expectOnlyDurable(driver)
        #expect(!waiting.isAnswered && reader.data == "durable")
        await waiting.cancel()
        await reader.cancel()
    }

    private func expectOnlyDurable(_ driver: ProtocolDriver) async throws {
        let read = try await driver.send(.get, "a?offset=-1")
        #expect(read.status == 200 && read.text == "durable")
        #expect(read["Stream-Up-To-Date"] == "true")
        #expect(read.nextOffset == OffsetToken(position: 7).description)
        #expect(try await driver.send(.get, "b").status == 404)
        #expect(try await driver.send(.head, "b").status == 404)
        #expect(try await driver.send(.get, "c").text == "to stay")
    }

    @Test func `what waited for a sync that succeeds is seen by all who waited`() async throws {
        let driver = try ProtocolDriver(disk: disk)
        try await driver.create("a", text: "one,")
        let waiting = await driver.begin(.get, "a?offset=now&live=long-poll")
        let reader = try await driver.events("a?offset=-1&live=sse")
        disk.hold([.synchronize])
        let write = await driver.begin(.post, "a", [("Content-Type", "text/plain")], body: Array("two".utf8))
        disk.waitUntilHeld()
        #expect(!write.isAnswered && !waiting.isAnswered)
        disk.letThrough()
        #expect(try await write.response().status == 204)
        #expect(try await waiting.response().text == "two")
        try await reader.until("both") { $0.data == "one,two" }
        await reader.cancel()
    }
}
