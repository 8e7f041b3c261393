import Synchronization
import Testing

/// A stream of a test: its URL, and the requests that tests make of it, each on a connection of its own.
struct TestStream: Sendable {
    /// New for each run, so that a server that outlives the run can be tested twice.
    private static let runName = String(UInt64.random(in: 0...UInt64.max), radix: 36)
    private static let lastNumber = Atomic<Int>(0)

    /// The offset that every stream begins with.
    static let start = "0000000000000000_0000000000000000"

    let endpoint: Endpoint
    /// Below the base path.
    let name: String
    /// Sent with every append.
    let contentType: String?

    var target: String { endpoint.basePath + name }

    /// A URL that no test has used.
    static func unused(_ contentType: String? = "text/plain") throws -> TestStream {
        let number = lastNumber.add(1, ordering: .relaxed).newValue
        return try TestStream(endpoint: .current, name: "\(runName)/\(number)", contentType: contentType)
    }

    /// The same stream at a server that has the same data.
    func moved(to endpoint: Endpoint) -> TestStream {
        TestStream(endpoint: endpoint, name: name, contentType: contentType)
    }

    static func create(
        _ contentType: String? = "text/plain",
        _ headers: HeaderList = [:],
        body: RequestBody = .none,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> TestStream {
        let stream = try unused(contentType)
        let response = try await stream.put(headers, body: body)
        try #require(response.status == 201, "\(response)", sourceLocation: sourceLocation)
        return stream
    }

    func put(_ headers: HeaderList = [:], body: RequestBody = .none) async throws -> Response {
        try await send("PUT", typed(headers), body: body)
    }

    /// With the content type of the stream.
    func append(_ body: RequestBody, _ headers: HeaderList = [:]) async throws -> Response {
        try await post(body, typed(headers))
    }

    /// Appends and requires success.
    @discardableResult
    func appendSuccessfully(
        _ body: RequestBody,
        _ headers: HeaderList = [:],
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> String {
        let response = try await append(body, headers)
        try #require(response.status == 204, "\(response)", sourceLocation: sourceLocation)
        return try #require(response.nextOffset, sourceLocation: sourceLocation)
    }

    /// With these headers only.
    func post(_ body: RequestBody, _ headers: HeaderList = [:]) async throws -> Response {
        try await send("POST", headers, body: body)
    }

    func closeStream() async throws -> Response {
        try await post(.bytes([]), ["Stream-Closed": "true"])
    }

    /// Catch-up, long-poll and refused reads; `query` without the question mark.
    func read(_ query: String = "", _ headers: HeaderList = [:]) async throws -> Response {
        try await send("GET", headers, query: query)
    }

    func longPoll(_ offset: String, cursor: String? = nil, _ headers: HeaderList = [:]) async throws -> Response {
        try await read(liveQuery("long-poll", offset, cursor), headers)
    }

    func events(_ offset: String, cursor: String? = nil, _ headers: HeaderList = [:]) async throws -> EventSource {
        try await EventSource(Request("GET", "\(target)?\(liveQuery("sse", offset, cursor))", headers), to: endpoint)
    }

    func head() async throws -> Response {
        try await send("HEAD")
    }

    func delete() async throws -> Response {
        try await send("DELETE")
    }

    /// Where the stream ends now.
    func tail() async throws -> String {
        let response = try await head()
        return try #require(response.nextOffset, "\(response)")
    }

    func send(
        _ method: String,
        _ headers: HeaderList = [:],
        query: String = "",
        body: RequestBody = .none
    ) async throws -> Response {
        let connection = try await Connection(to: endpoint)
        let response = try await connection.exchange(request(method, headers, query: query, body: body))
        await connection.close()
        return response
    }

    /// The request that ``send(_:_:query:body:)`` sends.
    func request(
        _ method: String,
        _ headers: HeaderList = [:],
        query: String = "",
        body: RequestBody = .none
    ) -> Request {
        Request(method, query.isEmpty ? target : "\(target)?\(query)", headers, body: body)
    }

    private func typed(_ headers: HeaderList) -> HeaderList {
        guard let contentType else { return headers }
        return ["Content-Type": contentType] + headers
    }

    private func liveQuery(_ mode: String, _ offset: String, _ cursor: String?) -> String {
        "offset=\(offset)&live=\(mode)" + (cursor.map { "&cursor=\($0)" } ?? "")
    }
}
