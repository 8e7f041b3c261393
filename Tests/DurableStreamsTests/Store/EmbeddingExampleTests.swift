import DurableStreams
import Foundation
import Testing

/// The example of the README and of `StreamStore`, as a program that embeds the store would write it.
@Suite struct EmbeddingExampleTests {
    @Test func `The embedding example works`() async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("example-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: directory) }

        // README: begin
        let store = try StreamStore.open(directory: directory)
        let path = try StreamPath("chats/42")
        try await store.create(CreateRequest(path: path, contentType: ContentType("application/json")!))

        // Returns when the messages are on the disk.
        try await store.append(#"[{"role":"user","text":"hi"},{"role":"agent","text":"hello"}]"#.utf8, to: path)

        // Catch up from any position that an earlier read gave, then follow.
        let stream = store.stream(at: path)!
        var position = StreamPosition.start
        Task { try await store.append(#"{"text":"bye"}"#.utf8, to: path, AppendRequest(closes: true)) }
        var text = ""
        while true {
            let read = try stream.read(from: position, byteLimit: 1 << 20)
            text += String(decoding: try read.bytes(), as: UTF8.self)
            position = read.end
            if read.reachesEnd { break }
            _ = await stream.waitForChange(after: position)
        }
        store.close()
        // README: end

        #expect(text == #"{"role":"user","text":"hi"},{"role":"agent","text":"hello"},{"text":"bye"},"#)
    }
}
