/// Something that makes load or watches it. Belongs to its thread while a run lasts.
protocol LoadClient: AnyObject {
    /// Called once when the run begins, on the thread.
    func start()
    /// Whether it has stopped and has nothing outstanding. Asked once the time is over.
    var isFinished: Bool { get }
}

/// One thread of the load generator: its sockets, its clients, and what they have seen.
final class LoadThread {
    let loop: EventLoop
    let measurement = Measurement()
    var clients: [any LoadClient] = []

    init() throws(LoadError) { loop = try EventLoop() }
}

/// A span of the measurement; each has its own warm-up before it.
struct LoadPhase {
    /// Nil: until all clients are finished.
    var seconds: Double?
}

/// What a process used in a window. CPU time is nil where the process can't be looked at.
struct WindowResult {
    var counts: WindowCounts
    var seconds: Double
    var serverUser: Double?
    var serverSystem: Double?
    var clientProcessor: Double

    /// In seconds.
    var serverProcessor: Double? { serverUser.flatMap { user in serverSystem.map { user + $0 } } }
    var completedPerSecond: Double { seconds > 0 ? Double(counts.completedCount) / seconds : 0 }
}

struct LoadOutcome {
    var windows: [WindowResult]
    var failures: FailureLog
    var reconnectionCount: Int
    /// The server's own memory before the clients were made, and at the end of the last window.
    var memoryBefore: Int?
    var memoryAfter: Int?

    var last: WindowResult { windows[windows.count - 1] }
}

/// Spreads clients over threads, runs them, and looks at the server's process at the edges of each window.
///
/// Clients are made, and connect, on the caller's thread; ``perform(_:)`` hands them to their threads and takes them
/// back.
final class LoadRun {
    let site: BenchmarkSite
    let options: LoadOptions
    private let threads: [LoadThread]
    private let memoryBefore: Int?

    init(on site: BenchmarkSite, _ options: LoadOptions) throws(LoadError) {
        self.site = site
        self.options = options
        var threads: [LoadThread] = []
        for _ in 0..<options.threadCount { threads.append(try LoadThread()) }
        self.threads = threads
        memoryBefore = site.serverUsage?.anonymousByteCount
    }

    deinit {
        for thread in threads { thread.loop.closeAll() }
    }

    /// The thread of the client with this number.
    func thread(_ number: Int) -> LoadThread { threads[number % threads.count] }

    func add<Client: LoadClient>(
        _ number: Int, _ make: (LoadThread) throws(LoadError) -> Client
    ) throws(LoadError) -> Client {
        let thread = thread(number)
        let client = try make(thread)
        thread.clients.append(client)
        return client
    }

    /// Lets the sockets of all threads work, on the caller's thread, until this holds. Before ``perform(_:)``.
    func prepare(until condition: () -> Bool) throws(LoadError) {
        let deadline = MonotonicClock.now + 60_000_000_000
        while !condition() {
            if Interruption.isRequested { throw LoadError("interrupted") }
            guard MonotonicClock.now < deadline else {
                let reasons = threads.flatMap(\.measurement.failures.first)
                throw LoadError((["not all readers are answered within 60 s"] + reasons).joined(separator: "\n"))
            }
            var turned = false
            for thread in threads {
                turned = false
                thread.loop.run {
                    defer { turned = true }
                    return turned
                }
            }
        }
    }

    /// The time at which the last window begins and ends, for clients that join in late.
    private(set) var windows: [MeasurementWindow] = []

    /// Call before ``perform(_:)`` when clients need to know the windows beforehand.
    func plan(_ phases: [LoadPhase]) {
        var windows: [MeasurementWindow] = []
        var cursor = MonotonicClock.now + 2_000_000
        for phase in phases {
            let start = cursor + .seconds(options.warmUpSeconds)
            let end = phase.seconds.map { start + .seconds($0) } ?? .max
            windows.append(MeasurementWindow(start: start, end: end))
            cursor = end
        }
        self.windows = windows
        for thread in threads { thread.measurement.setWindows(windows) }
    }

    /// Measures, and returns when all clients are finished.
    func perform(_ phases: [LoadPhase]? = nil) throws(LoadError) -> LoadOutcome {
        if let phases { plan(phases) } else if windows.isEmpty { plan([LoadPhase(seconds: options.seconds)]) }
        let drainSeconds = options.drainSeconds
        let handles = threads.enumerated().map { index, thread in
            OperatingSystemThread("load-\(index)") { Self.work(thread, drainSeconds) }
        }
        var samples: [(UsageSample, UsageSample)] = []
        for window in windows {
            MonotonicClock.sleep(until: window.start)
            let before = UsageSample(of: site)
            if window.end == .max {
                for handle in handles { handle.join() }
            } else {
                MonotonicClock.sleep(until: window.end)
            }
            samples.append((before, UsageSample(of: site)))
        }
        if windows[windows.count - 1].end != .max {
            for handle in handles { handle.join() }
        }
        if Interruption.isRequested { throw LoadError("interrupted") }
        return outcome(samples)
    }

    private static func work(_ thread: LoadThread, _ drainSeconds: Double) {
        for client in thread.clients { client.start() }
        let stopTime = thread.measurement.stopTime
        let deadline = stopTime == .max ? stopTime : stopTime + .seconds(drainSeconds)
        thread.loop.run {
            let now = MonotonicClock.now
            guard stopTime == .max || now >= stopTime else { return false }
            return thread.clients.allSatisfy(\.isFinished) || now >= deadline
        }
        let waiting = thread.clients.count { !$0.isFinished }
        if waiting > 0, !Interruption.isRequested {
            thread.measurement.failures.add(
                "\(waiting) connections were still waiting \(Int(drainSeconds)) s after the end")
        }
    }

    private func outcome(_ samples: [(UsageSample, UsageSample)]) -> LoadOutcome {
        var failures = FailureLog()
        var reconnectionCount = 0
        var counts = windows.map { _ in WindowCounts() }
        for thread in threads {
            failures.merge(thread.measurement.failures)
            reconnectionCount += thread.measurement.reconnectionCount
            for index in windows.indices { counts[index].merge(thread.measurement.counts[index]) }
        }
        let results = windows.indices.map { index in
            let window = windows[index]
            let (before, after) = samples[index]
            let end = window.end == .max ? max(counts[index].lastCompletion, window.start) : window.end
            return WindowResult(
                counts: counts[index], seconds: Double(end - window.start) / 1e9,
                serverUser: difference(before, after, \.userNanoseconds),
                serverSystem: difference(before, after, \.systemNanoseconds),
                clientProcessor: after.clientSeconds - before.clientSeconds)
        }
        return LoadOutcome(
            windows: results, failures: failures, reconnectionCount: reconnectionCount, memoryBefore: memoryBefore,
            memoryAfter: samples.last?.1.server?.anonymousByteCount)
    }

    private func difference(
        _ before: UsageSample, _ after: UsageSample, _ property: KeyPath<ProcessUsage, UInt64>
    ) -> Double? {
        guard let before = before.server, let after = after.server else { return nil }
        return Double(after[keyPath: property] - before[keyPath: property]) / 1e9
    }
}

/// The two processes at one moment.
private struct UsageSample {
    var server: ProcessUsage?
    var clientSeconds: Double

    init(of site: BenchmarkSite) {
        server = site.serverUsage
        let client = ProcessUsage.ofThisProcess()
        clientSeconds = Double(client.userNanoseconds + client.systemNanoseconds) / 1e9
    }
}
