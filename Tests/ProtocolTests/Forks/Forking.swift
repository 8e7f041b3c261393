import Testing

extension TestStream {
    /// Asks for a fork of this stream at the URL of another one; with a content type only if the headers give one.
    func fork(
        to fork: TestStream,
        at offset: String? = nil,
        past count: String? = nil,
        _ headers: HeaderList = [:],
        body: RequestBody = .none
    ) async throws -> Response {
        var all: HeaderList = ["Stream-Forked-From": target]
        if let offset { all.append("Stream-Fork-Offset", offset) }
        if let count { all.append("Stream-Fork-Sub-Offset", count) }
        return try await fork.send("PUT", all + headers, body: body)
    }

    /// A fork of this stream at a URL that no test has used.
    func forked(
        at offset: String? = nil,
        past count: String? = nil,
        _ headers: HeaderList = [:],
        body: RequestBody = .none,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> TestStream {
        let fork = try TestStream.unused(contentType)
        let response = try await self.fork(to: fork, at: offset, past: count, headers, body: body)
        try #require(response.status == 201, "\(response)", sourceLocation: sourceLocation)
        return fork
    }

    /// The offset of a position in a byte stream.
    static func offset(_ position: Int) -> String {
        let digits = String(position)
        return "0000000000000000_" + String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// The whole stream in one response.
    func text() async throws -> String {
        let response = try await read()
        try #require(response.status == 200 && response.isUpToDate, "\(response)")
        return response.text
    }
}

/// Expects that the request was refused and left nothing at its URL. Whether it left a trace on its source is for
/// ``expectUnheld(_:sourceLocation:)``.
func expectNoFork(
    _ response: Response,
    _ statuses: Set<Int>,
    at fork: TestStream,
    _ comment: String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) async throws {
    #expect(statuses.contains(response.status), "\(comment)\n\(response)", sourceLocation: sourceLocation)
    expectStatus(try await fork.head(), 404, "the fork exists: \(comment)", sourceLocation: sourceLocation)
    expectStatus(try await fork.read(), 404, "the fork exists: \(comment)", sourceLocation: sourceLocation)
}

/// Expects that nothing holds the stream: deleting it leaves its URL free.
func expectUnheld(_ source: TestStream, sourceLocation: SourceLocation = #_sourceLocation) async throws {
    expectStatus(try await source.delete(), 204, sourceLocation: sourceLocation)
    expectStatus(try await source.head(), 404, "something holds the source", sourceLocation: sourceLocation)
    expectStatus(try await source.put(), 201, "something holds the source", sourceLocation: sourceLocation)
}
