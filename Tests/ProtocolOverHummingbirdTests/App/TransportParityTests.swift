import Testing

/// The same requests to the packaged server and to an app, answer by answer.
@Suite(.wantedTransport, .timeLimit(.minutes(2))) struct TransportParityTests {
    private static let settings = ServerSettings {
        $0.chunkByteCountLimit = 4_000
        $0.bodyByteCountLimit = 100_000
        $0.eventStreamDurationMilliseconds = 1
        // Both servers are to be in the same interval.
        $0.cursorIntervalSeconds = 100_000_000
    }

    private static let text: HeaderList = ["Content-Type": "Text/Plain; charset=utf-8"]
    private static let json: HeaderList = ["Content-Type": "application/json"]

    /// In the order in which they are sent; `PATH` is the base path.
    private static let script: [Request] = [
        Request("PUT", "PATHa", text, body: "hello"), Request("PUT", "PATHa", text), Request("PUT", "PATHa", json),
        Request("PUT", "PATHj", json + ["Stream-TTL": "600"], body: "[1,2,[3]]"),
        Request("PUT", "PATHb", ["Content-Type": "image/png", "Stream-Expires-At": "2099-01-01T00:00:00+02:00"]),
        Request("PUT", "PATHc", text + ["Stream-Closed": "true"], body: .chunked([[0x61], [0x62]])),
        Request("PUT", "PATHx", ["Stream-TTL": "01"]), Request("PUT", "PATHa%2Fb//c/", text, body: "odd"),
        Request("PUT", "PATHa/../b"), Request("PUT", "PATH__ds/x"), Request("PUT", "PATH"),
        Request("HEAD", "PATHa"), Request("HEAD", "PATHj"), Request("HEAD", "PATHb"), Request("HEAD", "PATHnone"),
        Request("HEAD", "PATHa%2fb//c/"), Request("HEAD", "PATHa%zz"),
        Request("POST", "PATHa", text, body: .text(compressibleText(9_000))),
        Request("POST", "PATHa", text, body: .chunked([Array(compressibleText(70_000).utf8), [0x62]])),
        Request("POST", "PATHa", text, body: .bytes([UInt8](repeating: 0x61, count: 100_001))),
        Request("POST", "PATHa", text, body: .bytes([])), Request("POST", "PATHa", json, body: "1"),
        Request("POST", "PATHj", json, body: "{"), Request("POST", "PATHj", json, body: "{\"a\":[]}"),
        Request("POST", "PATHnone", text, body: "x"), Request("POST", "PATHc", text, body: "x"),
        Request("POST", "PATHa", text + ["Stream-Seq": "b"], body: "x"),
        Request("POST", "PATHa", text + ["Stream-Seq": "a"], body: "x"),
        Request("POST", "PATHa", text + ["Stream-Seq": "c", "stream-seq": "d"], body: "x"),
        Request("POST", "PATHa", text + ["Content-Encoding": "gzip"], body: "x"),
        producer(epoch: 1, sequence: 0), producer(epoch: 1, sequence: 0), producer(epoch: 1, sequence: 7),
        producer(epoch: 0, sequence: 1), producer(epoch: 2, sequence: 1),
        Request("GET", "PATHa"), Request("GET", "PATHa?offset=0000000000000000_0000000000000005"),
        Request("GET", "PATHa?offset=now"), Request("GET", "PATHa?offset=x"),
        Request("GET", "PATHa?offset=-1&offset=1"),
        Request("GET", "PATHa", ["Accept-Encoding": "gzip"]), Request("GET", "PATHa", ["If-None-Match": "*"]),
        Request("GET", "PATHj"), Request("GET", "PATHc"), Request("GET", "PATHnone?offset=x"),
        Request("GET", "PATH__ds"),
        Request("GET", "PATHa%2Fb//c/"), Request("GET", "PATHa#b"),
        Request("GET", "PATHj?offset=-1&live=long-poll"), Request("GET", "PATHj?offset=now&live=long-poll"),
        Request("GET", "PATHc?offset=now&live=long-poll"), Request("GET", "PATHa?live=long-poll"),
        Request("GET", "PATHc?offset=-1&live=sse"), Request("GET", "PATHb?offset=now&live=sse"),
        Request("GET", "PATHj?offset=-1&live=sse"), Request("GET", "PATHa?live=sse&offset=x"),
        Request("OPTIONS", "PATHa", ["Origin": "https://example.com", "Access-Control-Request-Method": "PUT"]),
        Request("PATCH", "PATHa"), Request("PURGE", "PATHa"), Request("M-SEARCH", "PATHa"),
        Request("TRACE", "PATHnone"),
        Request("POST", "PATHj", ["Stream-Closed": "true"]), Request("POST", "PATHj", ["Stream-Closed": "true"]),
        Request("DELETE", "PATHb"), Request("DELETE", "PATHb"), Request("GET", "PATHb"),
    ]

    private static func producer(epoch: Int, sequence: Int) -> Request {
        let stamp: HeaderList = ["Producer-Id": "p", "Producer-Epoch": "\(epoch)", "Producer-Seq": "\(sequence)"]
        return Request("POST", "PATHa", text + stamp, body: "produced")
    }

    @Test func `Every status, header and body is the same`() async throws {
        let packaged = try await Self.responses(of: PackagedServer.self)
        let app = try await Self.responses(of: HummingbirdServer.self)
        for (index, request) in Self.script.enumerated() {
            let comment = "\(index): \(request.method) \(request.target)"
            #expect(packaged[index].status == app[index].status, "\(comment)")
            #expect(packaged[index].body == app[index].body, "\(comment)")
            let difference = Self.lines(of: packaged[index], to: request)
                .symmetricDifference(Self.lines(of: app[index], to: request))
            #expect(difference == [], "\(comment)")
        }
    }

    private static func responses(of server: any InProcessServer.Type) async throws -> [Response] {
        let responses = Box<[Response]>([])
        try await server.serving(settings) { endpoint in
            for request in script {
                var request = request
                request.target = request.target.replacing("PATH", with: endpoint.basePath)
                let connection = try await Connection(to: endpoint)
                // The ports differ, and `Location` repeats what the client calls the server.
                request.headers.append("Host", "streams.example")
                try await connection.send(request.bytes(host: "streams.example"))
                responses.value.append(try await connection.receiveFinalResponse(to: request.method))
                await connection.close()
            }
        }
        return responses.value
    }

    /// The header fields without those of the HTTP layer, and without what depends on the moment.
    private static func lines(of response: Response, to request: Request) -> Set<String> {
        Set(
            response.headers.fields.compactMap { field in
                switch field.name.lowercased() {
                case "date", "connection": nil
                // Whether an answer to HEAD has one is left to the HTTP layer: NIO's encoder needs it.
                case "content-length" where request.method == "HEAD": nil
                // Names the stream by the moment of its creation.
                case "etag": "etag"
                default: "\(field.name.lowercased()): \(field.value)"
                }
            })
    }

    private final class Box<Value>: @unchecked Sendable {
        var value: Value
        init(_ value: Value) { self.value = value }
    }
}
