internal import Glibc

/// What the appends of a benchmark look like.
struct AppendStyle {
    /// Of a message, as it is stored: with the quotes, if it is JSON.
    var messageByteCount = 100
    /// Messages in one request, as a JSON array; nil: one payload of bytes.
    var jsonBatchCount: Int?
    /// Whether each writer is an idempotent producer.
    var hasProducers = false
    /// Event streams give the payloads of textual streams as they are.
    var isText = false

    var contentType: String {
        if jsonBatchCount != nil { return "application/json" }
        return isText ? "text/plain" : "application/octet-stream"
    }
    var format: PayloadFormat {
        PayloadFormat(byteCount: jsonBatchCount == nil ? messageByteCount : messageByteCount - 2)
    }
    var messagesPerRequest: Int { jsonBatchCount ?? 1 }
}

/// The request of one writer to one stream, and how far it has got.
final class AppendRequest {
    let stream: Int
    /// Requests that were acknowledged.
    private(set) var acknowledgedCount = 0
    private let style: AppendStyle
    private let request: RequestBytes
    private let sequencePlace: UnsafeMutableRawBufferPointer?
    /// The last one that was answered with.
    private var nextOffset: [UInt8] = []

    init(_ style: AppendStyle, site: BenchmarkSite, stream: Int, writer: Int) {
        self.style = style
        self.stream = stream
        let payload = style.format.makePayload(writer: writer)
        var body: [UInt8] = []
        if let count = style.jsonBatchCount {
            let message = [UInt8(ascii: "\"")] + payload + [UInt8(ascii: "\"")]
            body = [UInt8(ascii: "[")]
            for index in 0..<count { body += (index == 0 ? [] : [UInt8(ascii: ",")]) + message }
            body.append(UInt8(ascii: "]"))
        } else {
            body = payload
        }
        var fields = [("Content-Type", style.contentType)]
        if style.hasProducers {
            fields += [
                ("Producer-Id", "writer-\(writer)"), ("Producer-Epoch", "0"), ("Producer-Seq", "000000000000"),
            ]
        }
        request = RequestBytes(
            "POST", site.path(ofStream: stream), authority: site.address.authority, fields, body: body)
        sequencePlace = style.hasProducers ? request.place(ofField: "Producer-Seq") : nil
    }

    /// The next append, which was due at this time. Until one is acknowledged it stays the same one.
    func next(dueAt time: UInt64) -> RequestBytes {
        if let count = style.jsonBatchCount {
            let width = style.messageByteCount + 1
            for index in 0..<count {
                PayloadFormat.stamp(
                    request.body + 2 + index * width, number: acknowledgedCount * count + index, time: time)
            }
        } else {
            PayloadFormat.stamp(request.body, number: acknowledgedCount, time: time)
        }
        if let sequencePlace { RequestBytes.writeDecimal(acknowledgedCount, to: sequencePlace) }
        return request
    }

    /// The first append, for whoever sends it more than once.
    func first() -> RequestBytes {
        next(dueAt: 0)
    }

    /// What is wrong with the answer.
    func fault(in head: ResponseHead) -> String? {
        let status = style.hasProducers ? 200 : 204
        guard head.status == status else { return "an append was answered \(head.status) instead of \(status)" }
        if let sequence = sequencePlace == nil ? nil : head.producerSequence, sequence != acknowledgedCount {
            return "an append with Producer-Seq \(acknowledgedCount) was answered with \(sequence)"
        }
        guard !head.nextOffset.isEmpty else { return "the answer to an append has no Stream-Next-Offset" }
        guard Self.isLater(head.nextOffset, than: nextOffset) else {
            return "the answers to two appends to one stream have the offsets "
                + String(decoding: nextOffset, as: UTF8.self) + " and then "
                + String(decoding: head.nextOffset, as: UTF8.self)
        }
        return nil
    }

    func acknowledged(_ head: ResponseHead) {
        acknowledgedCount += 1
        nextOffset.removeAll(keepingCapacity: true)
        nextOffset.append(contentsOf: head.nextOffset)
    }

    /// Offsets are opaque but for this: later ones sort later, byte by byte (protocol, section on offsets).
    private static func isLater(_ offset: [UInt8], than other: [UInt8]) -> Bool {
        let order = memcmp(offset, other, min(offset.count, other.count))
        return order > 0 || order == 0 && offset.count > other.count
    }
}

/// Appends, one request at a time, to one stream after the other of those that it was given.
///
/// With a rate, the writers' appends are spread over the interval.
final class AppendClient: RequestClient {
    let writer: Int
    let requests: [AppendRequest]
    private var current = 0
    private let style: AppendStyle
    private let whenFinished: (AppendClient) -> Void
    private var remainingCount: Int
    private var startDelay: UInt64 = 0
    /// False where these appends are the background to something else that is measured.
    private let isMeasured: Bool

    init(
        _ style: AppendStyle, site: BenchmarkSite, on thread: LoadThread, writer: Int, streams: [Int],
        requestLimit: Int = .max, isMeasured: Bool = true,
        whenFinished: @escaping (AppendClient) -> Void = { _ in }
    ) throws(LoadError) {
        self.style = style
        self.writer = writer
        self.isMeasured = isMeasured
        self.whenFinished = whenFinished
        remainingCount = requestLimit
        requests = streams.map { AppendRequest(style, site: site, stream: $0, writer: writer) }
        try super.init(to: site.address, on: thread)
    }

    override func nextRequest(at time: UInt64) -> RequestBytes? {
        remainingCount > 0 ? requests[current].next(dueAt: time) : nil
    }

    override func fault(in head: ResponseHead) -> String? { requests[current].fault(in: head) }

    override func succeeded(at time: UInt64) {
        requests[current].acknowledged(connection.head)
        remainingCount -= 1
        current = current + 1 == requests.count ? 0 : current + 1
        guard isMeasured else { return }
        let byteCount = style.messageByteCount * style.messagesPerRequest
        if interval > 0 {
            measurement.completed(dueAt: requestTime, at: time, byteCount: byteCount)
        } else {
            measurement.completed(from: requestTime, to: time, byteCount: byteCount)
        }
    }

    override func start() {
        guard interval > 0 else { return super.start() }
        let start = MonotonicClock.now + startDelay
        loop.schedule(at: start) { [weak self] in self?.sendNext(at: start) }
    }

    /// Makes each of so many writers append at its part of this rate; nil: as fast as the answers come.
    func setRate(perSecond rate: Double?, writerCount: Int) {
        guard let rate else { return }
        interval = max(1, UInt64(1e9 * Double(writerCount) / rate))
        startDelay = interval / UInt64(writerCount) * UInt64(writer)
    }

    override func finished() { whenFinished(self) }
}
