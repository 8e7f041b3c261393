import Testing

/// Section 1.1: a server that keeps only so much of a stream.
@Suite(.ownServerOnly) struct RetentionTests {
    @Test func `Reads before the earliest byte that is kept are 410, and a new reader begins there`() async throws {
        try await withServerProgram(["--retention-bytes", "30000", "--segment-bytes", "65536"]) { _ in
            let stream = try await TestStream.create(body: "first")
            let start = try await stream.read().nextOffset
            for piece in 0..<20 { try await stream.appendSuccessfully(.text(compressibleText(10_000 + piece))) }
            let old = try await eventually({ $0.status != 200 }) { try await stream.read("offset=\(start ?? "")") }
            expectStatus(old, 410)
            let kept = try await stream.read("offset=-1")
            expectStatus(kept, 200)
            // Never less than what is asked for, and what is left is where it was.
            #expect(kept.text.utf8.count >= 30_000 && kept.text.utf8.count < 200_000)
            #expect(kept.text.hasSuffix(compressibleText(10_019)))
            try await stream.appendSuccessfully("last")
            expectStatus(try await stream.read("offset=\(kept.nextOffset ?? "")"), 200)
            #expect(try await stream.read("offset=\(kept.nextOffset ?? "")").text == "last")
        }
    }
}
