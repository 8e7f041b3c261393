import DurableStreams
import Foundation
import Testing

/// `inspect`, `check` and `repair`, as a shell sees them.
struct `Commands for a stopped store` {
    private let store: FilledStore

    init() async throws { store = try await FilledStore() }

    @Test func `inspect lists segments and, if asked to, streams`() throws {
        let result = try ToolProgram.run("inspect", store.path, "--streams")
        #expect(result.status == 0, "\(result.errors)")
        for name in try store.names(".sealed") + store.names(".journal") { #expect(result.text.contains(name)) }
        for path in store.contents.keys { #expect(result.text.contains(path)) }
        #expect(try !ToolProgram.run("inspect", store.path).text.contains("chats/json"))
    }

    @Test func `inspect tells the same as JSON`() throws {
        let json = try ToolProgram.run("inspect", store.path, "--streams", "--json").json()
        #expect(json["streamCount"] as? Int == store.contents.count)
        let streams = try #require(json["streams"] as? [[String: Any]])
        let tails = Dictionary(
            uniqueKeysWithValues: streams.map { ($0["path"] as? String ?? "?", $0["tail"] as? Int ?? -1) })
        #expect(tails == store.contents.mapValues(\.count))
        let segments = try #require(json["segments"] as? [[String: Any]])
        let ratios = segments.compactMap { $0["compressionRatio"] as? Double }
        #expect(!ratios.isEmpty && ratios.allSatisfy { $0 > 1 })
    }

    @Test func `check finds nothing in a whole store, and leaves no trace in a copy`() throws {
        let copy = store.directory.path("copy")
        try FileManager.default.copyItem(atPath: store.path, toPath: copy)
        try FileManager.default.removeItem(atPath: "\(copy)/LOCK")
        let names = try FileManager.default.contentsOfDirectory(atPath: copy).sorted()
        let result = try ToolProgram.run("check", copy)
        #expect(result.status == 0, "\(result.text)")
        #expect(result.text.contains("whole: 0 faults"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: copy).sorted() == names)
    }

    @Test func `check names the file and the place of every fault`() throws {
        let names = try store.names(".sealed")
        let first = try #require(names.first)
        try store.damage(first, at: 70)
        let size = try #require(
            try FileManager.default.attributesOfItem(atPath: "\(store.path)/\(first)")[.size] as? Int)
        try store.damage(first, at: size - 10)
        let result = try ToolProgram.run("check", store.path)
        #expect(result.status == 1)
        #expect(result.text.contains("\(first) at byte 64: the block's checksum is wrong"))
        #expect(result.text.contains("\(first) at byte \(size - 4): the footer's checksum is wrong"))
        let json = try ToolProgram.run("check", store.path, "--json").json()
        #expect(json["isDamaged"] as? Bool == true)
        #expect((json["findings"] as? [[String: Any]])?.contains { $0["byteOffset"] as? Int == 64 } == true)
    }

    @Test func `What cannot be looked at is another status than damage`() throws {
        #expect(try ToolProgram.run("check", store.directory.path("nothing")).status == 2)
        #expect(try ToolProgram.run("check", store.directory.url.path).status == 2)
        #expect(try ToolProgram.run("check").status == 2)
        #expect(try ToolProgram.run("inspect", store.path, "--no-such-flag").status == 2)
        #expect(try ToolProgram.run("check", "--help").status == 0)
    }

    @Test func `A store that is open is only looked at by force, and never repaired`() async throws {
        let open = try StreamStore.open(directory: store.path, configuration: FilledStore.configuration())
        defer { open.close() }
        for command in ["inspect", "check"] {
            let refused = try ToolProgram.run(command, store.path)
            #expect(refused.status == 2 && refused.errors.contains("in use"))
            #expect(try ToolProgram.run(command, store.path, "--force").status == 0)
        }
        #expect(try ToolProgram.run("repair", store.path, "--confirm").status == 2)
        #expect(try ToolProgram.run("export", store.path, "-").status == 2)
    }

    @Test func `repair says what it would do, and does it only when that is confirmed`() async throws {
        #expect(try ToolProgram.run("repair", store.path).text.contains("nothing to repair"))
        let name = try #require(try store.names(".sealed").first)
        try store.damage(name, at: 70)
        let names = try store.names("")
        let plan = try ToolProgram.run("repair", store.path)
        #expect(plan.status == 1 && plan.text.contains("--confirm") && plan.text.contains("lost: stream "))
        #expect(try store.names("") == names)

        let repair = try ToolProgram.run("repair", store.path, "--confirm")
        #expect(repair.status == 0, "\(repair.errors)")
        #expect(repair.text.contains("repaired: "))
        let old = try #require(try store.names("Z").first { $0.hasPrefix("damaged-") })
        #expect(FileManager.default.fileExists(atPath: "\(store.path)/\(old)/\(name)"))
        #expect(try ToolProgram.run("check", store.path).status == 0)

        let found = try FilledStore.contents(ofStoreAt: store.path)
        #expect(Set(found.keys) == Set(store.contents.keys))
        let shorter = found.filter { $0.value.count < store.contents[$0.key]!.count }
        #expect(shorter.count == 1)
        for (path, bytes) in found { #expect(store.contents[path]!.suffix(bytes.count).elementsEqual(bytes)) }
        #expect(try ToolProgram.run("check", store.path).status == 0)
    }
}
