import ArgumentParser
import LoadGenerator

enum BenchLiveMode: String, ExpressibleByArgument {
    case eventStream = "sse"
    case longPoll = "long-poll"

    var mode: LiveMode {
        switch self {
        case .eventStream: .eventStream
        case .longPoll: .longPoll
        }
    }
}

/// What the two round trips have in common.
struct BenchRoundTripOptions: ParsableArguments {
    @Option(help: "Pairs of a writer and a reader, each on a stream of its own.")
    var connections = 1

    @Option(help: "The size of a payload.")
    var bytes = 100

    @Flag(help: "A stream of bytes instead of text: its events are base64.")
    var binary = false

    func workload(_ mode: LiveMode, _ time: BenchTimeOptions) throws -> RoundTripWorkload {
        try require(bytes, in: benchPayloadBytes, "--bytes")
        var workload = RoundTripWorkload(mode, options: try time.load(connections: connections))
        workload.byteCount = bytes
        workload.isBinary = binary
        return workload
    }
}

struct BenchLongPollCommand: BenchWorkloadCommand {
    static let configuration = CommandConfiguration(
        commandName: "long-poll",
        abstract: "From an append to a reader that waits by long-poll, and back to the next append.")

    @OptionGroup(title: "Server and report") var server: BenchServerOptions
    @OptionGroup(title: "Time") var time: BenchTimeOptions
    @OptionGroup var options: BenchRoundTripOptions

    func makeWorkload() throws -> RoundTripWorkload { try options.workload(.longPoll, time) }
}

struct BenchEventStreamCommand: BenchWorkloadCommand {
    static let configuration = CommandConfiguration(
        commandName: "sse",
        abstract: "From an append to a reader that follows by SSE, and back to the next append.")

    @OptionGroup(title: "Server and report") var server: BenchServerOptions
    @OptionGroup(title: "Time") var time: BenchTimeOptions
    @OptionGroup var options: BenchRoundTripOptions

    func makeWorkload() throws -> RoundTripWorkload { try options.workload(.eventStream, time) }
}

struct BenchFanOutCommand: BenchWorkloadCommand {
    static let configuration = CommandConfiguration(
        commandName: "fan-out",
        abstract: "Many readers follow one stream that grows at a fixed rate.",
        discussion: """
            The time of a delivery runs from when its append was due, by the rate, to when the reader has it: a server \
            that falls behind is measured as late as it is.
            """)

    @OptionGroup(title: "Server and report") var server: BenchServerOptions
    @OptionGroup(title: "Time") var time: BenchTimeOptions

    @Option(help: "Readers, each on a connection of its own.")
    var readers = 1_000

    @Option(help: "Appends per second.")
    var rate = 20.0

    @Option(help: ArgumentHelp("How the readers follow: sse or long-poll.", valueName: "sse|long-poll"))
    var mode = BenchLiveMode.eventStream

    @Option(help: "The size of a payload.")
    var bytes = 100

    @Flag(help: "A stream of bytes instead of text: its events are base64.")
    var binary = false

    func makeWorkload() throws -> FanOutWorkload {
        try require(bytes, in: benchPayloadBytes, "--bytes")
        try require(readers, in: 1...10_000, "--readers")
        try requireRate(rate)
        var workload = FanOutWorkload(options: try time.load(connections: 1))
        workload.readerCount = readers
        workload.rate = rate
        workload.mode = mode.mode
        workload.byteCount = bytes
        workload.isBinary = binary
        return workload
    }
}

struct BenchIdleCommand: BenchWorkloadCommand {
    static let configuration = CommandConfiguration(
        commandName: "idle",
        abstract: "Connections that do nothing: the server's memory for each.",
        discussion: "Keep-alive connections after one HEAD, or with --mode readers of a stream that does not grow.")

    @OptionGroup(title: "Server and report") var server: BenchServerOptions
    @OptionGroup(title: "Time") var time: BenchTimeOptions

    @Option(help: "Connections.")
    var connections = 1_000

    @Option(help: ArgumentHelp("Readers instead: sse or long-poll.", valueName: "sse|long-poll"))
    var mode: BenchLiveMode?

    func makeWorkload() throws -> IdleWorkload {
        var workload = IdleWorkload(options: try time.load(connections: connections))
        workload.mode = mode?.mode
        return workload
    }
}
