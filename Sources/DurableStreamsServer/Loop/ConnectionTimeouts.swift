/// The patience of ``ServerConfiguration`` in ticks of the sweep that enforces it: one timer for each event loop looks
/// at all of its connections, so a connection needs no timer of its own and setting a deadline is one store.
struct ConnectionTimeouts: Equatable, Sendable {
    /// A deadline that never comes.
    static let never = UInt32.max

    let tickMilliseconds: Int
    let head: UInt32
    let idle: UInt32
    let body: UInt32
    let bodyMemory: UInt32
    let stalledWrite: UInt32
    let linger: UInt32

    init(_ configuration: ServerConfiguration) {
        let all = [
            configuration.headTimeoutMilliseconds, configuration.idleTimeoutMilliseconds,
            configuration.bodyTimeoutMilliseconds, configuration.bodyMemoryTimeoutMilliseconds,
            configuration.stalledWriteTimeoutMilliseconds, configuration.lingerTimeoutMilliseconds,
        ]
        // A second is fine enough, unless somebody is in a hurry.
        let tickMilliseconds = min(1_000, max(20, (all.min() ?? 1_000) / 4))
        self.tickMilliseconds = tickMilliseconds
        func ticks(_ milliseconds: Int) -> UInt32 {
            // One more, since the tick that is going on has begun already: never earlier than promised.
            UInt32(clamping: (milliseconds + tickMilliseconds - 1) / tickMilliseconds + 1)
        }
        head = ticks(configuration.headTimeoutMilliseconds)
        idle = ticks(configuration.idleTimeoutMilliseconds)
        body = ticks(configuration.bodyTimeoutMilliseconds)
        bodyMemory = ticks(configuration.bodyMemoryTimeoutMilliseconds)
        stalledWrite = ticks(configuration.stalledWriteTimeoutMilliseconds)
        linger = ticks(configuration.lingerTimeoutMilliseconds)
    }
}
