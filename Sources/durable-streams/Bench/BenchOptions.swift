import ArgumentParser
import LoadGenerator

/// Which server, and where the figures go: the same for every workload.
struct BenchServerOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The base of the streams of a server that is running, such as http://127.0.0.1:4437/v1/stream. "
                + "Without it a server is started, and ended afterwards.", valueName: "url"))
    var url: String?

    @Option(help: ArgumentHelp("The process of that server, for its CPU time and memory.", valueName: "pid"))
    var pid: Int32?

    @Option(
        help: ArgumentHelp(
            "Where the started server has its directory, which is removed afterwards. (default: here)",
            valueName: "path"))
    var dataDir: String?

    @Option(
        help: ArgumentHelp(
            "Write one JSON object there; -: to standard output instead of the table.", valueName: "file|-"))
    var json: String?

    @Argument(
        parsing: .postTerminator, help: ArgumentHelp("Options for the started server.", valueName: "serve options"))
    var serverArguments: [String] = []

    func validate() throws {
        if url != nil, dataDir != nil || !serverArguments.isEmpty {
            throw ValidationError("With --url no server is started that --data-dir or options after -- could be for.")
        }
        if url == nil, pid != nil { throw ValidationError("--pid is the process of the server at --url.") }
    }
}

struct BenchTimeOptions: ParsableArguments {
    @Option(help: "How long to measure, in seconds.")
    var seconds = 10.0

    @Option(help: ArgumentHelp("How long to load without measuring before that.", valueName: "seconds"))
    var warmUpSeconds = 1.0

    @Option(help: "Threads of the load generator.")
    var threads = 1

    func validate() throws {
        guard seconds > 0, seconds <= 86_400 else { throw ValidationError("--seconds has to be from 0 to 86400.") }
        guard warmUpSeconds >= 0, warmUpSeconds <= 3_600 else {
            throw ValidationError("--warm-up-seconds has to be from 0 to 3600.")
        }
        guard (1...64).contains(threads) else { throw ValidationError("--threads has to be from 1 to 64.") }
    }

    func load(connections: Int) throws -> LoadOptions {
        try require(connections, in: 1...60_000, "--connections")
        return LoadOptions(
            connectionCount: connections, threadCount: threads, seconds: seconds, warmUpSeconds: warmUpSeconds)
    }
}

/// For the workloads that append from many connections.
struct BenchRateOption: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Appends per second of all connections together. (default: as fast as the answers come)",
            valueName: "appends/s"))
    var rate: Double?

    func validate() throws {
        if let rate { try requireRate(rate) }
    }
}

func requireRate(_ rate: Double) throws {
    guard rate > 0, rate <= 1_000_000 else { throw ValidationError("--rate has to be from 0 to 1000000.") }
}

/// One message for everything that is out of its range.
func require(_ value: Int, in range: ClosedRange<Int>, _ name: String) throws {
    guard range.contains(value) else {
        throw ValidationError("\(name) has to be from \(range.lowerBound) to \(range.upperBound).")
    }
}

/// A payload says who wrote it, which it is and when; that takes 32 bytes, and two more as a JSON string.
let benchPayloadBytes = 34...(16 << 20)
