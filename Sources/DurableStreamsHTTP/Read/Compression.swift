import CZlib
import NIOCore
import Synchronization

/// Compresses response bodies. Keeps a few compressors, since making one costs more than a small body.
final class Compression: Sendable {
    /// Smaller bodies are not worth it.
    static let byteCountMinimum = 1_024

    /// Larger bodies take too long for an event loop.
    static let inlineByteCountLimit = 32 << 10

    /// For each coding. One takes 256 KiB.
    private static let keptCompressorLimit = 4

    private struct Kept {
        var gzip: [Compressor] = []
        var deflate: [Compressor] = []
    }

    private let kept = Mutex(Kept())

    /// Nil if there is no memory for it; the caller then sends the body as it is.
    func compress(_ body: ByteBuffer, coding: ContentCoding) -> ByteBuffer? {
        guard coding != .identity, let compressor = take(coding) else { return nil }
        let compressed = compressor.compress(body)
        keep(compressor, coding)
        return compressed
    }

    private func take(_ coding: ContentCoding) -> Compressor? {
        let compressor = kept.withLock { kept in
            coding == .gzip ? kept.gzip.popLast() : kept.deflate.popLast()
        }
        return compressor ?? Compressor(coding: coding)
    }

    private func keep(_ compressor: Compressor, _ coding: ContentCoding) {
        kept.withLock { kept in
            switch coding {
            case .identity: break
            case .gzip: if kept.gzip.count < Self.keptCompressorLimit { kept.gzip.append(compressor) }
            case .deflate: if kept.deflate.count < Self.keptCompressorLimit { kept.deflate.append(compressor) }
            }
        }
    }
}

/// A zlib stream that is used again and again, by one thread at a time.
private final class Compressor: @unchecked Sendable {
    /// Fast rather than small: what is compressed here is read about once.
    private static let level: Int32 = 3
    private static let memoryLevel: Int32 = 8
    private static let windowBits: Int32 = 15
    /// Added to the window bits, it asks for gzip's header and trailer.
    private static let gzipFlag: Int32 = 16

    // zlib's state points back to it, so it must not move.
    private let stream: UnsafeMutablePointer<z_stream>

    init?(coding: ContentCoding) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let windowBits = Self.windowBits + (coding == .gzip ? Self.gzipFlag : 0)
        let result = deflateInit2_(
            stream, Self.level, Z_DEFLATED, windowBits, Self.memoryLevel, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        if result != Z_OK {
            stream.deallocate()
            return nil
        }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
    }

    func compress(_ body: ByteBuffer) -> ByteBuffer? {
        guard deflateReset(stream) == Z_OK else { return nil }
        let byteCountLimit = Int(deflateBound(stream, UInt(body.readableBytes)))
        var output = ByteBufferAllocator().buffer(capacity: byteCountLimit)
        var isComplete = false
        output.writeWithUnsafeMutableBytes(minimumWritableBytes: byteCountLimit) { target in
            body.withUnsafeReadableBytes { source in
                // zlib does not write to its input; the C type only lacks the const.
                stream.pointee.next_in = UnsafeMutablePointer(
                    mutating: source.baseAddress?.assumingMemoryBound(to: UInt8.self))
                stream.pointee.avail_in = UInt32(source.count)
                stream.pointee.next_out = target.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.pointee.avail_out = UInt32(clamping: target.count)
                let available = stream.pointee.avail_out
                isComplete = deflate(stream, Z_FINISH) == Z_STREAM_END
                return Int(available - stream.pointee.avail_out)
            }
        }
        return isComplete ? output : nil
    }
}
