import ArgumentParser
import Glibc
import LoadGenerator

/// A subcommand of `bench`.
protocol BenchWorkloadCommand: ParsableCommand {
    associatedtype Load: Workload
    var server: BenchServerOptions { get }
    func makeWorkload() throws -> Load
}

extension BenchWorkloadCommand {
    func run() throws {
        let workload = try makeWorkload()
        OpenFiles.raiseLimit()
        Interruption.trap()
        do {
            let report = try measure(workload)
            try show(report)
            if report.hasErrors { throw ExitCode(1) }
        } catch let error as LoadError {
            ToolOutput.printError("bench \(workload.name): \(error)")
            throw ExitCode(Interruption.isRequested ? 130 : 2)
        }
    }

    private func measure(_ workload: Load) throws -> Report {
        if let url = server.url {
            return try workload.run(on: BenchmarkSite(url: url, processIdentifier: server.pid))
        }
        let child = try OwnServer(
            executable: Self.executablePath, arguments: server.serverArguments, below: server.dataDir ?? ".")
        defer { child.stop() }
        return try workload.run(on: BenchmarkSite(child))
    }

    private func show(_ report: Report) throws {
        switch server.json {
        case "-"?: print(report.json, terminator: "")
        case let path?:
            print(report.table, terminator: "")
            try write(report.json, to: path)
        case nil: print(report.table, terminator: "")
        }
        for failure in report.failures { ToolOutput.printError("error: \(failure)") }
        if report.errorCount > report.failures.count {
            ToolOutput.printError("and \(report.errorCount - report.failures.count) more errors")
        }
    }

    private func write(_ text: String, to path: String) throws {
        guard let file = fopen(path, "w") else { throw ValidationError("\(path): \(String(cString: strerror(errno)))") }
        let count = text.utf8.count
        let written = fwrite(text, 1, count, file)
        guard fclose(file) == 0, written == count else { throw ValidationError("\(path) could not be written.") }
    }

    /// This program.
    private static var executablePath: String {
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &path, path.count - 1)
        return String(decoding: path.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
