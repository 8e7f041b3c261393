internal import DurableStreamsHTTP

/// What happened on one event loop since its counters were last handed to the metrics system. Plain integers: counting
/// a request costs an addition, whatever the metrics backend costs.
struct LoopTally {
    /// The six methods and the rest.
    static let methodNames = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "other"]
    static let statusClasses = ["1xx", "2xx", "3xx", "4xx", "5xx"]

    /// By method, then by class of status.
    var requestCounts = [Int](repeating: 0, count: methodNames.count * statusClasses.count)
    var receivedBodyByteCount = 0
    var acceptedConnectionCount = 0
    var refusedConnectionCount = 0
    var deliveredEventCount = 0
    /// Now, not since.
    var liveReaderCount = 0

    mutating func countRequest(methodIndex: UInt8, status: Int) {
        requestCounts[Int(methodIndex) * Self.statusClasses.count + min(max(status / 100, 1), 5) - 1] += 1
    }

    static func index(of method: ProtocolRequest.Method) -> UInt8 {
        switch method {
        case .get: 0
        case .post: 1
        case .put: 2
        case .delete: 3
        case .head: 4
        case .options: 5
        case .other: 6
        }
    }
}
