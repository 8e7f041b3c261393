import SegmentedLog

/// What is appended, by how many, and what an acknowledgement has to mean.
struct AppendCase: Sendable {
    /// Each has one append (or batch) under way at a time.
    var writers: Int
    var streams: Int
    var byteCount: Int
    var durability: Durability
    /// So many appends are acknowledged together.
    var batch = 1

    var name: String {
        var name = "\(writers) writer\(writers == 1 ? "" : "s"), \(streams) stream\(streams == 1 ? "" : "s"), "
        name += byteCount >= 1_024 ? "\(byteCount / 1_024) KiB" : "\(byteCount) B"
        if batch > 1 { name += ", \(batch) at a time" }
        return name + ", \(durability)"
    }

    /// The stream of a writer's next append: neighbours in time go to streams that are far apart.
    func stream(of writer: Int, append number: Int) -> Int { (writer &* 31 &+ number &* 7_919) % streams }
}

/// What a session did in the time it was given.
struct AppendTally: Sendable {
    var appends = 0
    /// From the call to the acknowledgement; of a batch as a whole.
    var latencies = Latencies()

    mutating func add(_ other: AppendTally) {
        appends += other.appends
        latencies.add(other.latencies)
    }
}

/// Something that records can be appended to durably.
protocol AppendSystem: Sendable {
    var name: String { get }
    /// Whether it has a way to promise what the case asks for.
    func canRun(_ appendCase: AppendCase) -> Bool
    /// Opens it in an empty directory, with the case's streams.
    func open(_ directory: String, _ appendCase: AppendCase, _ text: SampleText) throws -> any AppendSession
}

protocol AppendSession {
    /// Lets all writers append for so long, and returns when the last append is acknowledged.
    func run(nanoseconds: Int64) -> AppendTally
    func close()
}
