import Testing

/// Shows the whole response when the status is another one.
func expectStatus(
    _ response: Response,
    _ status: Int,
    _ comment: @autoclosure () -> String = "",
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(response.status == status, "\(comment())\n\(response)", sourceLocation: sourceLocation)
}

/// Shows the whole response when a header is missing or has another value; `nil` expects its absence.
func expectHeader(
    _ response: Response,
    _ name: String,
    _ value: String?,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(response.headers[name] == value, "\(name)\n\(response)", sourceLocation: sourceLocation)
}

/// Repeats a request until the condition holds; the last response, whatever it is, at the deadline.
func eventually(
    within timeLimit: Duration = .generous,
    _ condition: (Response) -> Bool,
    _ request: () async throws -> Response
) async throws -> Response {
    let deadline = ContinuousClock.now + timeLimit
    while true {
        let response = try await request()
        if condition(response) || ContinuousClock.now > deadline { return response }
        try await Task.sleep(for: .milliseconds(50))
    }
}

/// A text of exactly this many bytes that compresses well.
func compressibleText(_ byteCount: Int) -> String {
    let sentence = "An append-only stream over HTTP. "
    return String(String(repeating: sentence, count: byteCount / sentence.utf8.count + 1).prefix(byteCount))
}

extension String {
    /// One row of a table of inputs, with invisible characters made visible in its name.
    var visible: String { String(debugDescription.prefix(60)) }
}
