import DurableStreams
import Foundation
import Testing

/// `export` and `import`, as a shell sees them.
struct `Moving streams between stores` {
    private let store: FilledStore
    private let archive: String
    private let target: String

    init() async throws {
        store = try await FilledStore()
        archive = store.directory.path("archive")
        target = store.directory.path("target")
    }

    @Test func `What is exported and imported is the same, to the byte`() throws {
        let export = try ToolProgram.run("export", store.path, archive)
        #expect(export.status == 0, "\(export.errors)")
        let result = try ToolProgram.run("import", target, archive)
        #expect(result.status == 0, "\(result.errors)")
        #expect(try FilledStore.contents(ofStoreAt: target) == store.contents)
        let again = store.directory.path("again")
        #expect(try ToolProgram.run("export", target, again).status == 0)
        #expect(try Data(contentsOf: URL(filePath: again)) == Data(contentsOf: URL(filePath: archive)))
        #expect(try ToolProgram.run("check", target).status == 0)
    }

    @Test func `Configuration and end of a stream come along`() throws {
        let export = try ToolProgram.run("export", store.path, "-")
        #expect(try ToolProgram.run("import", target, "-", input: export.output).status == 0)
        let (old, new) = (
            try StreamStore.open(directory: store.path, configuration: FilledStore.configuration()),
            try StreamStore.open(directory: target, configuration: FilledStore.configuration())
        )
        defer {
            old.close()
            new.close()
        }
        for path in store.contents.keys {
            let (before, after) = (
                try #require(old.stream(at: StreamPath(path))), try #require(new.stream(at: StreamPath(path)))
            )
            #expect(after.contentType == before.contentType)
            #expect(after.lifetime == before.lifetime)
            #expect(after.createdAt == before.createdAt)
            #expect(after.snapshot.isClosed == before.snapshot.isClosed)
            #expect(after.isClosedAtCreation == before.isClosedAtCreation)
        }
    }

    @Test func `The format is as it says`() throws {
        let lines = try ToolProgram.run("export", store.path, "-", "--prefix", "notes/closed").text
            .split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.count == 6)
        #expect(lines[0] == #"{"format":"durable-streams-archive","version":1}"#)
        let entry = try #require(
            try JSONSerialization.jsonObject(with: Data(lines[1].utf8)) as? [String: Any])
        #expect(entry["path"] as? String == "notes/closed" && entry["contentType"] as? String == "text/plain")
        #expect(entry["byteCount"] as? Int == 8 && entry["start"] as? Int == 0 && entry["closed"] as? Bool == true)
        #expect(entry["crc32"] as? UInt32 == 0xC36C_55CA)
        #expect(lines[2] == "the end" && lines[3] == "")
        #expect(lines[4] == #"{"streams":1}"# && lines[5] == "")
    }

    @Test func `Streams that exist are refused, or skipped`() throws {
        #expect(try ToolProgram.run("export", store.path, archive).status == 0)
        #expect(try ToolProgram.run("import", target, archive).status == 0)
        let refused = try ToolProgram.run("import", target, archive)
        #expect(refused.status == 1 && refused.errors.contains("exists"))
        let skipped = try ToolProgram.run("import", target, archive, "--skip-existing")
        #expect(skipped.status == 0 && skipped.errors.contains("skipped \(store.contents.count)"), "\(skipped.errors)")
        #expect(try FilledStore.contents(ofStoreAt: target) == store.contents)
        #expect(try ToolProgram.run("export", store.path, archive).status == 1, "a file is never overwritten")
    }

    @Test func `An import that was broken off is completed, and what is another stream stays`() async throws {
        #expect(try ToolProgram.run("export", store.path, archive).status == 0)
        let partial = try StreamStore.open(directory: target, configuration: FilledStore.configuration())
        let json = try #require(ContentType("application/json"))
        try await partial.create(
            CreateRequest(path: StreamPath("chats/json"), contentType: json),
            content: #"[{"round": 0, "text": "a, \"b\" ]"}, [1, [2,3]]]"#.utf8)
        try await partial.create(
            CreateRequest(path: StreamPath("bytes/1")), content: store.contents["bytes/1"]!.prefix(100))
        try await partial.create(CreateRequest(path: StreamPath("bytes/2")), content: "another one".utf8)
        try await partial.create(
            CreateRequest(path: StreamPath("bytes/3")), content: store.contents["bytes/3"]! + [1, 2, 3])
        partial.close()
        let result = try ToolProgram.run("import", target, archive, "--skip-existing")
        #expect(result.status == 0, "\(result.errors)")
        var expected = store.contents
        expected["bytes/2"] = Array("another one".utf8)
        expected["bytes/3"]! += [1, 2, 3]
        #expect(try FilledStore.contents(ofStoreAt: target) == expected)
    }

    @Test func `A damaged archive is refused before anything is imported`() throws {
        let whole = try ToolProgram.run("export", store.path, "-").output
        var damaged = ["crc32\":", "byteCount\":", "line 3 ", "the end", "{\"streams\":"].map { text in
            var damaged = whole
            // The byte behind the text: in a number, in content, in the last line.
            let place = damaged.range(of: Data(text.utf8), options: .backwards)!.upperBound
            damaged[place] = damaged[place] == 0x31 ? 0x32 : damaged[place] ^ 1
            return damaged
        }
        damaged += [whole.prefix(whole.count - 20), whole.prefix(whole.count / 2), whole.prefix(10), Data()]
        for (number, bytes) in damaged.enumerated() {
            try bytes.write(to: URL(filePath: archive))
            let result = try ToolProgram.run("import", target, archive)
            #expect(result.status == 1, "\(number): \(result.errors)")
            guard FileManager.default.fileExists(atPath: target) else { continue }
            #expect(try FilledStore.contents(ofStoreAt: target).isEmpty, "\(number)")
        }
    }

    @Test(arguments: [UInt64(Int.max) - 1, UInt64(Int.max), .max], [true, false])
    func `A stream that says that it has more bytes than any file is refused`(_ byteCount: UInt64, isFile: Bool) throws {
        let lines = [
            #"{"format":"durable-streams-archive","version":1}"#,
            #"{"byteCount":\#(byteCount),"closed":false,"closedAtCreation":false,"contentType":"text/plain","#
                + #""crc32":0,"createdAt":0,"path":"a","start":0}"#,
            "hello", #"{"streams":1}"#, "",
        ]
        let bytes = Data(lines.joined(separator: "\n").utf8)
        try bytes.write(to: URL(filePath: archive))
        let result =
            isFile
            ? try ToolProgram.run("import", target, archive)
            : try ToolProgram.run("import", target, "-", input: bytes)
        #expect(result.status == 1 && result.errors.contains("ends within a stream"), "\(result)")
        #expect(try FilledStore.contents(ofStoreAt: target).isEmpty)
    }

    @Test func `From standard input, a stream with wrong bytes is not there in the end`() throws {
        let whole = try ToolProgram.run("export", store.path, "-").output
        let place = try #require(whole.range(of: Data("line 1 of many".utf8)))
        var damaged = whole
        damaged[place.lowerBound] ^= 1
        let result = try ToolProgram.run("import", target, "-", input: damaged)
        #expect(result.status == 1 && result.errors.contains("the checksum of 'bytes/1' is wrong"))
        let found = try FilledStore.contents(ofStoreAt: target)
        #expect(Set(found.keys) == ["bytes/0"])
        let again = try ToolProgram.run("import", target, "-", "--skip-existing", input: whole)
        #expect(again.status == 0, "\(again.errors)")
        #expect(try FilledStore.contents(ofStoreAt: target) == store.contents)
    }

    @Test func `What is no store is not exported, nor made into one`() throws {
        #expect(try ToolProgram.run("export", store.directory.path("nothing"), archive).status == 2)
        #expect(!FileManager.default.fileExists(atPath: store.directory.path("nothing")))
        #expect(!FileManager.default.fileExists(atPath: archive))
    }
}
