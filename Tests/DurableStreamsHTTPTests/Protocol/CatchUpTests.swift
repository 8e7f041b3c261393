import DurableStreams
@testable import DurableStreamsHTTP
import DurableStreamsWire
import Testing

/// Reads without `live`.
@Suite struct CatchUpTests {
    private static func offset(_ position: UInt64) -> String { OffsetToken(position: position).description }

    @Test func `a read gives the bytes from the offset on`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a", type: "Text/Plain; x=1", text: "hello world")
        for target in ["a", "a?offset=-1", "a?offset=\(Self.offset(0))", "a?other=1&offset=%2D1"] {
            let response = try await driver.send(.get, target)
            #expect(response.status == 200)
            #expect(response.text == "hello world")
            #expect(response["Content-Type"] == "Text/Plain; x=1")
            #expect(response.nextOffset == Self.offset(11))
            #expect(response["Stream-Up-To-Date"] == "true")
            #expect(response["Stream-Closed"] == nil)
            #expect(response["ETag"] != nil)
            #expect(response["Cache-Control"] == "public, max-age=60, stale-while-revalidate=300")
            #expect(response["Stream-Cursor"] == nil)
        }
        #expect(try await driver.send(.get, "a?offset=\(Self.offset(6))").text == "world")
    }

    @Test func `a long stream comes in chunks`() async throws {
        let driver = try ProtocolDriver { $0.chunkByteCountLimit = 4 }
        try await driver.create("a", text: "abcdefghij")
        var text = ""
        var offset = "-1"
        for upToDate in [nil, nil, "true"] {
            let response = try await driver.send(.get, "a?offset=\(offset)")
            text += response.text
            offset = response.nextOffset
            #expect(response["Stream-Up-To-Date"] == upToDate)
        }
        #expect(text == "abcdefghij")
    }

    @Test func `a chunk of JSON is whole messages`() async throws {
        let driver = try ProtocolDriver { $0.chunkByteCountLimit = 8 }
        try await driver.create("j", type: "application/json")
        for text in ["[1,22]", "333", "\"a message longer than a chunk\"", "4"] {
            try await driver.append("j", type: "application/json", text: text)
        }
        var bodies: [String] = []
        var offset = "-1"
        while true {
            let response = try await driver.send(.get, "j?offset=\(offset)")
            bodies.append(response.text)
            offset = response.nextOffset
            if response["Stream-Up-To-Date"] == "true" { break }
            #expect(bodies.count < 10)
        }
        #expect(bodies.last == "[4]")
        #expect(bodies.contains("[\"a message longer than a chunk\"]"))
        let messages = bodies.map { $0.dropFirst().dropLast() }.joined(separator: ",")
        #expect(messages == "1,22,333,\"a message longer than a chunk\",4")
        #expect(try await driver.send(.get, "j?offset=\(offset)").text == "[]")
        #expect(try await driver.send(.get, "j?offset=\(Self.offset(1))").status == 400)
    }

    @Test func `at and behind the tail there is nothing`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a", text: "abc")
        for position: UInt64 in [3, 4, 9_999_999_999_999_999] {
            let response = try await driver.send(.get, "a?offset=\(Self.offset(position))")
            #expect(response.status == 200)
            #expect(response.body.isEmpty)
            #expect(!response.bodyIsOmitted)
            #expect(response.nextOffset == Self.offset(3))
            #expect(response["Stream-Up-To-Date"] == "true")
        }
        #expect(try await driver.send(.get, "a?offset=9999999999999999_0000000000000000").nextOffset == Self.offset(3))
    }

    @Test func `the end of a closed stream is told where it is reached`() async throws {
        let driver = try ProtocolDriver { $0.chunkByteCountLimit = 2 }
        _ = try await driver.send(.put, "a", [("Stream-Closed", "true")], text: "abc")
        let first = try await driver.send(.get, "a")
        #expect(first["Stream-Closed"] == nil)
        #expect(first["Stream-Up-To-Date"] == nil)
        for position: UInt64 in [2, 3] {
            let last = try await driver.send(.get, "a?offset=\(Self.offset(position))")
            #expect(last["Stream-Closed"] == "true")
            #expect(last["Stream-Up-To-Date"] == "true")
        }
    }

    @Test(arguments: [
        "offset=", "offset=0", "offset=1,2", "offset=-1&offset=-1", "offset=%00", "live=x", "offset=-1&live=true",
        "live=long-poll", "live=sse",
    ])
    func `a malformed query is 400, but 404 comes first`(query: String) async throws {
        let driver = try ProtocolDriver()
        #expect(try await driver.send(.get, "a?" + query).status == 404)
        try await driver.create("a")
        let response = try await driver.send(.get, "a?" + query)
        #expect(response.status == 400)
        #expect(response["Cache-Control"] == "no-store")
    }

    @Test func `now is the tail, and nothing that a cache may keep`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a", text: "abc")
        let response = try await driver.send(.get, "a?offset=now", [("If-None-Match", "*")])
        #expect(response.status == 200)
        #expect(response.body.isEmpty)
        #expect(response.nextOffset == Self.offset(3))
        #expect(response["Stream-Up-To-Date"] == "true")
        #expect(response["Cache-Control"] == "no-store")
        #expect(response["ETag"] == nil)
        #expect(response["Content-Type"] == "text/plain")
        try await driver.create("j", type: "application/json", text: "1")
        #expect(try await driver.send(.get, "j?offset=now").text == "[]")
        _ = try await driver.send(.post, "a", [("Stream-Closed", "true")])
        #expect(try await driver.send(.get, "a?offset=now")["Stream-Closed"] == "true")
    }

    @Test func `an entity tag spares the body`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a", text: "abc")
        let full = try await driver.send(.get, "a")
        let tag = try #require(full["ETag"])
        #expect(tag.hasPrefix("\"") && tag.hasSuffix("\""))
        for field in [tag, "W/\(tag)", "\"x\", \(tag)", "*"] {
            let response = try await driver.send(.get, "a", [("If-None-Match", field)])
            #expect(response.status == 304)
            #expect(response.bodyIsOmitted)
            #expect(response.body.isEmpty)
            #expect(response["ETag"] == tag)
            #expect(response.nextOffset == full.nextOffset)
            #expect(response["Stream-Up-To-Date"] == "true")
            #expect(response["Cache-Control"] == full["Cache-Control"])
            #expect(response["Content-Type"] == full["Content-Type"])
            #expect(response["Vary"] == full["Vary"])
        }
        #expect(try await driver.send(.get, "a", [("If-None-Match", "\"x\"")]).status == 200)
        try await driver.append("a", text: "d")
        let longer = try await driver.send(.get, "a", [("If-None-Match", tag)])
        #expect(longer.status == 200)
        #expect(longer.text == "abcd")
        let grown = try #require(longer["ETag"])
        _ = try await driver.send(.post, "a", [("Stream-Closed", "true")])
        let closed = try await driver.send(.get, "a", [("If-None-Match", grown)])
        #expect(closed.status == 200)
        #expect(closed["ETag"] != grown)
    }

    @Test func `a tag of one position is none of another, and twice the field is 400`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a", text: "abc")
        let tag = try #require(try await driver.send(.get, "a")["ETag"])
        #expect(try await driver.send(.get, "a?offset=\(Self.offset(1))", [("If-None-Match", tag)]).status == 200)
        #expect(try await driver.send(.get, "a", [("If-None-Match", tag), ("If-None-Match", tag)]).status == 400)
    }

    @Test func `caches can be told to be private`() async throws {
        let driver = try ProtocolDriver { $0.cacheIsPrivate = true }
        try await driver.create("a")
        #expect(try await driver.send(.get, "a")["Cache-Control"] == "private, max-age=60, stale-while-revalidate=300")
    }

    @Test func `a range header is ignored`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a", text: "abc")
        let response = try await driver.send(.get, "a", [("Range", "bytes=0-0")])
        #expect(response.status == 200)
        #expect(response.text == "abc")
    }

    @Test func `a read from a thread that may wait gives the same`() async throws {
        let driver = try ProtocolDriver()
        let text = String(repeating: "0123456789", count: 100_000)
        try await driver.create("a", text: text)
        let response = try await driver.send(.get, "a", [("Accept-Encoding", "gzip")])
        #expect(response["Content-Encoding"] == "gzip")
        #expect(inflated(response.body, .gzip) == Array(text.utf8))
    }
}
