import DurableStreamsWire
public import NIOCore

/// One or more server-sent events as ready bytes. Copies share the bytes.
public struct EncodedEvents: Sendable {
    public let plain: ByteBuffer
    /// The same bytes as one chunk of HTTP/1.1 chunked coding (RFC 9112 section 7.1).
    public let chunked: ByteBuffer

    /// The bytes of the data event, which come first; the rest is the control event.
    let dataByteCount: Int

    /// The size of a chunk in hexadecimal digits, and a line end.
    private static let chunkHeadByteCountLimit = 16 + 2

    /// Puts a data event of so many bytes, which `writeData` writes, and a control event into one piece of memory.
    init(dataByteCount: Int, control: ControlEvent, writeData: (inout RawByteWriter) -> Void = { _ in }) {
        let byteCount = dataByteCount + control.byteCount
        let sizeByteCount = RawByteWriter.hexadecimalDigitCount(UInt64(byteCount)) + 2
        let chunkByteCount = sizeByteCount + byteCount + 2
        var buffer = ByteBufferAllocator().buffer(capacity: chunkByteCount)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: chunkByteCount) { memory in
            var writer = RawByteWriter(memory)
            writer.write(hexadecimal: UInt64(byteCount))
            writer.write("\r\n")
            writeData(&writer)
            precondition(writer.count == sizeByteCount + dataByteCount, "a data event of another length than announced")
            control.write(into: &writer)
            writer.write("\r\n")
            return writer.count
        }
        chunked = buffer
        buffer.moveReaderIndex(forwardBy: sizeByteCount)
        buffer.moveWriterIndex(to: buffer.writerIndex - 2)
        plain = buffer
        self.dataByteCount = dataByteCount
    }

    /// The same data with another control event.
    func with(control: ControlEvent) -> EncodedEvents {
        EncodedEvents(dataByteCount: dataByteCount, control: control) { writer in
            plain.withUnsafeReadableBytes { bytes in
                writer.write(UnsafeRawBufferPointer(rebasing: bytes[..<dataByteCount]))
            }
        }
    }
}
