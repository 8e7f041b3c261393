import Testing

extension TestStream {
    /// The stream from this offset to its tail, chunk by chunk.
    func readChunks(from offset: String = TestStream.start) async throws -> [Response] {
        let connection = try await Connection(to: endpoint)
        var chunks: [Response] = []
        var next = offset
        while true {
            let response = try await connection.exchange(request("GET", query: "offset=\(next)"))
            try #require(response.status == 200, "\(response)")
            chunks.append(response)
            if response.isUpToDate { break }
            let following = try #require(response.nextOffset)
            try #require(following > next, "no progress: \(response)")
            next = following
        }
        await connection.close()
        return chunks
    }

    /// All bytes of a byte stream from this offset.
    func readBytes(from offset: String = TestStream.start) async throws -> [UInt8] {
        try await readChunks(from: offset).flatMap(\.body)
    }

    /// All messages of a JSON stream from this offset, each with its own bytes.
    func readMessages(from offset: String = TestStream.start) async throws -> [[UInt8]] {
        try await readChunks(from: offset).flatMap { try RawJSON.elements(of: $0.body) }
    }

    /// Reads live from this offset, reconnecting at the last control offset whenever the server ends a response,
    /// until `isComplete` holds for everything so far.
    func follow(
        from offset: String = TestStream.start,
        until isComplete: (Transcript) -> Bool
    ) async throws -> Transcript {
        var transcript = Transcript(nextOffset: offset)
        while true {
            let source = try await events(transcript.nextOffset)
            while let batch = try await source.nextBatch() {
                transcript.apply(batch)
                if isComplete(transcript) {
                    await source.close()
                    return transcript
                }
            }
            try #require(!transcript.isClosed, "the stream ended: \(transcript)")
        }
    }
}

/// What a live reader has seen, in order.
struct Transcript: Sendable {
    var payloads: [String] = []
    var nextOffset: String
    var isClosed = false
    var isUpToDate = false
    private(set) var byteCount = 0

    init(nextOffset: String) {
        self.nextOffset = nextOffset
    }

    var text: String { payloads.joined() }

    mutating func apply(_ batch: EventBatch) {
        payloads += batch.payloads
        byteCount += batch.payloads.reduce(0) { $0 + $1.utf8.count }
        nextOffset = batch.control.nextOffset
        isClosed = batch.control.isClosed
        isUpToDate = batch.control.isUpToDate
    }
}
