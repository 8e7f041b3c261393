import DurableStreams
import Testing

extension BlackBox {
    /// Section 1.1: reads of streams whose beginning is not kept.
    @Suite(.ownServerOnly, .timeLimit(.minutes(2))) struct `Kept ranges` {
        @Test func `Before the last bytes that are kept it is 410, however it is read`() async throws {
            let settings = ServerSettings {
                $0.store.retention = Retention(byteCountLimit: 40_000)
                $0.store.expirySweepMilliseconds = 5
            }
            try await withServer(settings) {
                let stream = try await TestStream.create()
                var content = ""
                for number in 0..<20 {
                    let piece = String(repeating: "\(number),", count: 3_000)
                    try await stream.appendSuccessfully(.text(piece))
                    content += piece
                }
                let kept = try await Self.keptText(of: stream, atMost: 40_000 + (32 << 10))
                #expect(kept.utf8.count >= 40_000, "never less than is asked for")
                try await Self.expectBeginning(stream, of: content, kept: kept)
            }
        }

        @Test func `Before what is young enough it is 410, however it is read`() async throws {
            let clock = ManualClock()
            let settings = ServerSettings {
                $0.store.retention = Retention(ageLimitSeconds: 60)
                $0.store.expirySweepMilliseconds = 5
                $0.store.wallClock = { clock.now }
            }
            try await withServer(settings) {
                let (old, new) = (String(repeating: "old,", count: 10_000), String(repeating: "new,", count: 10_000))
                let stream = try await TestStream.create(body: .text(old))
                clock.advance(seconds: 50)
                try await stream.appendSuccessfully(.text(new))
                #expect(try await stream.read("offset=\(TestStream.start)").text == old + new)
                clock.advance(seconds: 15)
                let kept = try await Self.keptText(of: stream, atMost: old.utf8.count + new.utf8.count - 1)
                #expect(kept.hasSuffix(new), "never less than is asked for")
                try await Self.expectBeginning(stream, of: old + new, kept: kept)

                clock.advance(seconds: 100)
                #expect(try await Self.keptText(of: stream, atMost: 0) == "")
                expectStatus(try await stream.read("offset=\(TestStream.start)"), 410)
                let next = try await stream.tail()
                try await stream.appendSuccessfully("again")
                #expect(try await stream.read("offset=-1").text == "again")
                #expect(try await stream.read("offset=\(next)").text == "again")
            }
        }

        /// What a reader from the start gets, once that is no more than this.
        private static func keptText(of stream: TestStream, atMost byteCount: Int) async throws -> String {
            let response = try await eventually({ $0.body.count <= byteCount }) { try await stream.read("offset=-1") }
            // What is not kept goes in one step, but appends may have come between.
            try await Task.sleep(for: .milliseconds(100))
            expectStatus(response, 200)
            return try await stream.read("offset=-1").text
        }

        private static func expectBeginning(_ stream: TestStream, of content: String, kept: String) async throws {
            #expect(content.hasSuffix(kept))
            let earliest = content.utf8.count - kept.utf8.count
            let first = offset(earliest)
            for position in [0, 1, earliest - 1] {
                for live in ["", "&live=long-poll", "&live=sse"] {
                    let response = try await stream.read("offset=\(offset(position))\(live)")
                    expectStatus(response, 410, "\(position)\(live)")
                    expectHeader(response, "Cache-Control", "no-store")
                    expectHeader(response, "ETag", nil)
                }
            }
            for start in ["-1", first] {
                #expect(try await stream.read("offset=\(start)").text == kept)
                let poll = try await stream.longPoll(start)
                #expect(poll.text == kept && poll.isUpToDate)
                let transcript = try await stream.follow(from: start) { $0.isUpToDate }
                #expect(transcript.text == kept)
                #expect(transcript.nextOffset == offset(content.utf8.count))
            }
        }

        private static func offset(_ position: Int) -> String {
            let digits = String(position)
            return TestStream.start.dropLast(digits.count) + digits
        }
    }
}
