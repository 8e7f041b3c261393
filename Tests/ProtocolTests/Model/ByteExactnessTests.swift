import Testing

extension BlackBox {
    /// Section 1: bytes at an offset never change.
    @Suite struct `Byte streams` {
        @Test(arguments: ["application/octet-stream", "text/plain", "text/html; charset=latin1", "image/png"])
        func `Every byte value comes back as it was`(type: String) async throws {
            let bytes = (0...255).map { UInt8($0) }
            let stream = try await TestStream.create(type, body: .bytes(bytes))
            try await stream.appendSuccessfully(.bytes(bytes.reversed()))
            try await stream.appendSuccessfully(.chunked(bytes.map { [$0, 0x0d, 0x0a] }))
            let expected = bytes + bytes.reversed() + bytes.flatMap { [$0, 0x0d, 0x0a] }
            #expect(try await stream.readBytes() == expected)
        }

        @Test(arguments: ["\r\n", "\0", "\n", "0\r\n\r\n", "\u{feff}", "HTTP/1.1 200 OK\r\n\r\n", " "])
        func `A body that looks like something else is only bytes`(body: String) async throws {
            let stream = try await TestStream.create(body: .text(body))
            try await stream.appendSuccessfully(.text(body))
            #expect(try await stream.readBytes() == Array((body + body).utf8))
        }

        @Test func `Megabytes of random bytes come back as they were`() async throws {
            var random = SeededGenerator(seed: SeededGenerator.seed)
            let stream = try await TestStream.create("application/octet-stream")
            var expected: [UInt8] = []
            for size in [1, 65_535, 65_536, 65_537, 1_048_576, 3_000_000] {
                let bytes = random.bytes(size)
                try await stream.appendSuccessfully(.bytes(bytes))
                expected += bytes
            }
            let chunks = try await stream.readChunks()
            #expect(chunks.flatMap(\.body) == expected)
            for chunk in chunks {
                #expect(chunk.body.count <= 2 << 20, "about one MiB at most")
            }
        }

        @Test func `What was read at an offset is read there again after later appends and the close`() async throws {
            let stream = try await TestStream.create(body: "first")
            let middle = try await stream.tail()
            try await stream.appendSuccessfully("second")
            _ = try await stream.closeStream()
            #expect(try await stream.read("offset=-1").text == "firstsecond")
            #expect(try await stream.read("offset=\(middle)").text == "second")
        }
    }
}
