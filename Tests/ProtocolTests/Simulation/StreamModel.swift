/// What one stream must contain and answer, by the protocol page. Pure: no sockets, no time.
struct StreamModel: Sendable {
    struct Append: Sendable {
        /// The content type of the request.
        var type: String
        var body: [UInt8]
        /// The messages of a valid JSON body; nil when the body is not valid JSON.
        var messages: [[UInt8]]?
        var closes = false
        var sequence: String?
        var producer: Producer?
    }

    struct Producer: Sendable, Equatable {
        var id: String
        var epoch: Int
        var sequence: Int
    }

    enum Answer: Sendable, Equatable {
        /// 204, or 200 for a producer's append with a body.
        case accepted(status: Int)
        /// 204: stored before. The highest accepted sequence number of the producer.
        case duplicate(sequence: Int)
        case refused(status: Int)
        case refusedBecauseClosed
    }

    let type: String
    let wasCreatedClosed: Bool
    var isClosed: Bool
    /// Messages of a JSON stream, single bytes of any other one.
    private(set) var units: [[UInt8]] = []
    private(set) var lastSequence: String?
    private(set) var producers: [String: (epoch: Int, sequence: Int)] = [:]
    private(set) var closer: Producer?
    /// How many units come before each offset that the server has handed out.
    var unitCounts: [String: Int] = [TestStream.start: 0]
    var tail = TestStream.start

    var isJSON: Bool { type == "application/json" }

    init(type: String, isClosed: Bool) {
        self.type = type
        wasCreatedClosed = isClosed
        self.isClosed = isClosed
    }

    /// What a read from here to the tail returns.
    func content(from unitCount: Int) -> [UInt8] {
        let rest = units[unitCount...]
        guard isJSON else { return Array(rest.joined()) }
        return Array("[".utf8) + Array(rest.joined(separator: [UInt8(ascii: ",")])) + Array("]".utf8)
    }

    mutating func add(_ append: Append) {
        units += isJSON ? append.messages ?? [] : append.body.map { [$0] }
    }

    /// Decides about an append or close, and applies it if it is accepted.
    mutating func apply(_ append: Append) -> Answer {
        if isClosed {
            if append.body.isEmpty, append.closes, append.producer == nil { return .accepted(status: 204) }
            if let producer = append.producer, producer == closer {
                return .duplicate(sequence: producer.sequence)
            }
            return .refusedBecauseClosed
        }
        if append.body.isEmpty, !append.closes { return .refused(status: 400) }
        if !append.body.isEmpty {
            if append.type != type { return .refused(status: 409) }
            if isJSON, append.messages?.isEmpty ?? true { return .refused(status: 400) }
        }
        if let producer = append.producer, let answer = refusal(of: producer) { return answer }
        if let sequence = append.sequence, let lastSequence, !Self.isGreater(sequence, than: lastSequence) {
            return .refused(status: 409)
        }
        add(append)
        if let sequence = append.sequence { lastSequence = sequence }
        if let producer = append.producer { producers[producer.id] = (producer.epoch, producer.sequence) }
        if append.closes {
            isClosed = true
            closer = append.producer
        }
        return .accepted(status: append.producer != nil && !append.body.isEmpty ? 200 : 204)
    }

    private func refusal(of producer: Producer) -> Answer? {
        guard let known = producers[producer.id] else {
            return producer.sequence == 0 ? nil : .refused(status: 409)
        }
        if producer.epoch < known.epoch { return .refused(status: 403) }
        if producer.epoch > known.epoch { return producer.sequence == 0 ? nil : .refused(status: 400) }
        if producer.sequence <= known.sequence { return .duplicate(sequence: known.sequence) }
        return producer.sequence == known.sequence + 1 ? nil : .refused(status: 409)
    }

    private static func isGreater(_ left: String, than right: String) -> Bool {
        right.utf8.lexicographicallyPrecedes(left.utf8)
    }
}
