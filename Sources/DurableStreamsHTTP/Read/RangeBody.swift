import DurableStreams
import NIOCore

/// The bytes of a range of a stream as a response body.
enum RangeBody {
    /// The body's length: a JSON stream's messages stand in brackets, without the comma after the last one.
    static func byteCount(of read: StreamRead, isJSON: Bool) -> Int {
        guard isJSON else { return read.byteCount }
        return read.byteCount == 0 ? 2 : read.byteCount + 1
    }

    /// Copies once, from where the bytes are kept to where they are sent from. Blocks if the read is not resident.
    static func bytes(of read: StreamRead, isJSON: Bool) throws(StreamError) -> ByteBuffer {
        let byteCount = byteCount(of: read, isJSON: isJSON)
        if byteCount == 0 { return ByteBuffer() }
        var buffer = ByteBufferAllocator().buffer(capacity: byteCount)
        try buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: byteCount) { memory throws(StreamError) in
            try copy(read, isJSON: isJSON, into: UnsafeMutableRawBufferPointer(rebasing: memory[..<byteCount]))
            return byteCount
        }
        return buffer
    }

    /// `memory` has exactly ``byteCount(of:isJSON:)`` bytes.
    static func copy(
        _ read: StreamRead, isJSON: Bool, into memory: UnsafeMutableRawBufferPointer
    ) throws(StreamError) {
        guard isJSON else { return try read.copyBytes(into: memory) }
        memory[0] = UInt8(ascii: "[")
        if read.byteCount > 0 {
            try read.copyBytes(into: UnsafeMutableRawBufferPointer(rebasing: memory[1...read.byteCount]))
        }
        // In place of the last comma, if there is one.
        memory[memory.count - 1] = UInt8(ascii: "]")
    }
}
