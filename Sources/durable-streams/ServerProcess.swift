import ArgumentParser
import DurableStreams
import DurableStreamsServer
import Glibc
import Logging
import ServiceLifecycle
import UnixSignals

/// Runs the server until a signal ends it.
struct ServerProcess {
    let configuration: ServerConfiguration
    let logger: Logger

    func run() async throws {
        // Before anything else: a signal that comes while the store is being opened must not be lost.
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        let server = try DurableStreamsServer(configuration: configuration, logger: logger)
        let group = ServiceGroup(configuration: .init(services: [.init(service: server)], logger: logger))
        let running = Task { try await group.run() }
        let listening = Task { await listen(to: signals, group: group, running: running) }
        defer { listening.cancel() }
        do {
            try await running.value
        } catch is CancellationError {
            logger.warning("stopped by a second signal")
            throw ExitCode(1)
        } catch {
            report(error)
            throw ExitCode(1)
        }
    }

    /// The first signal asks, the second one insists, and the third doesn't wait for anybody.
    private func listen(to signals: UnixSignalsSequence, group: ServiceGroup, running: Task<Void, any Error>) async {
        var count = 0
        for await signal in signals {
            count += 1
            switch count {
            case 1:
                logger.info("received a signal", metadata: ["signal": "\(signal)"])
                await group.triggerGracefulShutdown()
            case 2:
                logger.warning("cutting what is still running", metadata: ["signal": "\(signal)"])
                running.cancel()
            default:
                _exit(1)
            }
        }
    }

    private func report(_ error: any Error) {
        var line = "durable-streams: \(error)\n"
        _ = line.withUTF8 { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
