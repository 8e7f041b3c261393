import DurableStreams
@testable import DurableStreamsHTTP
import DurableStreamsWire
import HTTPTypes
import NIOCore
import Testing

@Suite struct ResponseHeadTests {
    private let constants = ResponseConstants(
        allowedOrigin: "*", now: { WallClockTime(millisecondsSince1970: 784_111_777_999) })

    private static let constantLines = """
        X-Content-Type-Options: nosniff\r
        Cross-Origin-Resource-Policy: cross-origin\r
        Access-Control-Allow-Origin: *\r
        Access-Control-Allow-Methods: GET, POST, PUT, DELETE, HEAD, OPTIONS\r
        Access-Control-Allow-Headers: content-type, authorization, if-none-match, accept-encoding, content-encoding, \
        Stream-Seq, Stream-TTL, Stream-Expires-At, Stream-Closed, Stream-Forked-From, Stream-Fork-Offset, \
        Stream-Fork-Sub-Offset, Producer-Id, Producer-Epoch, Producer-Seq\r
        Access-Control-Expose-Headers: Stream-Next-Offset, Stream-Up-To-Date, Stream-Closed, Stream-Cursor, \
        Stream-SSE-Data-Encoding, Stream-TTL, Stream-Expires-At, Producer-Epoch, Producer-Seq, Producer-Expected-Seq, \
        Producer-Received-Seq, Retry-After, Allow, Cache-Control, etag, location, content-type, content-encoding, vary\r
        Access-Control-Max-Age: 86400\r
        Date: Sun, 06 Nov 1994 08:49:37 GMT\r

        """

    private func head(
        _ response: ProtocolResponse, keepAlive: Bool = true, framing: ResponseFraming = .contentLength
    ) -> String {
        var buffer = ByteBuffer()
        response.writeHead(into: &buffer, keepAlive: keepAlive, framing: framing, constants: constants)
        return String(buffer: buffer)
    }

    @Test func `the head of a read, byte by byte`() {
        var response = ProtocolResponse(status: 200)
        response.contentType = "text/plain; charset=utf-8"
        response.body = ByteBuffer(string: "hello world")
        response.nextOffset = StreamPosition(rawValue: 11)
        response.isUpToDate = true
        response.isClosed = true
        response.cursor = 123
        response.entityTag = EntityTag(
            streamNumber: 1, createdAtMilliseconds: 2, start: 0, end: 11, isClosedAtEnd: true, coding: .gzip)
        response.cacheControl = .range(isPrivate: false)
        response.coding = .gzip
        response.variesByCoding = true
        let varying = """
            HTTP/1.1 200 OK\r
            Content-Type: text/plain; charset=utf-8\r
            Stream-Next-Offset: 0000000000000000_0000000000000011\r
            Stream-Up-To-Date: true\r
            Stream-Closed: true\r
            Stream-Cursor: 123\r
            ETag: "1-2-0-b-c-g"\r
            Cache-Control: public, max-age=60, stale-while-revalidate=300\r
            Vary: accept-encoding\r
            Content-Encoding: gzip\r
            Content-Length: 11\r

            """
        #expect(head(response) == varying + Self.constantLines + "\r\n")
    }

    @Test func `the head of an append, byte by byte`() {
        var response = ProtocolResponse(status: 204)
        response.nextOffset = StreamPosition(rawValue: 7)
        response.producer = ProducerState(epoch: 3, sequence: 10)
        let varying = """
            HTTP/1.1 204 No Content\r
            Stream-Next-Offset: 0000000000000000_0000000000000007\r
            Producer-Epoch: 3\r
            Producer-Seq: 10\r

            """
        #expect(head(response, keepAlive: false) == varying + Self.constantLines + "Connection: close\r\n\r\n")
    }

    @Test func `the head of a refusal, byte by byte`() {
        var response = ProtocolResponse.plainError(status: 503, "no")
        response.retryAfterSeconds = 9
        let varying = """
            HTTP/1.1 503 Service Unavailable\r
            Content-Type: text/plain; charset=utf-8\r
            Cache-Control: no-store\r
            Retry-After: 9\r
            Content-Length: 2\r

            """
        #expect(head(response) == varying + Self.constantLines + "\r\n")
    }

    @Test func `framing is stated once, and not where no body may follow`() {
        var response = ProtocolResponse(status: 200)
        #expect(head(response).contains("\r\nContent-Length: 0\r\n"))
        #expect(head(response, framing: .chunked).contains("\r\nTransfer-Encoding: chunked\r\n"))
        #expect(!head(response, framing: .chunked).contains("Content-Length"))
        #expect(!head(response, framing: .closeDelimited).contains("Transfer-Encoding"))
        response.bodyIsOmitted = true
        for framing: ResponseFraming in [.contentLength, .chunked, .closeDelimited] {
            #expect(!head(response, framing: framing).contains("Content-Length"))
            #expect(!head(response, framing: framing).contains("Transfer-Encoding"))
        }
        for status in [204, 304] {
            #expect(!head(ProtocolResponse(status: status)).contains("Content-Length"))
        }
    }

    @Test func `a status without a reason is still a status line`() {
        #expect(head(ProtocolResponse(status: 299)).hasPrefix("HTTP/1.1 299 \r\n"))
    }

    @Test func `no value can end its field`() {
        var response = ProtocolResponse(status: 200)
        response.contentType = "text/plain\r\nX-Evil: 1"
        response.location = "http://h/\n\nbody"
        response.lifetime = .until(WallClockTime(millisecondsSince1970: 0), text: "1970\r\n\r\n")
        let text = head(response)
        #expect(text.contains("Content-Type: text/plain  X-Evil: 1\r\n"))
        #expect(text.contains("Location: http://h/  body\r\n"))
        #expect(text.contains("Stream-Expires-At: 1970    \r\n"))
    }

    @Test func `long values have room`() {
        var response = ProtocolResponse(status: 201)
        response.contentType = String(repeating: "é", count: 5_000)
        response.location = String(repeating: "x", count: 50_000)
        #expect(head(response).utf8.count > 60_000)
    }

    @Test func `a head is appended to what the buffer holds`() {
        var buffer = ByteBuffer(string: "before")
        ProtocolResponse(status: 204).writeHead(
            into: &buffer, keepAlive: true, framing: .contentLength, constants: constants)
        #expect(String(buffer: buffer).hasPrefix("beforeHTTP/1.1 204"))
    }

    @Test func `the bytes and the fields say the same`() throws {
        var response = ProtocolResponse(status: 409)
        response.contentType = "a/b"
        response.nextOffset = StreamPosition(rawValue: 1)
        response.isUpToDate = true
        response.isClosed = true
        response.cursor = 5
        response.entityTag = EntityTag(
            streamNumber: 1, createdAtMilliseconds: 2, start: 3, end: 4, isClosedAtEnd: false, coding: .deflate)
        response.cacheControl = .range(isPrivate: true)
        response.coding = .deflate
        response.variesByCoding = true
        response.location = "http://h/p"
        response.lifetime = .sliding(seconds: 60)
        response.producer = ProducerState(epoch: 1, sequence: 2)
        response.producerGap = ProtocolResponse.ProducerGap(expected: 1, received: 2)
        response.isEventStream = true
        response.hasBase64Events = true
        response.statesAllowedMethods = true
        response.retryAfterSeconds = 3
        let lines = head(response).split(separator: "\r\n").dropFirst()
        let written = lines.filter { !$0.hasPrefix("Date") && !$0.hasPrefix("Content-Length") }.sorted()
        let fields = response.fields(constants: constants).map { "\($0.name.rawName): \($0.value)" }.sorted()
        #expect(written.map(String.init) == fields)
    }

    @Test func `an origin can be configured, but is no way to add lines`() {
        let constants = ResponseConstants(allowedOrigin: "https://a.example\r\nX-Evil: 1")
        #expect(!String(decoding: constants.block, as: UTF8.self).contains("\r\nX-Evil"))
    }
}
