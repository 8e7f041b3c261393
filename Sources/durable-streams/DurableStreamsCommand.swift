import ArgumentParser

@main
struct DurableStreamsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "durable-streams",
        abstract: "Durable, append-only streams over HTTP.",
        discussion: """
            Start a server, create a stream, append to it, read it back:

              durable-streams serve
              URL=http://127.0.0.1:4437/v1/stream/notes
              curl -X PUT  -H 'Content-Type: text/plain' $URL
              curl -X POST -H 'Content-Type: text/plain' -d hello $URL
              curl $URL
            """,
        version: "0.1.0",
        subcommands: [ServeCommand.self],
        defaultSubcommand: ServeCommand.self
    )
}
