import ArgumentParser

struct BenchCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure a server, and verify what it answers.",
        discussion: """
            Examples:

              durable-streams bench append
                  starts a server on a directory of its own here, appends to it
                  from 64 connections for ten seconds, reads everything back,
                  prints rates, latencies and the server's CPU time, and removes
                  what it has made

              durable-streams bench append --streams 64 -- --durability none
                  what follows -- is for that server ('serve --help')

              durable-streams bench fan-out --readers 5000 --rate 4 --json result.json

              durable-streams bench read --url http://127.0.0.1:4437/v1/stream --pid 4711
                  measures a server that is running, of whatever make; with the
                  identifier of its process also its CPU time and memory

            Every status and every byte is checked: each payload says who wrote it and \
            which it is, and has to be read back and delivered once, whole and in \
            order. Anything else is an error, and makes the exit status 1.

            The load generator takes CPU time as well, which is reported. Where it shares \
            the machine with the server, compare the server's CPU time for each request: \
            it is steadier than rates.
            """,
        subcommands: [
            BenchAppendCommand.self, BenchCreateCommand.self, BenchReadCommand.self, BenchHeadCommand.self,
            BenchTailCommand.self, BenchCatchUpCommand.self, BenchLongPollCommand.self, BenchEventStreamCommand.self,
            BenchFanOutCommand.self, BenchMixedCommand.self, BenchDuplicateCommand.self, BenchRestartCommand.self,
            BenchIdleCommand.self,
        ]
    )
}
