import Testing

extension BlackBox {
    /// Section 7: however a stream is read, live or later, in one piece or resumed, it is the same.
    @Suite struct `Replay equals live` {
        static let types = [
            "text/plain", "text/html; charset=utf-8", "application/json", "application/octet-stream", "image/png",
        ]

        @Test(arguments: types, [false, true])
        func `Every mode brings the same`(type: String, isFork: Bool) async throws {
            let seed = SeededGenerator.seed
            var random = SeededGenerator(seed: seed)
            let pieces = (0..<60).map { _ in ReplayContent.piece(type, &random) }
            let stream: TestStream
            if isFork {
                // A third is inherited from a source, of which another third is inherited itself.
                let first = try await TestStream.create(type, body: .bytes(pieces[0]))
                for piece in pieces[1..<10] { try await first.appendSuccessfully(.bytes(piece)) }
                let second = try await first.forked(body: .bytes(pieces[10]))
                for piece in pieces[11..<20] { try await second.appendSuccessfully(.bytes(piece)) }
                stream = try await second.forked(body: .bytes(pieces[20]))
                try await second.appendSuccessfully(.bytes(pieces[59]))
            } else {
                stream = try await TestStream.create(type, body: .bytes(pieces[0]))
                for piece in pieces[1...20] { try await stream.appendSuccessfully(.bytes(piece)) }
            }
            async let live = ReplayContent.follow(stream)
            async let polled = ReplayContent.poll(stream)
            for (number, piece) in pieces[21...].enumerated() {
                try await stream.appendSuccessfully(.bytes(piece))
                if number % 10 == 0 { try await Task.sleep(for: .milliseconds(10)) }
            }
            _ = try await stream.closeStream()

            let expected = Array(pieces.joined())
            let comment: Comment = "\(type), seed \(seed)"
            #expect(try await stream.readBytes() == ReplayContent.stored(expected, type), comment)
            #expect(try await polled == ReplayContent.plain(expected, type), comment)
            let liveTranscript = try await live
            let replay = try await ReplayContent.follow(stream)
            for transcript in [liveTranscript, replay] {
                let content = try ReplayContent.content(of: transcript.transcript, type)
                #expect(content == ReplayContent.inEvents(expected, type), comment)
            }
            // Resuming at every offset that the live reader was given, with what came before it.
            let resumptions = liveTranscript.resumptions
            for (offset, before) in resumptions.enumerated().filter({ $0.offset % 7 == 0 }).map(\.element) {
                let rest = try await ReplayContent.follow(stream, from: offset)
                let content = before + (try ReplayContent.content(of: rest.transcript, type))
                #expect(content == ReplayContent.inEvents(expected, type), "\(type), seed \(seed), from \(offset)")
            }
        }
    }
}

/// Random content of every type, and what each way of reading makes of it.
enum ReplayContent {
    /// One append. Of text any number of whole characters; of JSON one array of messages.
    static func piece(_ type: String, _ random: inout SeededGenerator) -> [UInt8] {
        let count = Int.random(in: 1...30, using: &random)
        if type == "application/json" {
            let messages = (0..<count).map { "{\"n\":\($0).50,\"s\":\"\\u00e9 é\"}" }
            return Array("[\(messages.joined(separator: ","))]".utf8)
        }
        guard type.hasPrefix("text/") else { return random.bytes(count * 10) }
        let characters = ["a", " ", "\n", "\r\n", "é", "漢", "😀", "data: ", "\n\n", ":", "\u{feff}", "\0"]
        let text = (0..<count).map { _ in characters.randomElement(using: &random) ?? "" }.joined()
        return Array("|\(text)|".utf8)
    }

    /// The messages of JSON arrays that follow each other without anything between.
    private static func messages(_ bytes: [UInt8]) -> [[UInt8]] {
        // Brackets occur only around the arrays.
        let arrays = bytes.split(separator: UInt8(ascii: "]"))
        return arrays.flatMap { (try? RawJSON.elements(of: Array($0) + [UInt8(ascii: "]")])) ?? [] }
    }

    /// What a catch-up read of the whole stream returns.
    static func stored(_ bytes: [UInt8], _ type: String) -> [UInt8] {
        guard type == "application/json" else { return bytes }
        return Array("[".utf8) + Array(messages(bytes).joined(separator: Array(",".utf8))) + Array("]".utf8)
    }

    /// Without what is between messages.
    static func plain(_ bytes: [UInt8], _ type: String) -> [UInt8] {
        type == "application/json" ? Array(messages(bytes).joined()) : bytes
    }

    /// Without what event streams do not keep.
    static func inEvents(_ bytes: [UInt8], _ type: String) -> [UInt8] {
        type.hasPrefix("text/") ? LineEnds.normalized(bytes) : plain(bytes, type)
    }

    static func content(of transcript: Transcript, _ type: String) throws -> [UInt8] {
        switch type {
        case "application/json":
            try Array(transcript.payloads.flatMap { try RawJSON.elements(of: $0.utf8) }.joined())
        case _ where type.hasPrefix("text/"): Array(transcript.text.utf8)
        default: try transcript.payloads.flatMap { try Base64.decode($0) }
        }
    }

    /// Follows by event stream to the end of the stream; with each offset on the way what came before it.
    static func follow(
        _ stream: TestStream, from offset: String = "-1"
    ) async throws -> (transcript: Transcript, resumptions: [(offset: String, before: [UInt8])]) {
        var resumptions: [(offset: String, before: [UInt8])] = []
        let transcript = try await stream.follow(from: offset) { transcript in
            let before = (try? content(of: transcript, stream.contentType ?? "")) ?? []
            resumptions.append((transcript.nextOffset, before))
            return transcript.isClosed
        }
        return (transcript, resumptions)
    }

    /// Follows by long-poll to the end of the stream.
    static func poll(_ stream: TestStream) async throws -> [UInt8] {
        let connection = try await Connection(to: stream.endpoint)
        var content: [UInt8] = []
        var offset = "-1"
        while true {
            let request = stream.request("GET", query: "offset=\(offset)&live=long-poll")
            let response = try await connection.exchange(request)
            try #require([200, 204].contains(response.status), "\(response)")
            if response.status == 200 {
                let isJSON = stream.contentType == "application/json"
                content += isJSON ? try RawJSON.elements(of: response.body).flatMap { $0 } : response.body
            }
            if response.isClosed { return content }
            offset = try #require(response.nextOffset)
        }
    }
}
