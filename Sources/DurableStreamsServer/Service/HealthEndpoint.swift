internal import DurableStreams
internal import DurableStreamsHTTP
internal import NIOCore

/// `GET /healthz`: whether this server can do its work, and a few figures for whoever looks by hand. It lies outside
/// the base path, so no stream can have its name.
enum HealthEndpoint {
    static let path = "/healthz"

    static func matches(_ request: ProtocolRequest) -> Bool {
        // For almost every request the second byte decides.
        let target = request.target.utf8
        guard target.dropFirst().first == UInt8(ascii: "h") else { return false }
        guard request.method == .get || request.method == .head, target.starts(with: path.utf8) else { return false }
        let rest = target.dropFirst(path.utf8.count)
        return rest.isEmpty || rest.first == UInt8(ascii: "?")
    }

    /// 503 when only starting anew helps, or when that is what is happening. A full disk is not such a case: reads are
    /// served, and appends are taken again by themselves once there is room.
    static func response(of loop: ServingLoop) -> ProtocolResponse {
        let statistics = loop.shared.store.statistics
        let status = Status(statistics, isDraining: loop.isDraining)
        let text = """
            {"status":"\(status.rawValue)","durability":"\(statistics.durability)",\
            "streams":\(statistics.streamCount),"segments":\(statistics.segmentCount),\
            "sealedSegments":\(statistics.sealedSegmentCount),"sealings":\(statistics.sealingCount),\
            "merges":\(statistics.mergeCount),\
            "commits":\(statistics.commitCount),"syncs":\(statistics.syncCount),"entries":\(statistics.entryCount),\
            "payloadBytes":\(statistics.payloadByteCount),"pendingBytes":\(statistics.pendingByteCount),\
            "stopped":\(statistics.isStopped),"diskFull":\(statistics.isDiskFull),\
            "connections":\(loop.shared.gate.connectionCount),"liveReaders":\(loop.shared.metrics.liveReaderCount)}

            """
        var response = ProtocolResponse(
            status: status == .ok || status == .diskFull ? 200 : 503,
            contentType: "application/json",
            body: ByteBuffer(string: text)
        )
        if response.status == 503 { response.retryAfterSeconds = 1 }
        return response
    }

    enum Status: String {
        case ok
        /// Reads are served; appends are refused until there is room.
        case diskFull = "disk full"
        /// A write or a sync failed: reads are served, appends are refused until the server is started anew.
        case stopped
        case shuttingDown = "shutting down"

        init(_ statistics: StoreStatistics, isDraining: Bool) {
            switch (statistics.isStopped, isDraining, statistics.isDiskFull) {
            case (true, _, _): self = .stopped
            case (false, true, _): self = .shuttingDown
            case (false, false, true): self = .diskFull
            case (false, false, false): self = .ok
            }
        }
    }
}
