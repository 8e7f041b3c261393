import NIOCore
import NIOEmbedded
import Testing

@testable import DurableStreamsHTTP
@testable import DurableStreamsServer

/// What goes past the decoder and what goes through it, in which order.
@Suite struct PlainRequestReaderTests {
    /// Notes what it gets: targets of whole requests with their bodies, and text that went on to the decoder.
    private final class Recorder: PlainRequestReceiver, ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        var takesRequests = true
        var notes: [String] = []
        var whenReceiving: () -> Void = {}

        func receive(_ plain: PlainRequest, body: ByteBuffer?) {
            notes.append(plain.request.target)
            whenReceiving()
            notes.append("end \(body.map { String(buffer: $0) } ?? "")")
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            notes.append(String(buffer: unwrapInboundIn(data)))
        }
    }

    /// In the place of the decoder: marks what goes through it.
    private final class Decoder: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias InboundOut = ByteBuffer

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            context.fireChannelRead(wrapInboundOut(ByteBuffer(string: "decoder " + String(buffer: unwrapInboundIn(data)))))
        }
    }

    private let recorder = Recorder()
    private let channel: EmbeddedChannel

    init() throws {
        let reader = PlainRequestReader(
            recorder, headByteCountLimit: 1_000, bodyByteCountLimit: 10, makeDecoder: { Decoder() })
        channel = EmbeddedChannel(handlers: [reader, recorder])
    }

    private func request(_ target: String, _ body: String = "", byteCount: Int? = nil) -> String {
        "POST \(target) HTTP/1.1\r\nHost: x\r\nContent-Length: \(byteCount ?? body.utf8.count)\r\n\r\n\(body)"
    }

    private func receive(_ text: String) { channel.pipeline.fireChannelRead(ByteBuffer(string: text)) }

    @Test func `Whole requests go past the decoder, one after the other`() {
        receive(request("/1", "abc") + request("/2"))
        receive(request("/3", "x"))
        #expect(recorder.notes == ["/1", "end abc", "/2", "end ", "/3", "end x"])
    }

    @Test func `There is a decoder once there is something for it, and only one`() throws {
        let decoder = { [channel] in try? channel.pipeline.syncOperations.handler(type: Decoder.self) }
        receive(request("/1"))
        #expect(decoder() == nil)
        receive(request("/2", "abc", byteCount: 8))
        let added = try #require(decoder())
        receive("defgh" + request("/3", "x", byteCount: 3))
        #expect(decoder() === added)
        #expect(recorder.notes.filter { $0.hasPrefix("decoder decoder") } == [])
    }

    @Test func `The rest of a request that has not come whole follows its beginning, and no more`() {
        let partial = request("/1", "abc", byteCount: 8)
        receive(partial)
        receive("defgh" + request("/2", "x"))
        #expect(recorder.notes == ["decoder \(partial)", "decoder defgh", "/2", "end x"])
    }

    @Test func `Long bodies, and requests that come too early, are the decoder's`() {
        let long = request("/1", "abcdefghijk")
        receive(long + request("/2"))
        recorder.takesRequests = false
        receive(request("/3"))
        recorder.takesRequests = true
        receive(request("/4"))
        #expect(
            recorder.notes == ["decoder \(long)", "/2", "end ", "decoder \(request("/3"))", "/4", "end "])
    }

    @Test func `Where only the decoder can tell the end of a request, it gets everything that follows`() {
        let half = "GET /1 HTTP/1.1\r\nHo"
        receive(request("/0") + half)
        receive("st: x\r\n\r\n" + request("/2"))
        #expect(recorder.notes == ["/0", "end ", "decoder \(half)", "decoder st: x\r\n\r\n\(request("/2"))"])
    }

    @Test func `What is read while a request is answered waits for what came before it`() {
        recorder.whenReceiving = { [recorder, channel] in
            recorder.whenReceiving = {}
            channel.pipeline.fireChannelRead(ByteBuffer(string: "GET /3"))
            channel.pipeline.fireChannelRead(ByteBuffer(string: " HTTP/1.1\r\n"))
        }
        receive(request("/1") + request("/2", "x"))
        #expect(recorder.notes == ["/1", "end ", "/2", "end x", "decoder GET /3 HTTP/1.1\r\n"])
    }
}
