import ArgumentParser

/// All values are optional: what isn't given comes from the environment, and then from the libraries' defaults.
struct PlaceOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The name or address to listen on. (default: 127.0.0.1)", valueName: "name"))
    var host: String?

    @Option(help: "The port to listen on; 0: any free one. (default: 4437)")
    var port: Int?

    @Option(
        help: ArgumentHelp(
            "The directory of the data; created if missing. (default: ./durable-streams-data)", valueName: "path"))
    var dataDir: String?

    @Option(help: ArgumentHelp("The path under which every URL is a stream. (default: /v1/stream/)", valueName: "path"))
    var basePath: String?

    @Option(
        help: ArgumentHelp(
            "Scheme and host as clients see them, for Location. (default: from the request's Host)", valueName: "url"))
    var publicURL: String?

    @Option(
        help: ArgumentHelp(
            "Whether X-Forwarded-Proto and X-Forwarded-Host are believed: true behind a proxy that sets them. "
                + "(default: false)", valueName: "true|false"))
    var trustForwardedHeaders: Bool?
}

struct StorageOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "What an acknowledgement means. sync: it is on the disk. interval:MS: it is with the system, which is made "
                + "to write every MS milliseconds. none: it is with the system. (default: sync)",
            valueName: "sync|interval:MS|none"))
    var durability: String?

    @Option(help: ArgumentHelp("The size of a journal file. (default: 67108864)", valueName: "bytes"))
    var segmentBytes: Int?

    @Option(
        help: ArgumentHelp(
            "What was appended longer ago is given up: reads from before the rest are 410. (default: never)",
            valueName: "seconds"))
    var retentionSeconds: Int?

    @Option(
        help: ArgumentHelp(
            "The most bytes that are kept of a stream: what is before the last ones is given up. (default: no limit)",
            valueName: "bytes"))
    var retentionBytes: Int?

    @Option(
        help: ArgumentHelp(
            "The memory for decompressed blocks of old segments. (default: 67108864)", valueName: "bytes"))
    var blockCacheBytes: Int?

    @Option(
        help: ArgumentHelp(
            "How fast old segments are compressed and merged at most, in bytes for each second. (default: 268435456)",
            valueName: "bytes"))
    var maintenanceBytesPerSecond: Int?
}

struct ProtocolOptions: ParsableArguments {
    @Option(help: ArgumentHelp("How long a long-poll waits for data. (default: 20000)", valueName: "ms"))
    var longPollTimeoutMs: Int?

    @Option(
        help: ArgumentHelp(
            "When an event stream ends, for the client to resume; 0: never. (default: 60000)", valueName: "ms"))
    var sseDurationMs: Int?

    @Option(help: ArgumentHelp("How often an idle event stream says that it lives. (default: 15000)", valueName: "ms"))
    var sseKeepAliveMs: Int?

    @Option(
        help: ArgumentHelp(
            "The most stored bytes in one response; of an append of many JSON messages at least 64 KiB. (default: 1048576)",
            valueName: "bytes"))
    var chunkBytes: Int?

    @Option(
        help: ArgumentHelp(
            "The memory for answers to large or compressed reads that several clients ask for; 0: none. (default: 67108864)",
            valueName: "bytes"))
    var bodyCacheBytes: Int?

    @Option(
        help: ArgumentHelp("The most bytes of one request body; more is 413. (default: 67108864)", valueName: "bytes"))
    var bodyLimitBytes: Int?

    @Option(
        help: ArgumentHelp(
            "Whether bodies are compressed for clients that accept it. (default: true)", valueName: "true|false"))
    var compression: Bool?

    @Option(
        help: ArgumentHelp(
            "Whether only browsers, not shared caches, may keep reads. (default: false)", valueName: "true|false"))
    var privateCache: Bool?

    @Option(help: ArgumentHelp("Access-Control-Allow-Origin. (default: *)", valueName: "origin"))
    var allowedOrigin: String?
}

struct ProcessOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Threads that serve connections. (default: one for each core)", valueName: "count"))
    var threads: Int?

    @Option(
        help: ArgumentHelp(
            "Connections beyond this many are answered 503. (default: as many as there may be open files, "
                + "at most 65000)",
            valueName: "count"))
    var connectionLimit: Int?

    @Option(
        help: ArgumentHelp(
            "The memory that all request bodies may take together while they arrive. (default: 268435456)",
            valueName: "bytes"))
    var bodyMemoryBytes: Int?

    @Option(
        help: ArgumentHelp(
            """
            When a connection is closed between two requests; longer than that of a proxy in front. The first one has \
            30 s to come. (default: 75000)
            """,
            valueName: "ms"))
    var idleTimeoutMs: Int?

    @Option(help: ArgumentHelp("What a graceful shutdown may take. (default: 10000)", valueName: "ms"))
    var shutdownMs: Int?

    @Option(
        help: ArgumentHelp(
            "trace, debug, info, notice, warning, error or critical. (default: info)", valueName: "level"))
    var logLevel: String?

    @Option(help: ArgumentHelp("How log lines look, on standard error. (default: text)", valueName: "text|json"))
    var logFormat: String?
}
