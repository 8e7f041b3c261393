import DurableStreams
import NIOCore

/// The protocol's hot paths: what a request costs besides its socket.
enum ProtocolPaths {
    static func all(in directory: String) throws -> [HotPath] {
        let append = ProtocolFixture.Load(
            method: .post, fields: fields, body: ByteBuffer(repeating: 0x61, count: 100), status: 204, count: 64_000,
            atOnce: 64)
        var duplicate = append
        duplicate.fields += [
            field("Producer-Id", "sensor-17"), field("Producer-Epoch", "0"), field("Producer-Seq", "0"),
        ]
        (duplicate.count, duplicate.atOnce) = (100_000, 1)
        let read = ProtocolFixture.Load(
            method: .get, query: "?offset=-1", fields: fields, status: 200, count: 100_000, atOnce: 1)
        let head = ProtocolFixture.Load(method: .head, fields: fields, status: 200, count: 100_000, atOnce: 1)
        return [
            try path("append, 100 B, sync, 64 at once", append, in: directory),
            try path("duplicate of an append", duplicate, in: directory, after: duplicate.firstOfItsProducer),
            try path("read, 1 KiB, journal", read, in: directory, after: append.once(byteCount: 1_024)),
            try path("HEAD", head, in: directory, after: append.once(byteCount: 1_024)),
            try liveEvents(append.once(byteCount: 100), in: directory),
        ]
    }

    private static let fields = [
        field("Host", "127.0.0.1:4437"), field("User-Agent", "benchmark/1.0"), field("Accept", "*/*"),
        field("Content-Type", "application/octet-stream"),
    ]

    private static func field(_ name: String, _ value: String) -> (name: [UInt8], value: [UInt8]) {
        (Array(name.utf8), Array(value.utf8))
    }

    /// - Parameter first: Done once to each stream, before anything is counted.
    private static func path(
        _ name: String, _ load: ProtocolFixture.Load, in directory: String, after first: ProtocolFixture.Load? = nil
    ) throws -> HotPath {
        let fixture = try ProtocolFixture(directory)
        if let first { fixture.handle(first) }
        return HotPath(
            name: "DurableStreamsHTTP: \(name)", count: load.count, run: { fixture.handle(load) }, end: fixture.end)
    }

    /// Counted for each delivery, the append's share in it.
    private static func liveEvents(_ load: ProtocolFixture.Load, in directory: String) throws -> HotPath {
        let fixture = try ProtocolFixture(directory)
        fixture.addReaders(1_000)
        return HotPath(
            name: "DurableStreamsHTTP: live event, 1,000 SSE readers", count: 100_000,
            run: { fixture.deliver(100, load) }, end: fixture.end)
    }
}

extension ProtocolFixture.Load {
    /// The same to each stream once.
    fileprivate func once(byteCount: Int) -> Self {
        var load = self
        load.body = ByteBuffer(repeating: 0x61, count: byteCount)
        (load.count, load.atOnce) = (64, 64)
        return load
    }

    /// What the others are duplicates of: new data of a producer is answered 200.
    fileprivate var firstOfItsProducer: Self {
        var load = once(byteCount: 100)
        load.status = 200
        return load
    }
}
