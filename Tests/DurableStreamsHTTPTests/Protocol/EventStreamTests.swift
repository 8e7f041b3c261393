import DurableStreams
@testable import DurableStreamsHTTP
import DurableStreamsWire
import Testing

/// Server-sent events.
@Suite struct EventStreamTests {
    static func offset(_ position: UInt64) -> String { OffsetToken(position: position).description }

    @Test func `the head announces events`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a")
        let reader = try await driver.events("a?offset=-1&live=sse", [("Accept-Encoding", "gzip")])
        #expect(reader.head.status == 200)
        #expect(reader.head["Content-Type"] == "text/event-stream")
        #expect(reader.head["Cache-Control"] == "no-cache")
        #expect(reader.head["X-Accel-Buffering"] == "no")
        #expect(reader.head["Content-Encoding"] == nil)
        #expect(reader.head["Stream-SSE-Data-Encoding"] == nil)
        await reader.cancel()
    }

    @Test func `data and its control event come together`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a", text: "abc")
        let reader = try await driver.events("a?offset=-1&live=sse")
        try await reader.until("the first events") { $0.events.count >= 2 }
        #expect(reader.stepCount == 1)
        #expect(reader.events.first == ParsedEvent(name: "data", data: "abc"))
        let control = try #require(reader.controls.first)
        #expect(control.streamNextOffset == Self.offset(3))
        #expect(control.upToDate == true)
        #expect(control.streamClosed == nil)
        #expect(control.streamCursor.flatMap { UInt64($0) } != nil)
        try await driver.append("a", text: "def")
        try await reader.until("the second append") { $0.controls.count >= 2 }
        #expect(reader.data == "abcdef")
        #expect(reader.controls.last?.streamNextOffset == Self.offset(6))
        await reader.cancel()
    }

    @Test func `with nothing to send a control event comes at once`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a", text: "abc")
        for offset in ["now", Self.offset(3), Self.offset(99)] {
            let reader = try await driver.events("a?offset=\(offset)&live=sse")
            try await reader.until("a control event") { !$0.controls.isEmpty }
            #expect(reader.controls.first?.upToDate == true)
            #expect(reader.controls.first?.streamNextOffset == Self.offset(3))
            #expect(reader.data == "")
            await reader.cancel()
        }
    }

    @Test func `the end of the stream ends the response`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a")
        let reader = try await driver.events("a?offset=-1&live=sse")
        try await driver.append("a", text: "end", closing: true)
        try await reader.until("the end") { $0.hasEnded }
        #expect(reader.data == "end")
        let last = try #require(reader.controls.last)
        #expect(last == .init(streamNextOffset: Self.offset(3), streamCursor: nil, upToDate: true, streamClosed: true))
        let late = try await driver.events("a?offset=\(Self.offset(3))&live=sse")
        try await late.until("the end") { $0.hasEnded }
        #expect(late.controls == [last])
    }

    @Test func `closing without data ends the response too`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a", text: "abc")
        let reader = try await driver.events("a?offset=-1&live=sse")
        _ = try await driver.send(.post, "a", [("Stream-Closed", "true")])
        try await reader.until("the end") { $0.hasEnded }
        #expect(reader.controls.last?.streamClosed == true)
        #expect(reader.data == "abc")
    }

    @Test func `a deleted stream ends the response`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a", text: "abc")
        let reader = try await driver.events("a?offset=-1&live=sse")
        try await reader.until("data") { $0.data == "abc" }
        _ = try await driver.send(.delete, "a")
        try await reader.until("the end") { $0.hasEnded }
        #expect(reader.controls.last?.streamClosed == nil)
    }

    @Test func `JSON comes as arrays of whole messages`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("j", type: "application/json", text: "[1,{\"a\":\r\n2}]")
        let reader = try await driver.events("j?offset=-1&live=sse")
        try await driver.append("j", type: "application/json", text: "[3]")
        try await reader.until("both") { $0.controls.last?.upToDate == true && $0.data.contains("3") }
        #expect(reader.head["Stream-SSE-Data-Encoding"] == nil)
        #expect(reader.data == "[1,{\"a\":\n2}][3]" || reader.data == "[1,{\"a\":\n2},3]")
        await reader.cancel()
    }

    @Test func `what is not text comes in base64`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("b", type: "application/octet-stream")
        let bytes: [UInt8] = [0, 255, 10, 13, 32, 128]
        _ = try await driver.send(.post, "b", [("Content-Type", "application/octet-stream")], body: bytes)
        let reader = try await driver.events("b?offset=-1&live=sse")
        try await reader.until("data") { !$0.data.isEmpty }
        #expect(reader.head["Stream-SSE-Data-Encoding"] == "base64")
        #expect(decodeBase64(reader.data) == bytes)
        await reader.cancel()
    }

    @Test func `characters and line ends that are cut wait for the rest`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a")
        let text = Array("é\r\n€\r😀".utf8)
        let reader = try await driver.events("a?offset=-1&live=sse")
        for byte in text { _ = try await driver.send(.post, "a", [("Content-Type", "text/plain")], body: [byte]) }
        try await reader.until("all") { $0.data == "é\n€\n😀" }
        #expect(reader.controls.allSatisfy { $0.upToDate == nil || $0.streamNextOffset != Self.offset(1) })
        #expect(reader.controls.last?.upToDate == true)
        #expect(reader.controls.last?.streamNextOffset == Self.offset(UInt64(text.count)))
        await reader.cancel()
    }

    @Test func `bytes that wait are not up to date, until the end makes them final`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a")
        _ = try await driver.send(.post, "a", [("Content-Type", "text/plain")], body: Array("x".utf8) + [0xE2, 0x82])
        let reader = try await driver.events("a?offset=-1&live=sse")
        try await reader.until("the first") { !$0.controls.isEmpty }
        #expect(reader.data == "x")
        #expect(reader.controls.last?.streamNextOffset == Self.offset(1))
        #expect(reader.controls.last?.upToDate == nil)
        let late = try await driver.events("a?offset=\(Self.offset(1))&live=sse")
        try await late.until("a control event") { !$0.controls.isEmpty }
        #expect(late.controls.last?.upToDate == nil)
        #expect(late.controls.last?.streamNextOffset == Self.offset(1))
        _ = try await driver.send(.post, "a", [("Stream-Closed", "true")])
        try await reader.until("the end") { $0.hasEnded }
        try await late.until("the end") { $0.hasEnded }
        #expect(reader.data == "x\u{FFFD}")
        #expect(late.data == "\u{FFFD}")
        #expect(reader.controls.last?.streamNextOffset == Self.offset(3))
    }

    @Test func `a long stream comes piece by piece, whole`() async throws {
        let driver = try ProtocolDriver { $0.chunkByteCountLimit = 100 }
        let text = String(repeating: "0123456789é\r\n", count: 300)
        try await driver.create("a", text: text)
        let reader = try await driver.events("a?offset=-1&live=sse")
        try await reader.until("all") { $0.controls.last?.upToDate == true }
        #expect(reader.data == String(repeating: "0123456789é\n", count: 300))
        #expect(reader.controls.count > 30)
        #expect(reader.controls.dropLast().allSatisfy { $0.upToDate == nil })
        await reader.cancel()
    }

    @Test func `a malformed or misplaced offset is refused before events begin`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("j", type: "application/json", text: "[11,22]")
        #expect(try await driver.send(.get, "j?offset=\(Self.offset(1))&live=sse").status == 400)
        #expect(try await driver.send(.get, "j?live=sse").status == 400)
        #expect(try await driver.send(.get, "missing?offset=-1&live=sse").status == 404)
    }

    @Test func `a reader that has gone is forgotten`() async throws {
        let driver = try ProtocolDriver()
        try await driver.create("a")
        let reader = try await driver.events("a?offset=-1&live=sse")
        await reader.cancel()
        await reader.cancel()
        let readers = driver.service.readers(of: driver.lane.lane)
        #expect(await driver.lane.run { readers.isEmpty })
    }
}
