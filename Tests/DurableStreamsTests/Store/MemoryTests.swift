import Foundation
import Testing

@testable import DurableStreams

@Suite struct MemoryTests {
    /// The goal is 400 bytes, the engine's part and the path included. Here a little more is allowed, for what the
    /// allocator keeps back.
    @Test func `An idle stream costs few bytes`() async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("memory-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        var configuration = StoreConfiguration()
        configuration.durability = .none
        let store = try StreamStore.open(directory: directory, configuration: configuration)
        defer { store.close() }
        // What a store takes once is not counted.
        try await create(2_000, named: "warm", in: store)
        let before = try anonymousByteCount()
        try await create(60_000, named: "idle", in: store)
        let perStream = Double(try anonymousByteCount() - before) / 60_000
        #expect(perStream < 440, "\(perStream) bytes for each stream")
        withExtendedLifetime(store) {}
    }

    private func create(_ count: Int, named name: String, in store: StreamStore) async throws {
        for start in stride(from: 0, to: count, by: 500) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in start..<start + 500 {
                    let path = try StreamPath("tenants/acme/\(name)/\(10_000_000 + number)/x")
                    group.addTask { try await store.create(CreateRequest(path: path)) }
                }
                try await group.waitForAll()
            }
        }
    }

    /// The process's memory that is in no file: the segments' files are mapped, and not counted.
    private func anonymousByteCount() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") })
        return try #require(Int(line.split(separator: " ").dropLast().last ?? "")) * 1_024
    }
}
