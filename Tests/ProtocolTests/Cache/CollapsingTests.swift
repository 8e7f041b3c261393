import Foundation
import Testing

/// Section 7.5: many readers behind a shared cache are few to the server.
@Suite(.ownServerOnly, .enabled(if: SharedCache.isPresent, SharedCache.skipReason))
struct CollapsingTests {
    private static let clientCount = 1_000

    /// Catches up and then follows by long-poll to the end of the stream, all over one connection to the cache.
    private static func follow(_ stream: TestStream) async throws -> (content: [UInt8], isClosed: Bool) {
        let connection = try await Connection(to: stream.endpoint)
        var content: [UInt8] = []
        var query = "offset=-1"
        var cursor: String?
        var isLive = false
        while true {
            let response = try await connection.exchange(stream.request("GET", query: query))
            try #require([200, 204].contains(response.status), "\(response)")
            content += response.body
            if response.isClosed { return (content, true) }
            let offset = try #require(response.nextOffset)
            isLive = isLive || response.isUpToDate
            cursor = response.headers["Stream-Cursor"]
            query = "offset=\(offset)"
            if isLive { query += "&live=long-poll" + (cursor.map { "&cursor=\($0)" } ?? "") }
        }
    }

    @Test(.timeLimit(.minutes(3)))
    func `A thousand clients that catch up and then long-poll cause a handful of requests`() async throws {
        try await withSharedCache(["--chunk-bytes", "10000", "--long-poll-timeout-ms", "60000"]) { server, cache in
            let direct = try await TestStream.create("application/octet-stream")
            var random = SeededGenerator(seed: SeededGenerator.seed)
            var expected = random.bytes(35_000)
            try await direct.appendSuccessfully(.bytes(expected))
            let cached = direct.moved(to: cache.endpoint)
            try await withThrowingTaskGroup(of: (content: [UInt8], isClosed: Bool).self) { group in
                for _ in 0..<Self.clientCount {
                    group.addTask { try await Self.follow(cached) }
                }
                let appendCount = 4
                for number in 1...appendCount {
                    // Waiting readers look every half second whether another one has brought the answer.
                    try await Task.sleep(for: .milliseconds(1_500))
                    let piece = random.bytes(500)
                    expected += piece
                    let closing: HeaderList = number == appendCount ? ["Stream-Closed": "true"] : [:]
                    try await direct.appendSuccessfully(.bytes(piece), closing)
                }
                for try await outcome in group {
                    try #require(outcome.isClosed && outcome.content == expected, "\(outcome.content.count) bytes")
                }
            }
            let requests = try cache.requests(to: direct.name)
            let ofServer = requests.filter(\.reachedServer)
            // Four chunks for each, and at least one long-poll: a slow client finds several appends in one answer.
            #expect(requests.count >= Self.clientCount * 5)
            // Four chunks, and one long-poll for each append; a few more where the first answer came too late.
            #expect(ofServer.count <= 24, "\(ofServer.count) of \(requests.count) requests:\n\(ofServer.prefix(40))")
        }
    }

    @Test func `Event streams pass the cache one by one, and at once`() async throws {
        try await withSharedCache { server, cache in
            let direct = try await TestStream.create(body: "first")
            let cached = direct.moved(to: cache.endpoint)
            var sources: [EventSource] = []
            for _ in 0..<3 { sources.append(try await cached.events("-1")) }
            for source in sources {
                let batch = try #require(try await source.nextBatch(within: .seconds(10)))
                #expect(batch.payloads == ["first"])
            }
            for number in 0..<5 {
                try await direct.appendSuccessfully(.text("\(number)"))
                for source in sources {
                    var text = ""
                    while text.isEmpty {
                        text = try #require(try await source.nextBatch(within: .seconds(10))).payloads.joined()
                    }
                    #expect(text == "\(number)")
                }
            }
            _ = try await direct.closeStream()
            for source in sources {
                var isClosed = false
                while let batch = try await source.nextBatch(within: .seconds(10)) { isClosed = batch.control.isClosed }
                #expect(isClosed)
            }
        }
    }

    @Test func `Each content coding is kept for itself`() async throws {
        try await withSharedCache { server, cache in
            let direct = try await TestStream.create(body: .text(compressibleText(20_000)))
            let cached = direct.moved(to: cache.endpoint)
            for _ in 0..<3 {
                #expect(try await cached.read().text == compressibleText(20_000))
                for coding in ["gzip", "deflate"] {
                    let response = try await cached.read("", ["Accept-Encoding": coding])
                    expectHeader(response, "Content-Encoding", coding)
                    let inflated = try coding == "gzip" ? Inflate.gzip(response.body) : Inflate.deflate(response.body)
                    #expect(inflated == Array(compressibleText(20_000).utf8))
                }
            }
            #expect(try cache.requests(to: direct.name).filter(\.reachedServer).count <= 4)
        }
    }
}
