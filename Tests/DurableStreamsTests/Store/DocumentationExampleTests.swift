import DurableStreams
import Foundation
import Testing

// Documentation: begin
/// Runs a conversation to its end, and gives the text of it as another reader has followed it.
func converse(in store: StreamStore) async throws -> String {
    let path = try StreamPath("chats/42")
    let json = ContentType("application/json")!
    try await store.create(CreateRequest(path: path, contentType: json, lifetime: .sliding(seconds: 3_600)))

    // Follows from the beginning: what is there, then what comes, until the stream is closed.
    let stream = store.stream(at: path)!
    let reader = Task {
        var text = ""
        for try await chunk in stream.follow() { text += String(decoding: chunk.bytes, as: UTF8.self) }
        return text
    }

    // Each returns when it is durable.
    try await store.append(#"[{"role":"user","text":"hi"},{"role":"agent","text":"hello"}]"#.utf8, to: path)
    // With a stamp, a retry after a lost answer changes nothing.
    let stamp = ProducerStamp(identifier: "agent-7", epoch: 0, sequence: 0)
    for _ in 0..<2 {
        try await store.append(#"{"text":"how are you?"}"#.utf8, to: path, AppendRequest(producer: stamp))
    }
    // A fork goes on from here by itself. What is before is shared, whatever becomes of the source.
    let draft = try StreamPath("chats/42-draft")
    try await store.create(CreateRequest(path: draft, fork: ForkRequest(source: path)))
    try await store.append(#"{"text":"bye"}"#.utf8, to: path, AppendRequest(closes: true))

    var cursor: StreamPath?
    repeat {
        let page = await store.streams(withPrefix: "chats/", after: cursor, limit: 100)
        for listing in page.streams { print(listing.path, listing.tail) }
        cursor = page.cursor
    } while cursor != nil
    try await store.delete(draft)
    return try await reader.value
}
// Documentation: end

/// The example of the module's documentation.
@Suite struct DocumentationExampleTests {
    private static let directory = URL(filePath: #filePath).deletingLastPathComponent()

    @Test func `The documentation's example does what it says`() async throws {
        let directory = FileManager.default.temporaryDirectory.appendingPathComponent("example-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let store = try StreamStore.open(directory: directory)
        defer { store.close() }
        let text = try await converse(in: store)
        let first = #"{"role":"user","text":"hi"},{"role":"agent","text":"hello"}"#
        #expect(text == first + #",{"text":"how are you?"},{"text":"bye"},"#)
        #expect(store.statistics.streamCount == 1)
    }

    @Test func `The documentation shows this example`() throws {
        let source = try String(contentsOf: URL(filePath: #filePath), encoding: .utf8)
        let parts = source.components(separatedBy: "// Documentation: ")
        let example = try #require(parts.dropFirst().first).dropFirst("begin\n".count)
        let page = Self.directory.appending(path: "../../../Sources/DurableStreams/DurableStreams.docc/DurableStreams.md")
        #expect(try String(contentsOf: page, encoding: .utf8).contains("```swift\n\(example)```"))
    }
}
