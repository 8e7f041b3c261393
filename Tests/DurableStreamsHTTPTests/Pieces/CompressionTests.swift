import CZlib
@testable import DurableStreamsHTTP
import NIOCore
import Testing

@Suite struct CompressionTests {
    @Test(arguments: [ContentCoding.gzip, .deflate])
    func `what is compressed can be read by zlib, again and again`(coding: ContentCoding) throws {
        let compression = Compression()
        for byteCount in [0, 1, 1_024, 70_000, 1 << 20] {
            let body = (0..<byteCount).map { UInt8(truncatingIfNeeded: $0 / 7) }
            let compressed = try #require(compression.compress(ByteBuffer(bytes: body), coding: coding))
            #expect(inflated(Array(compressed.readableBytesView), coding, byteCountLimit: byteCount + 1) == body)
        }
    }

    @Test func `bytes that do not compress still fit`() throws {
        var generator = SeededGenerator(seed: 1)
        let body = (0..<100_000).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let compressed = try #require(Compression().compress(ByteBuffer(bytes: body), coding: .gzip))
        #expect(inflated(Array(compressed.readableBytesView), .gzip, byteCountLimit: body.count + 1) == body)
    }

    @Test func `identity is not compressed`() {
        #expect(Compression().compress(ByteBuffer(string: "a"), coding: .identity) == nil)
    }
}

/// Fails with an empty array.
func inflated(_ bytes: [UInt8], _ coding: ContentCoding, byteCountLimit: Int = 1 << 22) -> [UInt8] {
    var input = bytes
    var output = [UInt8](repeating: 0, count: byteCountLimit)
    var stream = z_stream()
    let windowBits: Int32 = coding == .gzip ? 31 : 15
    guard inflateInit2_(&stream, windowBits, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
        return []
    }
    defer { inflateEnd(&stream) }
    let produced = input.withUnsafeMutableBufferPointer { input in
        output.withUnsafeMutableBufferPointer { output -> Int? in
            stream.next_in = input.baseAddress
            stream.avail_in = UInt32(input.count)
            stream.next_out = output.baseAddress
            stream.avail_out = UInt32(output.count)
            return inflate(&stream, Z_FINISH) == Z_STREAM_END ? output.count - Int(stream.avail_out) : nil
        }
    }
    return produced.map { Array(output[..<$0]) } ?? []
}
