/// What an entry does to its stream.
public enum EntryKind: UInt8, Sendable {
    /// The stream begins. Its number is the entry's sequence number; the annotation is the owner's row for it.
    case create = 1
    /// Bytes, or only an annotation, are added to the stream.
    case append = 2
    /// The stream ends. Nothing of it is visible any more.
    case delete = 3
    /// Nothing before the entry's position is read any more.
    case trim = 4
}

/// One row of a frame's entry table.
///
///     offset  width  field
///          0      1  kind: 1 create, 2 append, 3 delete, 4 trim
///          1      1  flags: 1 the next entry of this frame continues this append; other bits zero
///          2      2  reserved, zero
///          4      4  byte count of the annotation
///          8      4  byte count of the payload
///         12      8  stream number
///         20      8  position of the payload in the stream; of a trim, the new start of the stream
///         28         annotation
///
/// All integers are little endian. The payload is in the frame's payload area, after those of the entries before.
/// An append that is stored in several entries has them side by side in one frame, so it is there whole or not at all;
/// its annotation is with the last.
struct Entry {
    static let headerByteCount = 28
    static let continuesFlag: UInt8 = 1

    var kind: EntryKind
    var continues: Bool
    var annotation: UnsafeRawBufferPointer
    var payloadByteCount: Int
    var streamNumber: StreamNumber
    var position: StreamPosition

    /// Writes the fixed part; the annotation is copied behind it by the caller.
    static func encodeHeader(
        into base: UnsafeMutableRawPointer, kind: EntryKind, continues: Bool, annotationByteCount: Int,
        payloadByteCount: Int, streamNumber: StreamNumber, position: StreamPosition
    ) {
        base.store(kind.rawValue, at: 0)
        base.store(continues ? continuesFlag : 0, at: 1)
        base.store(UInt16(0), at: 2)
        base.store(UInt32(annotationByteCount), at: 4)
        base.store(UInt32(payloadByteCount), at: 8)
        base.store(streamNumber.rawValue, at: 12)
        base.store(position.rawValue, at: 20)
    }

    /// The next entry of a table, its annotation borrowed from the reader's bytes; nil if it is malformed.
    static func decode(_ reader: inout ByteReader) -> Entry? {
        guard let kind = reader.next(UInt8.self).flatMap(EntryKind.init(rawValue:)),
            let flags = reader.next(UInt8.self), flags & ~continuesFlag == 0,
            reader.next(UInt16.self) == 0,
            let annotationByteCount = reader.next(UInt32.self), let payloadByteCount = reader.next(UInt32.self),
            let streamNumber = reader.next(UInt64.self), let position = reader.next(UInt64.self),
            let annotation = reader.next(byteCount: Int(annotationByteCount))
        else { return nil }
        return Entry(
            kind: kind, continues: flags == continuesFlag, annotation: annotation,
            payloadByteCount: Int(payloadByteCount), streamNumber: StreamNumber(rawValue: streamNumber),
            position: StreamPosition(rawValue: position)
        )
    }
}
