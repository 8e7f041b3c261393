import ArgumentParser
import DurableStreams
import DurableStreamsServer
import Logging

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve the streams of one data directory (the default).",
        discussion: """
            Examples:

              durable-streams serve
                  listens on 127.0.0.1:4437, keeps its data in
                  ./durable-streams-data

              durable-streams serve --host 0.0.0.0 --data-dir /var/lib/streams \\
                  --public-url https://streams.example.com
                  behind a proxy that clients know by another name

              durable-streams serve --durability interval:100
                  acknowledges at once and syncs ten times a second: faster,
                  and a power failure may cost the last tenth of a second

            Every option can be given in the environment too: DURABLE_STREAMS_ and its \
            name in capitals, with underscores, such as DURABLE_STREAMS_DATA_DIR. An \
            option on the command line wins.

            SIGTERM and SIGINT stop the server: running requests finish, live readers are \
            told to come back, and the log is synced, all within ten seconds. A second \
            signal cuts what is still running.

            GET /healthz tells whether the server can do its work, with a few figures.
            """
    )

    @OptionGroup(title: "Where")
    var place: PlaceOptions

    @OptionGroup(title: "What is promised and kept")
    var storage: StorageOptions

    @OptionGroup(title: "Protocol")
    var behaviour: ProtocolOptions

    @OptionGroup(title: "Process")
    var process: ProcessOptions

    func run() async throws {
        let settings = try Settings(command: self, environment: .process)
        OpenFiles.raiseLimit()
        LoggingSystem.bootstrap(settings.logFormat.makeHandler)
        var logger = Logger(label: "durable-streams")
        logger.logLevel = settings.logLevel
        try await ServerProcess(configuration: settings.server, logger: logger).run()
    }
}
