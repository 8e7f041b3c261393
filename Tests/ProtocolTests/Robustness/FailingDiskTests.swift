import DurableStreams
import Glibc
import SimulatedDisk
import Testing

extension BlackBox {
    /// Section 4, rows 503 and 507: a server on a disk that gets full, or fails.
    @Suite(.ownServerOnly, .timeLimit(.minutes(2))) struct `Failing disks` {
        private let disk = SimulatedDisk(seed: 1, recordsTrace: false)
        private let piece: [UInt8] = {
            // Nothing makes room for it: it does not get smaller when its segment is compressed.
            var generator = SeededGenerator(seed: 1)
            return generator.bytes(10_000)
        }()

        private var settings: ServerSettings {
            ServerSettings { [disk] in
                $0.store.fileSystem = disk
                $0.store.segmentByteCount = 64 << 10
            }
        }

        private func failJournal() {
            disk.inject(DiskFault([.synchronize], pathFragment: "1.journal", isPermanent: true, errno: EIO))
        }

        private func expectToldToComeBack(_ response: Response, _ comment: String) {
            expectStatus(response, 503, comment)
            let seconds = response.headers["Retry-After"].flatMap { Int($0) } ?? 0
            #expect(seconds > 0, "\(comment)\n\(response)")
            expectHeader(response, "Cache-Control", "no-store")
        }

        @Test func `On a full disk writes are 507, reads go on, and writes too once there is room`() async throws {
            try await withServer(settings) {
                let stream = try await TestStream.create("application/octet-stream", body: "first")
                disk.byteCountLimit = disk.usedByteCount
                var content = Array("first".utf8)
                var response = try await stream.append(.bytes(piece))
                for _ in 0..<50 where response.status == 204 {
                    content += piece
                    response = try await stream.append(.bytes(piece))
                }
                expectStatus(response, 507)
                expectHeader(response, "Cache-Control", "no-store")
                let other = try TestStream.unused("application/octet-stream")
                expectStatus(try await other.put(body: .bytes(piece)), 507)
                expectStatus(try await other.head(), 404)
                #expect(try await stream.readBytes() == content)
                #expect(try await stream.longPoll("-1").body == content)

                disk.byteCountLimit = .max
                let later = try await eventually({ $0.status != 507 }) { try await stream.append(.bytes(piece)) }
                expectStatus(later, 204)
                expectStatus(try await other.put(body: .bytes(piece)), 201)
                #expect(try await stream.readBytes() == content + piece)
            }
        }

        @Test func `After a failed sync writes are 503 with a time to come back, and reads go on`() async throws {
            try await withServer(settings) {
                let stream = try await TestStream.create(body: "durable")
                let other = try TestStream.unused()
                let tail = try await stream.tail()
                failJournal()
                for round in 1...2 {
                    expectToldToComeBack(try await stream.append("lost"), "POST in round \(round)")
                    expectToldToComeBack(try await other.put(body: "lost"), "PUT in round \(round)")
                    expectToldToComeBack(try await stream.delete(), "DELETE in round \(round)")
                    expectToldToComeBack(try await stream.closeStream(), "closing in round \(round)")
                }
                let read = try await stream.read()
                #expect(read.text == "durable" && read.isUpToDate && !read.isClosed, "\(read)")
                #expect(try await stream.tail() == tail)
                expectStatus(try await other.head(), 404)
                expectStatus(try await stream.longPoll("now"), 204)
                let events = try await stream.events("-1")
                let batch = try #require(try await events.nextBatch())
                #expect(batch.payloads == ["durable"] && batch.control.nextOffset == tail)
                await events.close()
            }
        }

        @Test func `What waits for a sync is seen by nobody, and never is if the sync fails`() async throws {
            try await withServer(settings) {
                let stream = try await TestStream.create(body: "durable")
                let other = try TestStream.unused()
                let tail = try await stream.tail()
                let events = try await stream.events("-1")
                #expect(try await events.nextBatch()?.payloads == ["durable"])
                disk.hold([.synchronize])
                async let append = stream.append("lost")
                async let create = other.put(body: "lost")
                disk.waitUntilHeld()
                // The reader is told again and again where the stream ends, meanwhile and afterwards.
                try await expectOnlyDurable(stream, other, tail, events)
                failJournal()
                disk.letThrough()
                expectToldToComeBack(try await append, "POST")
                expectToldToComeBack(try await create, "PUT")
                try await expectOnlyDurable(stream, other, tail, events)
                await events.close()
            }
        }

        private func expectOnlyDurable(
            _ stream: TestStream, _ other: TestStream, _ tail: String, _ events: EventSource
        ) async throws {
            #expect(try await stream.read().text == "durable")
            #expect(try await stream.tail() == tail)
            expectStatus(try await stream.longPoll("now"), 204)
            expectStatus(try await other.read(), 404)
            let batch = try #require(try await events.nextBatch())
            #expect(batch.payloads == [] && batch.control.nextOffset == tail)
        }
    }
}
