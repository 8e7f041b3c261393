import Foundation
import Glibc
import Testing

/// How far a command has got, for whoever sits at a terminal.
struct `Progress of the tools` {
    private let store: FilledStore

    init() async throws { store = try await FilledStore() }

    /// The two ends of a pseudo-terminal. `openpty` and its kind are not in the module of the C library.
    private static func openTerminal() throws -> (master: CInt, slave: CInt) {
        let (getNumber, setLock): (UInt, UInt) = (0x8004_5430, 0x4004_5431)
        let master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        var (number, lock): (CInt, CInt) = (0, 0)
        try #require(master >= 0, "no pseudo-terminal")
        let isUnlocked = ioctl(master, setLock, &lock) == 0 && ioctl(master, getNumber, &number) == 0
        try #require(isUnlocked, "the pseudo-terminal is locked")
        let slave = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY)
        try #require(slave >= 0, "the pseudo-terminal has no other side")
        return (master, slave)
    }

    /// Runs a command with its standard error at a pseudo-terminal, and gives what was shown there.
    private func shown(_ arguments: [String]) throws -> (status: Int32, text: String, output: String) {
        let (master, slave) = try Self.openTerminal()
        defer { close(master) }
        let outputFile = store.directory.url.appending(path: "terminal-output-\(UUID().uuidString)")
        try Data().write(to: outputFile)
        let process = Process()
        process.executableURL = try ToolProgram.executable()
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = try FileHandle(forWritingTo: outputFile)
        process.standardError = FileHandle(fileDescriptor: slave, closeOnDealloc: false)
        try process.run()
        close(slave)
        // Reading fails once the last one has closed the other side. What is not read would hold the command up.
        var bytes: [UInt8] = []
        var space = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = read(master, &space, space.count)
            if count <= 0 { break }
            bytes += space.prefix(count)
        }
        process.waitUntilExit()
        let output = try String(contentsOf: outputFile, encoding: .utf8)
        return (process.terminationStatus, String(decoding: bytes, as: UTF8.self), output)
    }

    /// What a terminal is asked to write over.
    private static let line = "\r\u{1B}[K"

    @Test func `At a terminal commands show how far they are on one line, and leave none behind`() throws {
        let archive = store.directory.path("archive")
        let target = store.directory.path("target")
        // What looks at files says nothing before there are more of them than this store has.
        let commands: [(arguments: [String], words: String?)] = [
            (["check", store.path], nil), (["inspect", store.path], nil),
            (["export", store.path, archive], "exporting"), (["import", target, archive], "importing"),
        ]
        for (arguments, words) in commands {
            let result = try shown(arguments)
            let comment = "\(arguments): \(result.text.debugDescription)"
            #expect(result.status == 0, "\(comment)")
            let parts = result.text.components(separatedBy: Self.line).dropFirst()
            if let words { #expect(parts.contains { $0.hasPrefix(words) && $0.contains("B") }, "\(comment)") }
            // What comes last is nothing, or what the command says at its end.
            #expect(parts.last.map { $0.isEmpty || $0.hasPrefix("durable-streams: ") } == true, "\(comment)")
            #expect(!result.output.contains("\u{1B}"))
        }
    }

    @Test func `Without a terminal commands show no progress`() throws {
        let archive = store.directory.path("archive")
        let target = store.directory.path("target")
        let results = [
            try ToolProgram.run("check", store.path), try ToolProgram.run("inspect", store.path),
            try ToolProgram.run("export", store.path, archive), try ToolProgram.run("import", target, archive),
        ]
        for result in results {
            #expect(result.status == 0)
            for text in [result.errors, result.text] {
                #expect(!text.contains("\u{1B}") && !text.contains("\r"), "\(text.debugDescription)")
            }
            #expect(result.errors.split(separator: "\n").allSatisfy { $0.hasPrefix("durable-streams: ") })
        }
    }
}
