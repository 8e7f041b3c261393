/// The annotation of the entry that creates a stream: who it is and what it was made to be.
///
///     width  field
///         1  version, 1
///         1  flags: 1 closed at creation, 2 has a retention; other bits zero
///         8  wall-clock time of creation, in milliseconds since 1970
///         4  byte count of the path, then the path, normalized
///         4  byte count of the content type, then the content type as it was given
///         1  lifetime: 0 none, 1 sliding, 2 until
///              1: 8  seconds
///              2: 8  wall-clock time in milliseconds since 1970, 4 byte count of the text, then the text as it was given
///            if flag 2:  8 age limit in seconds, 8 limit of the byte count; all bits set for no limit
///         1  origin: 0 a stream of its own, 1 a fork
///              1: where it comes from (``ForkRow``)
///
/// All integers are little endian. Nothing follows.
struct StreamRow: Equatable {
    static let version: UInt8 = 1

    private enum Flag {
        static let closed: UInt8 = 1
        static let retention: UInt8 = 2
    }

    var path: StreamPath
    var contentType: ContentType
    var lifetime: Lifetime?
    var isClosedAtCreation: Bool
    var createdAt: WallClockTime
    var retention: Retention?
    var fork: ForkRow?

    func encode() -> [UInt8] {
        var writer = RecordWriter()
        writer.add(Self.version)
        writer.add((isClosedAtCreation ? Flag.closed : 0) | (retention == nil ? 0 : Flag.retention))
        writer.add(createdAt.millisecondsSince1970)
        writer.add(path.text)
        writer.add(contentType.text)
        switch lifetime {
        case nil: writer.add(UInt8(0))
        case .sliding(let seconds):
            writer.add(UInt8(1))
            writer.add(seconds)
        case .until(let time, let text):
            writer.add(UInt8(2))
            writer.add(time.millisecondsSince1970)
            writer.add(text)
        }
        if let retention {
            writer.add(retention.ageLimitSeconds ?? .max)
            writer.add(retention.byteCountLimit ?? .max)
        }
        writer.add(UInt8(fork == nil ? 0 : 1))
        fork?.encode(into: &writer)
        return writer.bytes
    }

    /// Nil if the bytes are not such a record.
    static func decode(_ bytes: UnsafeRawBufferPointer) -> StreamRow? {
        var reader = RecordReader(bytes)
        guard reader.next(UInt8.self) == version, let flags = reader.next(UInt8.self),
            flags & ~(Flag.closed | Flag.retention) == 0,
            let createdAt = reader.next(Int64.self), let path = reader.nextPath(),
            let contentType = reader.nextText().flatMap(ContentType.init), let lifetimeKind = reader.next(UInt8.self)
        else { return nil }
        var lifetime: Lifetime?
        switch lifetimeKind {
        case 0: break
        case 1:
            guard let seconds = reader.next(UInt64.self) else { return nil }
            lifetime = .sliding(seconds: seconds)
        case 2:
            guard let milliseconds = reader.next(Int64.self), let text = reader.nextText() else { return nil }
            lifetime = .until(WallClockTime(millisecondsSince1970: milliseconds), text: text)
        default: return nil
        }
        var retention: Retention?
        if flags & Flag.retention != 0 {
            guard let age = reader.next(UInt64.self), let byteCount = reader.next(UInt64.self) else { return nil }
            retention = Retention(
                ageLimitSeconds: age == .max ? nil : age, byteCountLimit: byteCount == .max ? nil : byteCount)
        }
        guard let origin = reader.next(UInt8.self), origin <= 1 else { return nil }
        let fork = origin == 1 ? ForkRow.decode(&reader) : nil
        guard (fork != nil) == (origin == 1), reader.isAtEnd else { return nil }
        return StreamRow(
            path: path, contentType: contentType, lifetime: lifetime, isClosedAtCreation: flags & Flag.closed != 0,
            createdAt: WallClockTime(millisecondsSince1970: createdAt), retention: retention, fork: fork)
    }
}
