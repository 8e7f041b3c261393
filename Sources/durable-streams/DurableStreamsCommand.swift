import ArgumentParser
import Glibc

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
        subcommands: [ServeCommand.self, BenchCommand.self],
        groupedSubcommands: [
            CommandGroup(
                name: "Stopped-store",
                subcommands: [
                    InspectCommand.self, CheckCommand.self, RepairCommand.self, ExportCommand.self, ImportCommand.self,
                ])
        ],
        defaultSubcommand: ServeCommand.self
    )

    static func main() async {
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch where isMisunderstoodTool(error) {
            ToolOutput.printError(fullMessage(for: error))
            Glibc.exit(ToolStatus.unusable.rawValue)
        } catch {
            exit(withError: error)
        }
    }

    /// The tools promise one status for whatever keeps them from looking at a store.
    private static func isMisunderstoodTool(_ error: any Error) -> Bool {
        let tools = ["inspect", "check", "repair", "export", "import"]
        return CommandLine.arguments.dropFirst().first.map(tools.contains) == true
            && exitCode(for: error) == .validationFailure
    }
}
