import DurableStreams
import Foundation
import Testing

/// A stopped store on the real disk with sealed segments and a journal, and what is in it.
struct FilledStore {
    let directory: TemporaryDirectory
    let path: String
    /// By path: the stored bytes from the start on.
    private(set) var contents: [String: [UInt8]] = [:]

    static func configuration() -> StoreConfiguration {
        var configuration = StoreConfiguration()
        configuration.durability = .none
        configuration.segmentByteCount = 64 << 10
        return configuration
    }

    init() async throws {
        directory = try TemporaryDirectory()
        path = directory.path("store")
        let store = try StreamStore.open(directory: path, configuration: Self.configuration())
        let text = try #require(ContentType("text/plain"))
        let json = try #require(ContentType("application/json"))
        try await store.create(CreateRequest(path: StreamPath("notes/empty"), contentType: text))
        try await store.create(
            CreateRequest(path: StreamPath("notes/closed"), contentType: text, closed: true), content: "the end\n".utf8)
        try await store.create(
            CreateRequest(path: StreamPath("notes/mortal"), contentType: text, lifetime: .sliding(seconds: 1_000_000)),
            content: "still here".utf8)
        try await store.create(CreateRequest(path: StreamPath("chats/json"), contentType: json))
        for number in 0 ..< 12 {
            try await store.create(CreateRequest(path: StreamPath("bytes/\(number)")))
        }
        for round in 0 ..< 60 {
            let line = String(repeating: "line \(round) of many. ", count: 30 + round)
            _ = try await store.append(line.utf8, to: StreamPath("bytes/\(round % 12)"))
            _ = try await store.append(
                #"[{"round": \#(round), "text": "a, \"b\" ]"}, [1, [2,3]], null]"#.utf8, to: StreamPath("chats/json"))
        }
        _ = try await store.append(#""closing""#.utf8, to: StreamPath("chats/json"), AppendRequest(closes: true))
        try await Self.waitForSealedSegments(path)
        contents = try Self.contents(of: store)
        store.close()
    }

    private static func waitForSealedSegments(_ path: String) async throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while try FileManager.default.contentsOfDirectory(atPath: path).filter({ $0.hasSuffix(".sealed") }).isEmpty {
            try #require(ContinuousClock.now < deadline, "no segment is sealed")
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// The stored bytes of all streams of a store.
    static func contents(of store: StreamStore) throws -> [String: [UInt8]] {
        var contents: [String: [UInt8]] = [:]
        let page: StreamListingPage = store.streams(limit: 1_000)
        for listing in page.streams {
            let stream = try #require(store.stream(at: listing.path))
            var bytes: [UInt8] = []
            var position = stream.snapshot.earliest
            while position < stream.snapshot.tail {
                let read = try stream.read(from: position, byteLimit: 1 << 20)
                bytes += try read.bytes()
                position = read.end
            }
            contents[listing.path.text] = bytes
        }
        return contents
    }

    static func contents(ofStoreAt path: String) throws -> [String: [UInt8]] {
        let store = try StreamStore.open(directory: path, configuration: configuration())
        defer { store.close() }
        return try contents(of: store)
    }

    // MARK: Files

    func names(_ suffix: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(suffix) }.sorted()
    }

    /// Changes one byte of a file.
    func damage(_ name: String, at offset: Int) throws {
        let handle = try FileHandle(forUpdating: URL(filePath: "\(path)/\(name)"))
        try handle.seek(toOffset: UInt64(offset))
        let byte = try #require(try handle.read(upToCount: 1)?.first)
        try handle.seek(toOffset: UInt64(offset))
        try handle.write(contentsOf: Data([~byte]))
        try handle.close()
    }
}
