import ArgumentParser
import LoadGenerator

/// What the three small reads have in common.
struct BenchReadOptions: ParsableArguments {
    @Option(help: "Connections, each with one request under way.")
    var connections = 64

    @Option(help: "The size of each stream.")
    var bytes = 1_024

    @Option(help: "Streams, read in turn.")
    var streams = 1

    func workload(_ kind: ReadWorkload.Kind, _ time: BenchTimeOptions) throws -> ReadWorkload {
        try require(bytes, in: 1...(64 << 10), "--bytes")
        try require(streams, in: 1...1_000_000, "--streams")
        var workload = ReadWorkload(kind, options: try time.load(connections: connections))
        workload.byteCount = bytes
        workload.streamCount = streams
        return workload
    }
}

struct BenchReadCommand: BenchWorkloadCommand {
    static let configuration = CommandConfiguration(
        commandName: "read", abstract: "GET a small stream from its start.")

    @OptionGroup(title: "Server and report") var server: BenchServerOptions
    @OptionGroup(title: "Time") var time: BenchTimeOptions
    @OptionGroup var options: BenchReadOptions

    func makeWorkload() throws -> ReadWorkload { try options.workload(.read, time) }
}

struct BenchHeadCommand: BenchWorkloadCommand {
    static let configuration = CommandConfiguration(commandName: "head", abstract: "HEAD: where a stream ends.")

    @OptionGroup(title: "Server and report") var server: BenchServerOptions
    @OptionGroup(title: "Time") var time: BenchTimeOptions
    @OptionGroup var options: BenchReadOptions

    func makeWorkload() throws -> ReadWorkload { try options.workload(.head, time) }
}

struct BenchTailCommand: BenchWorkloadCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail", abstract: "GET with offset=now, which has an empty body.")

    @OptionGroup(title: "Server and report") var server: BenchServerOptions
    @OptionGroup(title: "Time") var time: BenchTimeOptions
    @OptionGroup var options: BenchReadOptions

    func makeWorkload() throws -> ReadWorkload { try options.workload(.tail, time) }
}

struct BenchCatchUpCommand: BenchWorkloadCommand {
    static let configuration = CommandConfiguration(
        commandName: "catch-up",
        abstract: "GET a large stream whole, again and again: MB/s.",
        discussion: "Follows Stream-Next-Offset until Stream-Up-To-Date. A MB is 1,000,000 bytes.")

    @OptionGroup(title: "Server and report") var server: BenchServerOptions
    @OptionGroup(title: "Time") var time: BenchTimeOptions

    @Option(help: "Connections, each reading the stream for itself.")
    var connections = 4

    @Option(help: "The size of the stream.")
    var bytes = 64 << 20

    func makeWorkload() throws -> CatchUpWorkload {
        try require(bytes, in: 1...(16 << 30), "--bytes")
        var workload = CatchUpWorkload(options: try time.load(connections: connections))
        workload.byteCount = bytes
        return workload
    }
}
