/// Archives to begin with.
enum SeedArchive {
    typealias Item = (entry: StreamArchive.Entry, bytes: [UInt8])

    static func make(_ items: [Item]) -> [UInt8] {
        var archive = line(StreamArchive.Header(format: StreamArchive.format, version: StreamArchive.version))
        for (entry, bytes) in items { archive += line(entry) + bytes + [0x0A] }
        return archive + line(StreamArchive.Trailer(streams: items.count))
    }

    static func item(
        _ path: String, _ contentType: String, _ bytes: [UInt8], change: (inout StreamArchive.Entry) -> Void = { _ in }
    ) -> Item {
        var checksum = Checksum()
        bytes.withUnsafeBytes { checksum.add($0) }
        var entry = StreamArchive.Entry(
            path: path, contentType: contentType, createdAt: 1_700_000_000_000, closed: false, closedAtCreation: false,
            lifetime: nil, retention: nil, start: 0, byteCount: UInt64(bytes.count), crc32: checksum.value)
        change(&entry)
        return (entry, bytes)
    }

    /// Streams whose content stays whatever a line of JSON says of them.
    static let plain = make([
        item("a", "text/plain", Array("hello world".utf8)),
        item("b/json", "application/json", Array(#"{"a":[1,2]},"text",3,"#.utf8)) { $0.closed = true },
        item("empty", "application/octet-stream", []),
        item("large", "application/octet-stream", (0..<1_500).map { UInt8(truncatingIfNeeded: $0 * $0 >> 3) }),
    ])

    static let small = make([item("a", "text/plain", Array("hello".utf8))])

    static let everything = make([
        item("a", "text/plain; charset=utf-8", Array("hello\nworld\n".utf8)) {
            $0.lifetime = StreamArchive.Lifetime(seconds: 60, until: nil)
            $0.retention = StreamArchive.Retention(ageLimitSeconds: 9_000, byteCountLimit: nil)
        },
        item("b/json", "application/json", Array(#"{"a":[1,2]},"text",3,"#.utf8)) {
            $0.closed = true
            $0.start = 77
            $0.lifetime = StreamArchive.Lifetime(seconds: nil, until: "2033-11-14T22:13:20Z")
        },
        item("b/json/empty", "application/json", []) {
            ($0.closed, $0.closedAtCreation) = (true, true)
            $0.retention = StreamArchive.Retention(ageLimitSeconds: nil, byteCountLimit: 1_000)
        },
        item("large", "application/octet-stream", (0..<9_000).map { UInt8(truncatingIfNeeded: $0 * $0 >> 3) }),
    ])

    /// Numbers as large as they can be, each in an archive of its own.
    static let extremes: [[UInt8]] = [
        { $0.byteCount = .max }, { $0.byteCount = UInt64(Int.max) }, { $0.createdAt = .max }, { $0.createdAt = .min },
        { $0.start = .max }, { $0.lifetime = StreamArchive.Lifetime(seconds: .max, until: nil) },
        { $0.lifetime = StreamArchive.Lifetime(seconds: 0, until: "9999-12-31T23:59:59Z") },
        { $0.retention = StreamArchive.Retention(ageLimitSeconds: .max, byteCountLimit: .max) },
        { $0.retention = StreamArchive.Retention(ageLimitSeconds: 0, byteCountLimit: 0) },
    ].map { make([item("a", "text/plain", Array("hello".utf8), change: $0)]) }

    private static func line(_ value: some Encodable) -> [UInt8] {
        guard let line = try? StreamArchive.line(value) else { fail("a line is not encoded") }
        return line
    }
}
