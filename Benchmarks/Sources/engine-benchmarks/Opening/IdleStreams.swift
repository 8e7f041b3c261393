import ArgumentParser
import DurableStreams
import Glibc

/// Creates many small streams; then, in a process of its own, opens them and looks at what they cost.
struct IdleStreams: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "idle", abstract: "Time of opening, and memory of, many idle streams. Run twice: to fill, then to open.")

    @Argument(help: "A directory on the disk to measure: filled if it is empty, else opened.") var directory: String
    @Option(help: "Streams.") var streams = 1_000_000
    @Option(help: "Bytes in each.") var byteCount = 100

    func run() async throws {
        if access("\(directory)/LOCK", F_OK) != 0 { return try await fill() }
        let memoryBefore = anonymousMemoryByteCount()
        let before = monotonicNanoseconds()
        let store = try StreamStore.open(directory: directory)
        let milliseconds = (monotonicNanoseconds() - before) / 1_000_000
        let memory = anonymousMemoryByteCount() - memoryBefore
        let statistics = store.statistics
        print(
            "opened \(statistics.streamCount) streams in \(milliseconds) ms, memory \(memory >> 20) MiB, "
                + "\(memory / max(1, statistics.streamCount)) bytes for each")
        store.close()
    }

    private func fill() async throws {
        var configuration = StoreConfiguration()
        configuration.durability = .none
        let store = try StreamStore.open(directory: directory, configuration: configuration)
        let type = ContentType("application/octet-stream")!
        let payload = [UInt8](repeating: 7, count: byteCount)
        let before = monotonicNanoseconds()
        let writers = 256
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<writers {
                group.addTask {
                    for number in stride(from: writer, to: streams, by: writers) {
                        let path = try StreamPath("tenants/acme/chats/\(number)")
                        _ = try await store.create(CreateRequest(path: path, contentType: type), content: payload)
                    }
                }
            }
            try await group.waitForAll()
        }
        print("created \(streams) streams in \((monotonicNanoseconds() - before) / 1_000_000) ms")
        sleep(5)
        store.close()
    }
}
