import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import DurableStreamsHTTP
@testable import DurableStreamsServer

/// What is read past the decoder is what the decoder would have read.
@Suite struct PlainRequestTests {
    private func read(_ text: String, limit: Int = 4_096) -> PlainRequest? {
        Array(text.utf8).withUnsafeBytes { PlainRequest.read($0, byteCountLimit: limit) }
    }

    @Test func `A request in the common form is read`() throws {
        let text =
            "POST /v1/stream/a?b=%20 HTTP/1.1\r\nhOST: x:1\r\nContent-Type:\t text/plain \r\nConnection: Keep-Alive\r\n"
            + "Content-Length: 3\r\nX-Empty:\r\nProducer-Id: ü\r\n\r\nabc"
        let plain = try #require(read(text))
        #expect(plain.request.method == .post)
        #expect(plain.request.target == "/v1/stream/a?b=%20")
        #expect(plain.request.contentType == "text/plain")
        #expect(plain.request.producerIdentifier == "ü")
        #expect(plain.bodyByteCount == 3)
        #expect(plain.headByteCount == text.utf8.count - 3)
        #expect(plain.facts.keepsAlive && plain.facts.announcedByteCount == 3)
    }

    @Test(arguments: [
        "GET /a HTTP/1.0\r\nHost: x\r\n\r\n", "GET /a HTTP/1.1\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "GET /a HTTP/1.1\r\nHost: x\r\nUpgrade: h2c\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n\r\n", "GET /a HTTP/1.1\nHost: x\n\n",
        "GET /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", "GET /a#b HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET http://x/a HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a HTTP/1.1\r\nHost : x\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", "GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na",
        "GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: 1234567890\r\n\r\n", "CONNECT /a HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET  /a HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a  HTTP/1.1\r\nHost: x\r\n\r\n",
        "\r\nGET /a HTTP/1.1\r\nHost: x\r\n\r\n",
        "GET /ü HTTP/1.1\r\nHost: x\r\n\r\n", "GET /a HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n", "",
    ])
    func `Anything else is left to the decoder`(text: String) { #expect(read(text) == nil) }

    @Test func `A head that is not all there, or too long, is left to the decoder`() {
        let text = "PUT /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
        for count in 0..<text.utf8.count {
            #expect(read(String(decoding: text.utf8.prefix(count), as: UTF8.self)) == nil)
        }
        #expect(read(text, limit: text.utf8.count) != nil)
        #expect(read(text, limit: text.utf8.count - 1) == nil)
    }

    @Test func `Whatever is read, the decoder would read the same`() throws {
        var random = SplitMix(state: 1)
        var plainCount = 0
        for _ in 0..<20_000 {
            let bytes = Self.randomRequest(&random)
            guard let plain = bytes.withUnsafeBytes({ PlainRequest.read($0, byteCountLimit: 4_096) }) else { continue }
            // The decoder knows only registered methods.
            if case .other = plain.request.method { continue }
            plainCount += 1
            let whole = Array(bytes.prefix(plain.headByteCount + plain.bodyByteCount))
            let decoded = try #require(Self.decode(whole), "\(String(decoding: whole, as: UTF8.self).debugDescription)")
            let (request, facts) = RequestFacts.read(decoded.head)
            #expect("\(request)" == "\(plain.request)")
            #expect(facts == plain.facts)
            let body = whole.dropFirst(plain.headByteCount)
            #expect(decoded.body == Array(body))
            #expect(decoded.isEnded == (body.count == plain.bodyByteCount))
        }
        #expect(plainCount > 2_000)
    }

    private static func decode(_ bytes: [UInt8]) -> (head: HTTPRequestHead, body: [UInt8], isEnded: Bool)? {
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(HTTPRequestDecoder()))
        defer { _ = try? channel.finish() }
        guard (try? channel.writeInbound(ByteBuffer(bytes: bytes))) != nil,
            case .head(let head)? = try? channel.readInbound(as: HTTPServerRequestPart.self)
        else { return nil }
        var body: [UInt8] = []
        while let part = try? channel.readInbound(as: HTTPServerRequestPart.self) {
            switch part {
            case .body(let bytes): body += bytes.readableBytesView
            case .end: return (head, body, true)
            case .head: return nil
            }
        }
        return (head, body, false)
    }

    /// Something like a request, with zero to three bytes of it changed.
    private static func randomRequest(_ random: inout SplitMix) -> [UInt8] {
        let methods = ["GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH"]
        let fields = [
            "Host: x", "host:y:1", "Content-Length: 3", "content-length:0", "Content-Type: text/plain ; a=\"b\"", "A:",
            "X-Y:\t z", "Connection: keep-alive", "Connection: close", "Stream-Closed: true", "Stream-Seq: ü",
            "Stream-TTL: 12", "Expect: x", "Producer-Id: p", "Producer-Epoch: 0", "Producer-Seq: 7", "TE: x",
            "If-None-Match: \"a\"", "Accept-Encoding: gzip",
        ]
        var text = methods.randomElement(using: &random)! + " /a/b%20c?d=e HTTP/1.1\r\n"
        if Int.random(in: 0..<4, using: &random) > 0 { text += "Host: x\r\n" }
        for _ in 0..<Int.random(in: 0..<6, using: &random) { text += fields.randomElement(using: &random)! + "\r\n" }
        text += "\r\n" + ["", "abc", "a"].randomElement(using: &random)!
        var bytes = Array(text.utf8)
        let replacements = Array("\r\n :\t\0aA1/#ü".utf8)
        for _ in 0..<[0, 0, 1, 2, 3].randomElement(using: &random)! {
            bytes[Int.random(in: bytes.indices, using: &random)] = replacements.randomElement(using: &random)!
        }
        return bytes
    }
}
