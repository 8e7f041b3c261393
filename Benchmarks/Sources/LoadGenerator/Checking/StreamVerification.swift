/// Reads streams back once the load is over, and compares them with what was acknowledged.
struct StreamVerification {
    let site: BenchmarkSite
    let style: AppendStyle
    private(set) var failures = FailureLog()
    private(set) var payloadCount = 0

    init(site: BenchmarkSite, style: AppendStyle) {
        self.site = site
        self.style = style
    }

    /// The counts are those of the messages that each writer has had acknowledged on this stream.
    mutating func verify(
        path: String, counts: [Int: Int], by client: BlockingClient
    ) throws(LoadError) {
        var checker = PayloadChecker(format: style.format)
        var offset = "-1"
        var isUpToDate = false
        while !isUpToDate {
            if Interruption.isRequested { throw LoadError("interrupted") }
            let response = try client.exchange("GET", "\(path)?offset=\(offset)")
            guard response.head.status == 200, !response.head.nextOffset.isEmpty else {
                failures.add("GET \(path) was answered \(response.head.status): \(response.excerpt)")
                return
            }
            offset = String(decoding: response.head.nextOffset, as: UTF8.self)
            isUpToDate = response.head.isUpToDate
            if response.body.isEmpty, !isUpToDate {
                failures.add("an empty answer that is not up to date, at \(offset) of \(path)")
                return
            }
            check(response.body, of: path, by: &checker)
        }
        payloadCount += checker.payloadCount
        if checker.isWithinPayload { failures.add("\(path) ends within a payload") }
        if checker.nextNumbers != counts.filter({ $0.value > 0 }) {
            let wrong = counts.first { checker.nextNumbers[$0.key] ?? 0 != $0.value }
            failures.add(
                "\(path) has \(wrong.map { checker.nextNumbers[$0.key] ?? 0 } ?? 0) payloads of writer "
                    + "\(wrong?.key ?? -1), of which \(wrong?.value ?? 0) were acknowledged")
        }
    }

    private mutating func check(_ body: [UInt8], of path: String, by checker: inout PayloadChecker) {
        body.withUnsafeBytes { body in
            guard style.jsonBatchCount != nil else {
                return checker.check(body, failed: { failures.add("\(path): \($0)") })
            }
            var messages = JSONMessages(in: body, messageByteCount: style.messageByteCount)
            while let message = messages.next() {
                checker.check(message, failed: { failures.add("\(path): \($0)") })
            }
            if let fault = messages.fault { failures.add("\(path): \(fault)") }
        }
    }
}

/// What stands between the quotes of a JSON array of strings of one length, as this program writes them. Valid as long
/// as the array's bytes are.
struct JSONMessages: IteratorProtocol {
    private static let quote = UInt8(ascii: "\"")

    private let body: UnsafeRawBufferPointer
    private let messageByteCount: Int
    private var start = 1
    /// Why there is no next one, if not because the array has ended.
    private(set) var fault: String?

    init(in body: UnsafeRawBufferPointer, messageByteCount: Int) {
        self.body = body
        self.messageByteCount = messageByteCount
    }

    mutating func next() -> UnsafeRawBufferPointer? {
        if fault != nil || start > 1 && start == body.count || body.elementsEqual("[]".utf8) { return nil }
        let end = start + messageByteCount
        guard body.first == UInt8(ascii: "["), end < body.count, body[start] == Self.quote,
            body[end - 1] == Self.quote
        else { return fail("what stands at byte \(start) of an answer is no message that was written") }
        let isLast = end + 1 == body.count
        guard body[end] == UInt8(ascii: isLast ? "]" : ",") else { return fail("no comma or end at byte \(end)") }
        let message = UnsafeRawBufferPointer(rebasing: body[(start + 1)..<(end - 1)])
        start = end + 1
        return message
    }

    private mutating func fail(_ reason: String) -> UnsafeRawBufferPointer? {
        fault = reason
        return nil
    }
}
