/// Reads one stream of pattern bytes from its start until it is up to date, and again.
final class CatchUpClient: RequestClient {
    private let site: BenchmarkSite
    private let path: String
    private let byteCount: Int
    private var position = 0
    private var request: RequestBytes
    private var bodyByteCount = 0
    /// Whole reads that were finished.
    private(set) var readCount = 0
    /// False where these reads are the background to something else that is measured.
    private let isMeasured: Bool

    init(
        _ site: BenchmarkSite, on thread: LoadThread, path: String, byteCount: Int, isMeasured: Bool = true
    ) throws(LoadError) {
        self.site = site
        self.path = path
        self.byteCount = byteCount
        self.isMeasured = isMeasured
        request = RequestBytes("GET", "\(path)?offset=-1", authority: site.address.authority)
        try super.init(to: site.address, on: thread)
    }

    /// Fills a stream so that it can be read.
    static func fill(
        _ site: BenchmarkSite, path: String, byteCount: Int, by client: BlockingClient
    ) throws(LoadError) {
        let contentType = "application/octet-stream"
        try site.createStream(path, contentType: contentType, by: client)
        var filled = 0
        while filled < byteCount {
            let count = min(1 << 20, byteCount - filled)
            try site.append(
                PatternBytes.bytes(from: filled, count: count), to: path, contentType: contentType, by: client)
            filled += count
        }
    }

    override func start() {
        sendNext(at: MonotonicClock.now)
    }

    override func nextRequest(at time: UInt64) -> RequestBytes? {
        bodyByteCount = 0
        return request
    }

    override func fault(in head: ResponseHead) -> String? {
        if let fault = statusFault(head, 200, "a read") { return fault }
        return head.nextOffset.isEmpty ? "the answer to a read has no Stream-Next-Offset" : nil
    }

    override func fault(inBody piece: UnsafeRawBufferPointer) -> String? {
        let start = position + bodyByteCount
        bodyByteCount += piece.count
        guard start + piece.count <= byteCount, PatternBytes.matches(piece, from: start) else {
            return "other bytes than were written, at \(start) to \(start + piece.count) of \(path)"
        }
        return nil
    }

    override func faultAtEnd() -> String? {
        let end = position + bodyByteCount
        if connection.head.isUpToDate {
            return end == byteCount ? nil : "\(path) is up to date after \(end) bytes instead of \(byteCount)"
        }
        return bodyByteCount == 0 ? "an empty answer that is not up to date" : nil
    }

    override func succeeded(at time: UInt64) {
        if isMeasured { measurement.completed(from: requestTime, to: time, byteCount: bodyByteCount) }
        position += bodyByteCount
        var offset = "-1"
        if connection.head.isUpToDate {
            position = 0
            readCount += 1
        } else {
            offset = String(decoding: connection.head.nextOffset, as: UTF8.self)
        }
        request = RequestBytes("GET", "\(path)?offset=\(offset)", authority: site.address.authority)
    }

    override func failed() {
        position = 0
        request = RequestBytes("GET", "\(path)?offset=-1", authority: site.address.authority)
    }
}
