import ArgumentParser
import LoadGenerator

struct BenchAppendCommand: BenchWorkloadCommand {
    static let configuration = CommandConfiguration(
        commandName: "append",
        abstract: "POST, one request at a time on each connection, as fast as the answers come or at a rate.",
        discussion: """
            Afterwards every stream is read back: each acknowledged payload has to be there once, and each \
            connection's in order.

              durable-streams bench append --connections 1          the latency of a lone append
              durable-streams bench append --streams 1000           spread over the connections
              durable-streams bench append --json-batch 100 --connections 16

            With --rate a latency runs from when the append was due, whether or not the server was ready for it.
            """)

    @OptionGroup(title: "Server and report") var server: BenchServerOptions
    @OptionGroup(title: "Time") var time: BenchTimeOptions

    @Option(help: "Connections, each with one request under way.")
    var connections = 64

    @Option(help: "The size of a payload; with --json-batch, of a message.")
    var bytes = 100

    @Option(help: "Streams that are appended to.")
    var streams = 1

    @Option(help: ArgumentHelp("Append JSON arrays of so many messages.", valueName: "count"))
    var jsonBatch: Int?

    @Flag(help: "Each connection is an idempotent producer.")
    var producers = false

    @OptionGroup var pace: BenchRateOption

    func makeWorkload() throws -> AppendWorkload {
        try require(bytes, in: benchPayloadBytes, "--bytes")
        try require(streams, in: 1...1_000_000, "--streams")
        if let jsonBatch { try require(jsonBatch, in: 1...100_000, "--json-batch") }
        var workload = AppendWorkload(options: try time.load(connections: connections))
        workload.byteCount = bytes
        workload.streamCount = streams
        workload.jsonBatchCount = jsonBatch
        workload.hasProducers = producers
        workload.rate = pace.rate
        return workload
    }
}

struct BenchCreateCommand: BenchWorkloadCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "PUT new streams, until --count have been measured.",
        discussion: "Those of the warm-up come on top. --seconds does not apply.")

    @OptionGroup(title: "Server and report") var server: BenchServerOptions
    @OptionGroup(title: "Time") var time: BenchTimeOptions

    @Option(help: "Connections, each with one request under way.")
    var connections = 16

    @Option(help: "Streams that are created while it is measured.")
    var count = 100_000

    func makeWorkload() throws -> CreateWorkload {
        try require(count, in: 1...100_000_000, "--count")
        var workload = CreateWorkload(options: try time.load(connections: connections))
        workload.count = count
        return workload
    }
}

struct BenchDuplicateCommand: BenchWorkloadCommand {
    static let configuration = CommandConfiguration(
        commandName: "duplicate",
        abstract: "Repeat an append that the server has: 204, and nothing is stored.",
        discussion: "Each connection is an idempotent producer that sends its first append again and again.")

    @OptionGroup(title: "Server and report") var server: BenchServerOptions
    @OptionGroup(title: "Time") var time: BenchTimeOptions

    @Option(help: "Connections, each with one request under way.")
    var connections = 64

    @Option(help: "The size of the payload.")
    var bytes = 100

    func makeWorkload() throws -> DuplicateWorkload {
        try require(bytes, in: benchPayloadBytes, "--bytes")
        var workload = DuplicateWorkload(options: try time.load(connections: connections))
        workload.byteCount = bytes
        return workload
    }
}

struct BenchMixedCommand: BenchWorkloadCommand {
    static let configuration = CommandConfiguration(
        commandName: "mixed",
        abstract: "Appends alone, then the same beside readers and bulk writers.",
        discussion: """
            Measures --seconds of quiet and then --seconds under load, each after a warm-up. The readers check what \
            they get like those of the other workloads.

            What readers, and the sealing and merging that bulk writers set off, do to the latency of appends, where there \
            is time for all:

              durable-streams bench mixed --rate 200 --connections 10 --streams 10 --readers 1000 \\
                  --catch-up-readers 1 --catch-up-bytes 1073741824 --bulk-bytes-per-second 4194304 \\
                  --seconds 30 -- --segment-bytes 4194304
            """)

    @OptionGroup(title: "Server and report") var server: BenchServerOptions
    @OptionGroup(title: "Time") var time: BenchTimeOptions

    @Option(help: "Connections that append.")
    var connections = 16

    @Option(help: "The size of a payload.")
    var bytes = 100

    @Option(help: "Streams that are appended to and followed.")
    var streams = 4

    @Option(help: "Readers that follow by SSE.")
    var readers = 16

    @Option(help: "Readers that read a large stream again and again.")
    var catchUpReaders = 2

    @Option(help: "The size of that stream.")
    var catchUpBytes = 16 << 20

    @Option(help: "What others append meanwhile, 64 KiB at a time, to streams of their own; 0: nobody.")
    var bulkBytesPerSecond = 0

    @OptionGroup var pace: BenchRateOption

    func makeWorkload() throws -> MixedWorkload {
        try require(bytes, in: benchPayloadBytes, "--bytes")
        try require(streams, in: 1...1_000, "--streams")
        try require(readers, in: 0...10_000, "--readers")
        try require(catchUpReaders, in: 0...1_000, "--catch-up-readers")
        try require(catchUpBytes, in: 1...(16 << 30), "--catch-up-bytes")
        var workload = MixedWorkload(options: try time.load(connections: connections))
        workload.byteCount = bytes
        workload.streamCount = streams
        workload.readerCount = readers
        workload.catchUpReaderCount = catchUpReaders
        workload.catchUpByteCount = catchUpBytes
        try require(bulkBytesPerSecond, in: 0...(1 << 30), "--bulk-bytes-per-second")
        workload.bulkBytesPerSecond = bulkBytesPerSecond
        workload.rate = pace.rate
        return workload
    }
}

struct BenchRestartCommand: BenchWorkloadCommand {
    static let configuration = CommandConfiguration(
        commandName: "restart",
        abstract: "Fill streams, kill -9 the server, start it: until it answers.",
        discussion: "Only with a server of its own. Everything that was acknowledged has to be there afterwards.")

    @OptionGroup(title: "Server and report") var server: BenchServerOptions

    @Option(help: "Streams that are filled.")
    var streams = 1_000

    @Option(help: "Appends to each of them.")
    var appends = 10

    @Option(help: "The size of a payload.")
    var bytes = 100

    func makeWorkload() throws -> RestartWorkload {
        try require(bytes, in: benchPayloadBytes, "--bytes")
        try require(streams, in: 1...1_000_000, "--streams")
        try require(appends, in: 1...1_000_000, "--appends")
        var workload = RestartWorkload()
        workload.streamCount = streams
        workload.appendCount = appends
        workload.byteCount = bytes
        return workload
    }
}
