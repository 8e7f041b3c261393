import Testing

@testable import LoadGenerator

/// That what a server does wrong is an error of the benchmark, and that nothing else is.
@Suite(.serialized) struct FaultTests {
    static let options = LoadOptions(connectionCount: 4, seconds: 0.2, warmUpSeconds: 0.05)

    static func run(_ workload: some Workload, at fault: FaultyServer.Fault) throws -> Report {
        let server = FaultyServer(fault)
        defer { server.stop() }
        return try workload.run(on: BenchmarkSite(url: server.url))
    }

    @Test(arguments: FaultyServer.Fault.allCases)
    func `An append that is refused, lost, stored twice or stored wrong is noticed`(fault: FaultyServer.Fault) throws {
        do {
            let report = try Self.run(AppendWorkload(options: Self.options), at: fault)
            #expect(report.hasErrors == (fault != .none), "\(report.table)")
            #expect(report.failures.isEmpty == (fault == .none))
            if fault == .none { #expect(try #require(report["requests"]) > 0) }
        } catch let error as LoadError {
            // The same, but in what comes before or after the measurement.
            #expect(fault == .babbles || fault == .hangsUp, "\(error)")
        }
    }

    @Test(arguments: [FaultyServer.Fault.none, .changes, .repeats])
    func `A delivery that is wrong or comes twice is noticed`(fault: FaultyServer.Fault) throws {
        var options = Self.options
        options.connectionCount = 1
        options.drainSeconds = 1
        let report = try Self.run(RoundTripWorkload(.eventStream, options: options), at: fault)
        #expect(report.hasErrors == (fault != .none), "\(report.table)\(report.failures)")
    }

    @Test func `A read of other bytes than were written is noticed`() throws {
        var workload = ReadWorkload(.read, options: Self.options)
        #expect(try !Self.run(workload, at: .none).hasErrors)
        // One of the streams has a byte that is wrong.
        workload.streamCount = 10
        let report = try Self.run(workload, at: .changes)
        #expect(report.hasErrors)
        #expect(report.failures.first?.contains("other bytes than were written") == true, "\(report.failures)")
    }

    @Test func `A server that is not there is an error, and not a measurement`() {
        #expect(throws: LoadError.self) {
            try AppendWorkload(options: Self.options).run(on: BenchmarkSite(url: "http://127.0.0.1:1/streams"))
        }
    }

    @Test(arguments: ["127.0.0.1:80", "https://a/b", "http://", "http://a:b/c", "http://a:70000/", "http://a/?b"])
    func `What is no base URL is refused`(url: String) {
        #expect(throws: LoadError.self) { try BenchmarkSite(url: url) }
    }
}
